"""Layers of settings, how they merge, and where each value came from.

Tables merge key by key; everything else, arrays included, is replaced by the higher layer.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, cast


class Level(IntEnum):
    """Where a layer stands; the higher one wins."""

    SHIPPED = 0
    PROFILE = 1
    LOCAL = 2
    SOURCES = 3
    """Sources named on the command line, in place of those in the files."""
    SHORT_VARIABLE = 4
    """The five variables that act on every `websocket` sink."""
    VARIABLE = 5
    SET = 6


@dataclass(frozen=True, slots=True)
class Text:
    """Text from a variable or `--set`, which means nothing until the schema says what is expected."""

    text: str


class Layer(NamedTuple):
    """One file, one variable or one `--set`: a table, and where it came from."""

    level: Level
    where: str
    tree: Mapping[str, object]


class Step(NamedTuple):
    """A value that one layer gave."""

    level: Level
    where: str
    value: object


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a table, with every layer that ever gave it."""

    steps: tuple[Step, ...]
    """Lowest layer first; the last one holds."""

    @property
    def value(self) -> object:
        """The value that holds."""
        return self.steps[-1].value


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with the places that had a part in it."""

    children: Mapping[str, "Node"]
    wheres: tuple[str, ...] = ()


Node = Leaf | Table


def merge(layers: Iterable[Layer]) -> Table:
    """All layers as one, given lowest first."""
    merged = Table({})
    for layer in layers:
        merged = _merge_table(merged, layer.tree, layer.level, layer.where)
    return merged


def _merge_table(lower: Node | None, tree: Mapping[str, object], level: Level, where: str) -> Table:
    base = lower if isinstance(lower, Table) else Table({})
    children = dict(base.children)
    for key, value in tree.items():
        children[key] = _merge_value(children.get(key), value, level, where)
    return Table(children, (*base.wheres, where))


def _merge_value(lower: Node | None, value: object, level: Level, where: str) -> Node:
    if isinstance(value, Mapping):
        return _merge_table(lower, cast(Mapping[str, object], value), level, where)
    steps = lower.steps if isinstance(lower, Leaf) else ()
    return Leaf((*steps, Step(level, where, value)))


def plain(node: Node) -> object:
    """The values alone, as dicts and what they hold."""
    if isinstance(node, Leaf):
        return node.value
    return {key: plain(child) for key, child in node.children.items()}


def child(node: Node | None, key: str) -> Node | None:
    """The node under a key, if there is one."""
    return node.children.get(key) if isinstance(node, Table) else None


def where(node: Node) -> str:
    """Where what holds came from: one place for a value, all that have a part in a table."""
    return ", ".join(dict.fromkeys(_wheres(node)))


def _wheres(node: Node) -> Iterator[str]:
    if isinstance(node, Leaf):
        yield node.steps[-1].where
    elif not node.children:
        yield from node.wheres
    else:
        for below in node.children.values():
            yield from _wheres(below)


def mapping_in(tree: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """The table at a path of a layer; an empty one when nothing or something else is there."""
    for key in path:
        below = tree.get(key)
        tree = cast(Mapping[str, object], below) if isinstance(below, Mapping) else {}
    return tree
