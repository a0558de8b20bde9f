from collections.abc import Mapping

import pytest

from beats.config.layers.arguments import source_layer
from beats.config.layers.assembly import (
    adapter_types,
    drop_settings_of_old_types,
    fit_layer,
    parse_tables,
    replace_sources,
)
from beats.config.layers.merging import Layer, Level, Text, merge, plain
from beats.config.schema import AdapterKey
from tests.config.fakes import WebsocketSettings


def layer(tree: Mapping[str, object], level: Level = Level.PROFILE, where: str = "x.toml") -> Layer:
    return Layer(level, where, tree)


def result(layers: list[Layer]) -> object:
    return plain(merge(layers))


def test_text_for_a_whole_table_is_parsed() -> None:
    """A section and an adapter are tables whatever the type; other text is left for the check to report."""
    raw = layer(
        {"sinks": Text('{ a = { type = "null" } }'), "kernel": Text('{ log_level = "INFO" }')}, Level.SET
    )
    assert parse_tables(raw).tree == {"sinks": {"a": {"type": "null"}}, "kernel": {"log_level": "INFO"}}
    assert parse_tables(layer({"sinks": {"a": Text('{ type = "null" }')}})).tree == {
        "sinks": {"a": {"type": "null"}}
    }
    raw = layer({"sinks": {"a": Text("3")}, "kernel": Text("3"), "other": Text("{ a = 1 }")})
    assert parse_tables(raw) == raw


def test_the_highest_layer_sets_the_type_of_an_adapter() -> None:
    """Any layer can set it, also as text from a variable."""
    layers = [
        layer({"sinks": {"a": {"type": "websocket"}, "b": {"port": 1}}, "sources": {"a": {"type": 3}}}),
        layer({"sinks": {"a": {"type": Text("null")}}}, Level.VARIABLE),
    ]
    assert adapter_types(layers) == {
        AdapterKey("sources", "a"): None,
        AdapterKey("sinks", "a"): "null",
        AdapterKey("sinks", "b"): None,
    }


def test_a_new_type_does_not_inherit_settings_of_the_old_one() -> None:
    """Settings that all sinks have are inherited."""
    layers = drop_settings_of_old_types([
        layer({"sinks": {"a": {"type": "websocket", "port": 1, "enabled": False, "queue": {"size": 3}}}}),
        layer({"sinks": {"a": {"type": "recorder", "path": "p"}}}, Level.LOCAL, "local.toml"),
    ])  # fmt: skip
    assert result(layers) == {
        "sinks": {"a": {"type": "recorder", "enabled": False, "queue": {"size": 3}, "path": "p"}}
    }


@pytest.mark.parametrize("lower", [{"type": "websocket", "port": 1}, {"port": 1}])
def test_setting_the_same_or_the_first_type_drops_nothing(lower: dict[str, object]) -> None:
    """A layer without a type gives settings for the type that a higher layer sets."""
    layers = [layer({"sinks": {"a": lower}}), layer({"sinks": {"a": {"type": "websocket"}}}, Level.LOCAL)]
    assert drop_settings_of_old_types(layers) == layers


def test_variables_change_type_and_settings_together() -> None:
    """The order of the variables does not matter."""
    layers = drop_settings_of_old_types([
        layer({"sinks": {"a": {"type": "websocket", "port": 1}}}),
        layer({"sinks": {"a": {"path": Text("p")}}}, Level.VARIABLE, "BEATS_SINKS__A__PATH"),
        layer({"sinks": {"a": {"type": Text("recorder")}}}, Level.VARIABLE, "BEATS_SINKS__A__TYPE"),
    ])  # fmt: skip
    assert result(layers) == {"sinks": {"a": {"type": Text("recorder"), "path": Text("p")}}}


def test_a_variable_for_a_replaced_source_is_a_warning() -> None:
    """`beats run picture.gif` works in a shell that has variables for the demo."""
    layers, [warning] = replace_sources(
        [
            layer({"sources": {"demo": {"type": "demo"}}}),
            layer({"sources": {"demo": {"fps": Text("5")}}}, Level.VARIABLE, "BEATS_SOURCES__DEMO__FPS"),
        ],
        source_layer({"picture": {"type": "images"}}),
    )
    assert result(layers) == {"sources": {"picture": {"type": "images"}}}
    assert warning.startswith("BEATS_SOURCES__DEMO__FPS: has no effect")


def test_a_layer_is_fitted_to_the_settings_of_each_adapter() -> None:
    """Where they are unknown, to the settings that all sinks have."""
    raw = layer(
        {
            "kernel": {"shutdown_timeout_s": Text("2")},
            "sinks": {
                "a": {"port": Text("1"), "enabled": Text("no")},
                "b": {"port": Text("1"), "enabled": Text("no")},
            },
            "other": Text("1"),
        }
    )
    assert fit_layer(raw, {AdapterKey("sinks", "a"): WebsocketSettings}).tree == {
        "kernel": {"shutdown_timeout_s": 2.0},
        "sinks": {"a": {"port": 1, "enabled": False}, "b": {"port": "1", "enabled": False}},
        "other": "1",
    }
