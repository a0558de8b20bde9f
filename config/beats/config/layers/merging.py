"""Layers of settings, how they merge, and where each value came from.

Tables merge key by key; the higher layer replaces everything else, arrays included.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple, cast

_Path = tuple[str, ...]
LineNumbers = Mapping[_Path, int]
"""The line of each key of a file, by its path."""
NO_LINES: Final[LineNumbers] = MappingProxyType({})


class Level(IntEnum):
    """The height of a layer; the higher one wins."""

    SHIPPED = 0
    PROFILE = 1
    LOCAL = 2
    SOURCES = 3
    """Sources named on the command line, which replace those of the files."""
    SHORT_VARIABLE = 4
    """Variables that act on every adapter of a type, such as BEATS_WEBSOCKET_PORT."""
    VARIABLE = 5
    SET = 6


@dataclass(frozen=True, slots=True)
class Text:
    """Text from a variable or `--set`, not yet converted to the type that its setting expects."""

    text: str
    variable: str | None = field(default=None, compare=False)
    """The environment variable that holds it."""


class Layer(NamedTuple):
    """The settings in one file, variable or `--set`, and where they came from."""

    level: Level
    where: str
    tree: Mapping[str, object]
    lines: LineNumbers = NO_LINES

    def place(self, path: _Path) -> str:
        """Where the value at a path came from: the file with its line, the variable, or `--set PATH`."""
        line = self.lines.get(path)
        return self.where if line is None else f"{self.where}:{line}"


class Step(NamedTuple):
    """A value that one layer gave."""

    level: Level
    where: str
    value: object
    line: int | None = None
    """The line in the file, where known."""

    @property
    def place(self) -> str:
        """Where it came from: the file with its line, the variable, or `--set PATH`."""
        return self.where if self.line is None else f"{self.where}:{self.line}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a table, with every layer that gave one."""

    steps: tuple[Step, ...]
    """Lowest layer first; the last one is in effect."""

    @property
    def value(self) -> object:
        """The value in effect."""
        return self.steps[-1].value


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with the layers that contribute to it."""

    children: Mapping[str, "Node"]
    steps: tuple[Step, ...] = ()
    """Lowest layer first, each with the line of the table in it."""


Node = Leaf | Table


def merge(layers: Iterable[Layer]) -> Table:
    """Merge layers, given lowest first."""
    merged = Table({})
    for layer in layers:
        merged = _merge_table(merged, layer.tree, layer, ())
    return merged


def _merge_table(lower: Node | None, tree: Mapping[str, object], layer: Layer, path: _Path) -> Table:
    base = lower if isinstance(lower, Table) else Table({})
    children = dict(base.children)
    for key, value in tree.items():
        children[key] = _merge_value(children.get(key), value, layer, (*path, key))
    return Table(children, (*base.steps, _step(layer, None, path)))


def _merge_value(lower: Node | None, value: object, layer: Layer, path: _Path) -> Node:
    if isinstance(value, Mapping):
        return _merge_table(lower, cast(Mapping[str, object], value), layer, path)
    steps = lower.steps if isinstance(lower, Leaf) else ()
    return Leaf((*steps, _step(layer, value, path)))


def _step(layer: Layer, value: object, path: _Path) -> Step:
    return Step(layer.level, layer.where, value, layer.lines.get(path))


def plain(node: Node) -> object:
    """The values without their origin."""
    if isinstance(node, Leaf):
        return node.value
    return {key: plain(child) for key, child in node.children.items()}


def child(node: Node | None, key: str) -> Node | None:
    """The node at a key of a table, if there is one."""
    return node.children.get(key) if isinstance(node, Table) else None


def where(node: Node) -> str:
    """Where a value came from; for a table, every place that contributes a value in effect.

    A file that contributes to a table is named with the line of the table in it.
    """
    if isinstance(node, Leaf):
        return node.steps[-1].place
    tables = {step.where: step.place for step in reversed(node.steps)}
    return ", ".join(dict.fromkeys(tables.get(step.where, step.where) for step in _in_effect(node)))


def highest_level(node: Node) -> Level:
    """The highest layer that gives a value in effect."""
    return max(step.level for step in _in_effect(node))


def _in_effect(node: Node) -> Iterator[Step]:
    """The steps whose values are in effect."""
    if isinstance(node, Leaf):
        yield node.steps[-1]
    elif not node.children:
        yield from node.steps
    else:
        for below in node.children.values():
            yield from _in_effect(below)


def nested(path: Iterable[str], value: object) -> dict[str, object]:
    """Nested tables that hold one value at a path."""
    key, *rest = path
    return {key: nested(rest, value) if rest else value}


def leaves(tree: Mapping[str, object], path: _Path = ()) -> Iterator[tuple[_Path, object]]:
    """Every value of a layer that is not a table, with its path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(cast(Mapping[str, object], value), (*path, key))
        else:
            yield (*path, key), value


def mapping_in(tree: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """The table at a path of a layer; an empty one when there is no table."""
    for key in path:
        below = tree.get(key)
        tree = cast(Mapping[str, object], below) if isinstance(below, Mapping) else {}
    return tree
