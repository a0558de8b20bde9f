from collections.abc import Mapping

from beats.config.checks.assembly import (
    AdapterKey,
    adapter_types,
    add_short_variables,
    fit_layer,
    open_tables,
    replace_sources,
    start_afresh,
)
from beats.config.layers.arguments import source_layer
from beats.config.layers.merging import Layer, Level, Text, merge, plain
from tests.config.fakes import WebsocketSettings


def layer(tree: Mapping[str, object], level: Level = Level.PROFILE, where: str = "x.toml") -> Layer:
    return Layer(level, where, tree)


def result(layers: list[Layer]) -> object:
    return plain(merge(layers))


def test_text_for_a_whole_table_is_opened() -> None:
    """A section and an adapter are tables whatever the type."""
    raw = layer(
        {"sinks": Text('{ a = { type = "null" } }'), "kernel": Text('{ log_level = "INFO" }')}, Level.SET
    )
    opened = open_tables(raw)
    assert opened.tree == {"sinks": {"a": {"type": "null"}}, "kernel": {"log_level": "INFO"}}
    assert open_tables(layer({"sinks": {"a": Text('{ type = "null" }')}})).tree == {
        "sinks": {"a": {"type": "null"}}
    }


def test_text_that_is_no_table_is_left_for_the_check() -> None:
    """So that it is reported with the rest."""
    raw = layer({"sinks": {"a": Text("3")}, "kernel": Text("3"), "other": Text("{ a = 1 }")})
    assert open_tables(raw) == raw


def test_the_type_of_an_adapter_is_what_the_highest_layer_says() -> None:
    """It can stand in any layer, also as text from a variable."""
    layers = [
        layer({"sinks": {"a": {"type": "websocket"}, "b": {"port": 1}}, "sources": {"a": {"type": 3}}}),
        layer({"sinks": {"a": {"type": Text("null")}}}, Level.VARIABLE),
    ]
    assert adapter_types(layers) == {
        AdapterKey("sources", "a"): None,
        AdapterKey("sinks", "a"): "null",
        AdapterKey("sinks", "b"): None,
    }


def test_a_new_type_starts_afresh() -> None:
    """The old type's port is not passed on; what all sinks have is."""
    layers = start_afresh([
        layer({"sinks": {"a": {"type": "websocket", "port": 1, "enabled": False, "queue": {"size": 3}}}}),
        layer({"sinks": {"a": {"type": "recorder", "path": "p"}}}, Level.LOCAL, "local.toml"),
    ])  # fmt: skip
    assert result(layers) == {
        "sinks": {"a": {"type": "recorder", "enabled": False, "queue": {"size": 3}, "path": "p"}}
    }


def test_the_same_type_once_more_keeps_what_was_said() -> None:
    """Naming the type again changes nothing."""
    layers = [
        layer({"sinks": {"a": {"type": "websocket", "port": 1}}}),
        layer({"sinks": {"a": {"type": "websocket"}}}, Level.LOCAL),
    ]
    assert start_afresh(layers) == layers


def test_variables_change_type_and_settings_together() -> None:
    """Which variable is read first does not matter."""
    layers = start_afresh([
        layer({"sinks": {"a": {"type": "websocket", "port": 1}}}),
        layer({"sinks": {"a": {"path": Text("p")}}}, Level.VARIABLE, "BEATS_SINKS__A__PATH"),
        layer({"sinks": {"a": {"type": Text("recorder")}}}, Level.VARIABLE, "BEATS_SINKS__A__TYPE"),
    ])  # fmt: skip
    assert result(layers) == {"sinks": {"a": {"type": Text("recorder"), "path": Text("p")}}}


def test_settings_may_come_before_their_type() -> None:
    """A layer that names no type sets keys for the one that comes."""
    layers = [
        layer({"sinks": {"a": {"port": 1}}}),
        layer({"sinks": {"a": {"type": "websocket"}}}, Level.LOCAL),
    ]
    assert start_afresh(layers) == layers


def test_short_variables_reach_every_websocket_sink_and_no_other() -> None:
    """They lie above the files and below the precise variables."""
    layers = add_short_variables(
        [
            layer({"sinks": {"a": {"type": "websocket"}, "b": {"type": "null"}, "c": {"type": "websocket"}}}),
            layer({"sinks": {"c": {"port": Text("3")}}}, Level.VARIABLE),
        ],
        {"BEATS_WEBSOCKET_PORT": "2"},
    )
    assert [one.level for one in layers] == [
        Level.PROFILE, Level.SHORT_VARIABLE, Level.SHORT_VARIABLE, Level.VARIABLE,
    ]  # fmt: skip
    sinks = {
        "a": {"type": "websocket", "port": Text("2")},
        "b": {"type": "null"},
        "c": {"type": "websocket", "port": Text("3")},
    }
    assert result(layers) == {"sinks": sinks}


def test_a_short_variable_does_not_make_a_source_of_a_sink() -> None:
    """A source that calls itself websocket is somebody else's."""
    layers = [layer({"sources": {"a": {"type": "websocket"}}})]
    assert add_short_variables(layers, {"BEATS_WEBSOCKET_PORT": "2"}) == layers


def test_sources_of_the_files_give_way() -> None:
    """A picture on the command line runs in place of the demo; variables for new sources still count."""
    layers, warnings = replace_sources(
        [
            layer({"sources": {"demo": {"type": "demo"}}, "kernel": {"log_level": "INFO"}}),
            layer(
                {"sources": {"picture": {"fps": Text("5")}, "knob": {"type": Text("jsonl")}}}, Level.VARIABLE
            ),
        ],
        source_layer({"picture": {"type": "images"}}),
    )
    assert warnings == []
    assert result(layers) == {
        "kernel": {"log_level": "INFO"},
        "sources": {"picture": {"type": "images", "fps": Text("5")}, "knob": {"type": Text("jsonl")}},
    }


def test_a_variable_for_a_source_that_is_gone_has_no_effect_but_a_warning() -> None:
    """`beats run picture.gif` works in a shell that tunes the demo."""
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
    """What no settings are known for is fitted to what all sinks have."""
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
