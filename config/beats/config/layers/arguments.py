"""The layers that a command line or a Python program gives."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from beats.config.errors import Problem, shown
from beats.config.layers.merging import Layer, Level, Text

OVERRIDES: Final = "overrides"
"""Where a value came from that a Python program gave."""
COMMAND_LINE: Final = "command line"
"""Where a source came from that the command line named in place of the profile's."""
_FORM: Final = "must have the form PATH=VALUE, such as --set sinks.browser.port=9000"


def set_layers(sets: Sequence[str]) -> tuple[list[Layer], list[Problem]]:
    """One layer for each `PATH=VALUE`; the last of several for one path is the highest."""
    layers: list[Layer] = []
    problems: list[Problem] = []
    for text in sets:
        path, equals, value = text.partition("=")
        path = path.strip()
        tree = _place(path, Text(value)) if equals else None
        if tree is None:
            # The value stays unseen: what is in the wrong form may still be a secret.
            problems.append(Problem("--set", "", shown(path or text), _FORM))
        else:
            layers.append(Layer(Level.SET, f"--set {path}", tree))
    return layers, problems


def override_layer(overrides: Mapping[str, object]) -> Layer:
    """The layer of typed values that a program gives; it lies where `--set` does."""
    return Layer(Level.SET, OVERRIDES, _copy(overrides))


def source_layer(sources: Mapping[str, object]) -> Layer:
    """The sources that stand in place of the profile's."""
    return Layer(Level.SOURCES, COMMAND_LINE, {"sources": _copy(sources)})


def key_parts(key: str) -> tuple[str, ...] | None:
    """The parts of a key as TOML says it; None when it is no key."""
    tree: object = _place(key, None)
    parts: list[str] = []
    while isinstance(tree, Mapping):
        [(part, tree)] = cast(Mapping[str, object], tree).items()
        parts.append(part)
    return tuple(parts) or None


def _place(path: str, value: object) -> dict[str, object] | None:
    """The value in tables as a TOML key says it (so quotes work); None when it is no key."""
    try:
        tree = tomllib.loads(f"{path} = 0")
    except (ValueError, RecursionError):
        return None
    table = tree
    while True:
        if len(table) != 1:  # a line break in the text began a second key
            return None
        [(key, below)] = table.items()
        if not isinstance(below, dict):
            table[key] = value
            return tree
        table = cast(dict[str, object], below)


def _copy(tree: Mapping[str, object]) -> dict[str, object]:
    """A copy that later changes to the caller's mapping do not reach."""
    return {
        str(key): _copy(cast(Mapping[str, object], value)) if isinstance(value, Mapping) else value
        for key, value in tree.items()
    }
