"""Turns raw layers into layers that can be merged, with the type of every adapter known.

Which settings an adapter takes depends on its `type`, and the type can stand in any layer. So it is found
first, and each layer is then brought into the form that the type expects.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from beats.config.layers.casting import fit, inline_table
from beats.config.layers.environment import SHORT_TYPE, short_layers
from beats.config.layers.merging import Layer, Level, Text, mapping_in
from beats.config.schema import BASES, GROUPS, SECTIONS, Group
from beats.config.settings import KernelSettings


class AdapterKey(NamedTuple):
    """Where an adapter stands in the settings."""

    group: Group
    name: str


def open_tables(layer: Layer) -> Layer:
    """Read the inline tables that stand, as text, for whole sections and adapters.

    These places hold a table whatever the type; text that is none is left for the check to report.
    """
    tree = {key: _table(value) if key in SECTIONS else value for key, value in layer.tree.items()}
    for group in GROUPS:
        if isinstance(tree.get(group), Mapping):
            tree[group] = {name: _table(value) for name, value in mapping_in(tree, group).items()}
    return layer._replace(tree=tree)


def _table(value: object) -> object:
    if isinstance(value, Text):
        try:
            return inline_table(value.text)
        except ValueError:
            return value
    return value


def replace_sources(layers: Iterable[Layer], replacement: Layer) -> tuple[list[Layer], list[str]]:
    """Put `replacement` in place of the sources of all lower layers; returns warnings too.

    What a variable or `--set` says of a source that is gone has no effect: `beats run picture.gif` must
    work in a shell that tunes the demo.
    """
    kept: list[Layer] = []
    warnings: list[str] = []
    layers = list(layers)
    files = [layer for layer in layers if layer.level < Level.SOURCES]
    gone = {name for layer in files for name in mapping_in(layer.tree, "sources")}
    gone -= mapping_in(replacement.tree, "sources").keys()
    for layer in layers:
        others = {key: value for key, value in layer.tree.items() if key != "sources"}
        if layer.level > Level.SOURCES:
            named = mapping_in(layer.tree, "sources")
            others |= {"sources": {name: value for name, value in named.items() if name not in gone}}
            warnings += [
                f"{layer.where}: has no effect: other sources stand in place of '{name}'"
                for name in named
                if name in gone
            ]
        kept.append(layer._replace(tree=others))
    return _sorted([*kept, replacement]), warnings


def adapter_types(layers: Iterable[Layer]) -> dict[AdapterKey, str | None]:
    """The type of every adapter that any layer names; None when no layer says it, or not as text."""
    types: dict[AdapterKey, str | None] = {}
    for layer in layers:
        for key, table in _adapters(layer):
            types.setdefault(key, None)
            if "type" in table:
                types[key] = _text(table["type"])
    return types


def start_afresh(layers: Iterable[Layer]) -> list[Layer]:
    """Where a layer changes the type of an adapter, drop what lower layers say to the old type alone.

    Without this, `[sinks.browser] type = "null"` would inherit a port from `default.toml` and be refused
    for it. What all sources, or all sinks, have (such as `enabled` and `queue`) stays.
    """
    done: list[Layer] = []
    types: dict[AdapterKey, str | None] = {}
    # Variables are one step together, as are all --set: which of them comes first must not matter.
    for _, step in groupby(
        layers, key=lambda layer: (layer.level, layer.level < Level.SOURCES and layer.where)
    ):
        together = list(step)
        for key, new in adapter_types(together).items():
            if new is not None and types.get(key) not in (None, new):
                done = [_keep_common(layer, key) for layer in done]
            types[key] = new or types.get(key)
        done += together
    return done


def add_short_variables(layers: Iterable[Layer], environ: Mapping[str, str]) -> list[Layer]:
    """Add the variables that act on every `websocket` sink, above the files."""
    layers = list(layers)
    types = adapter_types(layers)
    names = [key.name for key, kind in types.items() if key.group == "sinks" and kind == SHORT_TYPE]
    return _sorted([*layers, *(layer for name in names for layer in short_layers(environ, "sinks", name))])


def fit_layer(layer: Layer, models: Mapping[AdapterKey, Any]) -> Layer:
    """Bring every value of a layer into the form that its place expects."""
    tree: dict[str, object] = {}
    for section, value in layer.tree.items():
        if section in GROUPS and isinstance(value, Mapping):
            group = mapping_in(layer.tree, section)
            tree[section] = {
                name: fit(table, models.get(AdapterKey(section, name), BASES[section]))
                for name, table in group.items()
            }
        else:
            tree[section] = fit(value, KernelSettings if section == "kernel" else Any)
    return layer._replace(tree=tree)


def _adapters(layer: Layer) -> Iterator[tuple[AdapterKey, Mapping[str, object]]]:
    for group in GROUPS:
        for name, value in mapping_in(layer.tree, group).items():
            if isinstance(value, Mapping):
                yield AdapterKey(group, name), mapping_in(layer.tree, group, name)


def _keep_common(layer: Layer, key: AdapterKey) -> Layer:
    table = mapping_in(layer.tree, key.group, key.name)
    common = {name: value for name, value in table.items() if name in BASES[key.group].model_fields}
    if common.keys() == table.keys():
        return layer
    group = {**mapping_in(layer.tree, key.group), key.name: common}
    return layer._replace(tree={**layer.tree, key.group: group})


def _sorted(layers: Iterable[Layer]) -> list[Layer]:
    return sorted(layers, key=lambda layer: layer.level)  # stable: the order within a level stays


def _text(value: object) -> str | None:
    if isinstance(value, Text):
        return value.text
    return value if isinstance(value, str) else None
