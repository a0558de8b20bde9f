"""References in files to environment variables: `token = "${WALL_TOKEN}"`.

The reference is the whole value, so that a `$` within a path or a pattern has no effect. The variable's value
is converted to the type that its setting expects, as that of any variable. `$${…}` is plain text.
`${WALL_HOST:-localhost}` gives `localhost` when the variable is empty or not set, as in a shell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from beats.config.errors import Problem, dotted, shown
from beats.config.layers.casting import fit
from beats.config.layers.merging import Layer, Level, Text, leaves, mapping_in

REFERENCE_PATTERN: Final = r"^\$\{[A-Za-z0-9_]+(:-[^{}]*)?\}$"
"""Matches a reference, in a JSON Schema (ECMA-262 regular expression)."""
_REFERENCE: Final = re.compile(r"(?P<plain>\$?)\$\{(?P<name>\w+)(?::-(?P<default>[^{}]*))?\}", re.ASCII)
_Path = tuple[str, ...]


def referenced_variables(layers: Iterable[Layer]) -> set[str]:
    """The variables that files reference."""
    files = (layer for layer in layers if layer.level <= Level.LOCAL)
    return {match["name"] for layer in files for _, match in _references(layer)}


def variables_in(folder: Path) -> set[str]:
    """The variables that any profile in a folder references."""
    texts = (path.read_text(encoding="utf-8") for path in folder.glob("*.toml"))
    return {match["name"] for text in texts for match in _REFERENCE.finditer(text)}


def resolve(layers: Sequence[Layer], environ: Mapping[str, str]) -> tuple[list[Layer], list[Problem]]:
    """Replace the references in files by the values of their variables.

    A variable that is not set is a problem, unless a higher layer gives the value, or the sink or source is
    switched off.
    """
    resolved: list[Layer] = []
    problems: list[Problem] = []
    for index, layer in enumerate(layers):
        if layer.level > Level.LOCAL:
            resolved.append(layer)
            continue
        resolved.append(layer._replace(tree=_resolved(layer.tree, environ)))
        for path, match in _references(layer):
            is_used = not _is_given(layers[index + 1 :], path) and not _is_off(layers, path)
            if is_used and _text(match, environ) is None:
                message = f"the environment variable {match['name']} is not set"
                problems.append(Problem(layer.place(path), dotted(path), shown(match[0]), message))
    return resolved, problems


def _resolved(tree: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    """The table, without references to variables that are not set."""
    found = {key: _value(value, environ) for key, value in tree.items()}
    return {key: value for key, value in found.items() if value is not None}


def _value(value: object, environ: Mapping[str, str]) -> object:
    if isinstance(value, Mapping):
        return _resolved(cast("Mapping[str, object]", value), environ)
    if isinstance(value, str) and (match := _REFERENCE.fullmatch(value)) is not None:
        if match["plain"]:
            return value[1:]
        text = _text(match, environ)
        variable = match["name"] if text == environ.get(match["name"]) else None
        return None if text is None else Text(text, variable)
    return value


def _text(match: re.Match[str], environ: Mapping[str, str]) -> str | None:
    """The text that a reference gives; None when its variable is not set."""
    default: str | None = match["default"]
    given = environ.get(match["name"])
    return given if default is None else given or default


def _references(layer: Layer) -> Iterator[tuple[_Path, re.Match[str]]]:
    """The path and the parts of each reference."""
    for path, value in leaves(layer.tree):
        if isinstance(value, str) and (match := _REFERENCE.fullmatch(value)) and not match["plain"]:
            yield path, match


def _is_given(higher: Sequence[Layer], path: _Path) -> bool:
    return any(path[-1] in mapping_in(layer.tree, *path[:-1]) for layer in higher)


def _is_off(layers: Sequence[Layer], path: _Path) -> bool:
    given = [mapping_in(layer.tree, *path[:2]).get("enabled") for layer in layers]
    last = next((enabled for enabled in reversed(given) if enabled is not None), True)
    return fit(last, bool) is False
