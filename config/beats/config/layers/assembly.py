"""Prepares layers for merging, which needs the type of every adapter.

The type decides which settings an adapter takes, and any layer can set it. So the types are found first, and
the values of each layer are then converted to what these settings expect.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from beats.config.layers.casting import fit, inline_table
from beats.config.layers.merging import Layer, Level, Text, mapping_in
from beats.config.schema import BASES, GROUPS, SECTIONS, TABLES, AdapterKey


def parse_tables(layer: Layer) -> Layer:
    """Parse the inline tables given, as text, for whole sections and adapters.

    These hold a table whatever the type. Text that is not a table is left for the check to report.
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
    """Replace the sources of all lower layers; also returns warnings.

    Settings that a variable or `--set` gives for a replaced source have no effect: `beats run picture.gif`
    must work in a shell that has variables for the demo.
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
                f"{layer.where}: has no effect: other sources replace '{name}'"
                for name in named
                if name in gone
            ]
        kept.append(layer._replace(tree=others))
    return in_order([*kept, replacement]), warnings


def in_order(layers: Iterable[Layer]) -> list[Layer]:
    """The layers, lowest first; those of one level keep their order."""
    return sorted(layers, key=lambda layer: layer.level)


def adapter_types(layers: Iterable[Layer]) -> dict[AdapterKey, str | None]:
    """The type of every adapter in any layer; None when no layer sets it, or not as text."""
    types: dict[AdapterKey, str | None] = {}
    for layer in layers:
        for key, table in _adapters(layer):
            types.setdefault(key, None)
            if "type" in table:
                kind = table["type"]
                text = kind.text if isinstance(kind, Text) else kind
                types[key] = text if isinstance(text, str) else None
    return types


def _adapters(layer: Layer) -> Iterator[tuple[AdapterKey, Mapping[str, object]]]:
    for group in GROUPS:
        for name, value in mapping_in(layer.tree, group).items():
            if isinstance(value, Mapping):
                yield AdapterKey(group, name), mapping_in(layer.tree, group, name)


def drop_settings_of_old_types(layers: Iterable[Layer]) -> list[Layer]:
    """Where a layer changes an adapter's type, drop the settings that lower layers give for the old type.

    Without this, `[sinks.browser] type = "null"` would inherit a port from `default.toml` and be refused
    for it. Settings that all sources, or all sinks, have (such as `enabled` and `queue`) stay.
    """
    done: list[Layer] = []
    types: dict[AdapterKey, str | None] = {}
    # All variables are one step, as are all `--set`: the order among them must not matter.
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


def _keep_common(layer: Layer, key: AdapterKey) -> Layer:
    table = mapping_in(layer.tree, key.group, key.name)
    common = {name: value for name, value in table.items() if name in BASES[key.group].model_fields}
    if common.keys() == table.keys():
        return layer
    group = {**mapping_in(layer.tree, key.group), key.name: common}
    return layer._replace(tree={**layer.tree, key.group: group})


def fit_layer(layer: Layer, models: Mapping[AdapterKey, Any]) -> Layer:
    """Convert every value of a layer to the type that its setting expects."""
    tree: dict[str, object] = {}
    for section, value in layer.tree.items():
        if section in GROUPS and isinstance(value, Mapping):
            group = mapping_in(layer.tree, section)
            tree[section] = {
                name: fit(table, models.get(AdapterKey(section, name), BASES[section]))
                for name, table in group.items()
            }
        else:
            tree[section] = fit(value, TABLES.get(section, Any))
    return layer._replace(tree=tree)
