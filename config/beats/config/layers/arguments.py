"""The layers given by a command line or a Python program."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from beats.config.errors import Problem, shown
from beats.config.layers.merging import Layer, Level, Text, nested

OVERRIDES: Final = "overrides"
"""The origin of values given by a Python program."""
COMMAND_LINE: Final = "command line"
"""The origin of sources that the command line named in place of the profile's."""
_FORM: Final = "must have the form PATH=VALUE, such as --set sinks.browser.port=9000"


def set_layers(sets: Sequence[str]) -> tuple[list[Layer], list[Problem]]:
    """A layer for each `PATH=VALUE`; of several for one path, the last is the highest."""
    layers: list[Layer] = []
    problems: list[Problem] = []
    for text in sets:
        path, equals, value = text.partition("=")
        path = path.strip()
        parts = key_parts(path) if equals else None
        if parts is None:
            # Only the path is shown: a value in the wrong form may still be a secret.
            problems.append(Problem("--set", "", shown(path or text), _FORM))
        else:
            layers.append(Layer(Level.SET, f"--set {path}", nested(parts, Text(value))))
    return layers, problems


def override_layer(overrides: Mapping[str, object]) -> Layer:
    """The layer of typed values from a program, at the height of `--set`."""
    return Layer(Level.SET, OVERRIDES, _copy(overrides))


def source_layer(sources: Mapping[str, object]) -> Layer:
    """The layer of sources that replace the profile's."""
    return Layer(Level.SOURCES, COMMAND_LINE, {"sources": _copy(sources)})


def key_parts(key: str) -> tuple[str, ...] | None:
    """The parts of a TOML key, so that quotes work; None when the text is not a key."""
    try:
        tree: object = tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    while isinstance(tree, dict):
        table = cast(dict[str, object], tree)
        if len(table) != 1:  # a line break in the text began a second key
            return None
        [(part, tree)] = table.items()
        parts.append(part)
    return tuple(parts)


def _copy(tree: Mapping[str, object]) -> dict[str, object]:
    """A copy that is independent of the caller's mapping."""
    return {
        str(key): _copy(cast(Mapping[str, object], value)) if isinstance(value, Mapping) else value
        for key, value in tree.items()
    }
