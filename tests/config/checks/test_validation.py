"""The check of a whole profile."""

import pytest
from pydantic import BaseModel

from beats.config.settings import KernelSettings, LaneSettings
from tests.config.fakes import (
    DemoSettings,
    FakeAdapters,
    House,
    RecorderSettings,
    WebsocketSettings,
)


def test_a_valid_profile_becomes_typed_settings(house: House) -> None:
    """Every adapter has the settings of its type."""
    house.write(
        "mine",
        """
        [kernel]
        log_level = "DEBUG"
        [sinks.browser]
        queue = { size = 4, frame = { size = 1, overflow = "latest" } }
        [sinks.keep]
        type = "recorder"
        path = "x.mcap"
        """,
    )
    found = house.load()
    assert found.profile == "mine"
    assert found.kernel == KernelSettings(log_level="DEBUG")
    assert found.sources == {"demo": DemoSettings(type="demo")}
    assert list(found.sinks) == ["browser", "keep"]
    assert found.sinks["keep"] == RecorderSettings(type="recorder", path="x.mcap")
    assert house.browser().queue.frame == LaneSettings(size=1, overflow="latest")
    assert found.warnings == ()


def test_everything_wrong_is_reported_at_once(house: House) -> None:
    """Each with its origin, key and value."""
    path = house.write(
        "mine",
        """
        [kernal]
        [kernel]
        shutdown_timeout_s = -1
        [sources.demo]
        fps = "fast"
        [sinks.browser]
        prot = 9000
        port = 99999
        queue = { size = true }
        [sinks.keep]
        type = "recoder"
        """,
    )
    house.environ = {"BEATS_SINKS__BROWSER__QUEUE__OVERFLOW": "drop_odlest"}
    house.sets = ["sinks.browser.stall_timeout_s=0", "nonsense"]
    assert {str(problem) for problem in house.problems()} == {
        f"{path}:2: kernal: unknown table; did you mean 'kernel'?",
        f"{path}:4: kernel.shutdown_timeout_s = -1: must be at least 0",
        f'{path}:6: sources.demo.fps = "fast": must be a number',
        f"{path}:8: sinks.browser.prot = 9000: unknown key; did you mean 'port'?",
        f"{path}:9: sinks.browser.port = 99999: must be at most 65535",
        f"{path}:10: sinks.browser.queue.size = true: must be a whole number",
        'BEATS_SINKS__BROWSER__QUEUE__OVERFLOW: sinks.browser.queue.overflow = "drop_odlest": must be one of '
        "block, drop_newest, drop_oldest, error, latest; did you mean 'drop_oldest'?",
        "--set sinks.browser.stall_timeout_s: sinks.browser.stall_timeout_s = 0.0: must be more than 0",
        '--set: "nonsense": must have the form PATH=VALUE, such as --set sinks.browser.port=9000',
        f'{path}:12: sinks.keep.type = "recoder": no such type; known are: null, recorder, websocket; '
        "did you mean 'recorder'?",
    }


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("sinks = 3", "sinks", 'must be a table, such as { browser = { type = "websocket" } }'),
        ("kernel = 3", "kernel", 'must be a table, such as { log_level = "INFO" }'),
        ("pixels = 3", "pixels", 'must be a table, such as { format = "jpeg" }'),
        ("[sinks]\nbrowser = 3", "sinks.browser", 'must be a table, such as { type = "null" }'),
        ("[[sinks.browser]]", "sinks.browser", 'must be a table, such as { type = "null" }'),
        ("[sinks.browser]\nqueue = 3", "sinks.browser.queue", "must be a table, such as { key = 1 }"),
        ("[sinks.x]", "sinks.x.type", "is required; known are: null, recorder, websocket"),
        ("[sinks.x]\ntype = 3", "sinks.x.type", "must be text, in quotes"),
        ("[sinks.x]\ntype = { a = 1 }", "sinks.x.type", "must be text, in quotes"),
        ('[sources.x]\ntype = "images"', "sources.x.path", "is required"),
        ('[sinks."a.b"]\ntype = "null"', 'sinks."a.b"', "a name is made of letters, digits, '_' and '-'"),
        ("zzz = 3", "zzz", "unknown table; known are: kernel, pixels, sources, sinks"),
        ("[Sinks.x]", "Sinks", "unknown table"),
    ],
)
def test_the_message_for_a_wrong_shape_shows_the_right_one(
    house: House, text: str, key: str, message: str
) -> None:
    """Where a table, an adapter or a type is expected."""
    path = house.write("mine", text)
    problem = house.problem()
    assert (problem.where.split(":")[0], problem.key, problem.message) == (str(path), key, message)


def test_a_name_that_no_layer_defines_is_reported_where_it_is_given(house: House) -> None:
    """A misspelt variable creates a sink without a type; only files can extend a profile."""
    house.environ = {"BEATS_SINKS__BROWSR__PORT": "1"}
    house.sets = ["extends=studio"]
    assert [str(problem) for problem in house.problems()] == [
        "--set extends: extends: is allowed only at the top of a profile's own file",
        "BEATS_SINKS__BROWSR__PORT: sinks.browsr: has no type in any layer; did you mean 'browser'?",
    ]


def test_a_fault_between_keys_is_reported_with_the_table(house: House) -> None:
    """In the adapter's own words, with the origin of the setting that they name."""
    path = house.write("mine", '[sinks.browser]\nclient_queue = { overflow = "block" }')
    problem = house.problem()
    assert problem.key == "sinks.browser.client_queue"
    assert str(path) in problem.where
    assert problem.message == "client_queue.overflow must not be 'block': no producer waits for one client"


def test_what_is_switched_off_is_left_out(house: House) -> None:
    """By any layer."""
    house.write("mine", "[sinks.browser]\nenabled = false")
    assert house.load().sinks == {}
    house.write("local", "[sinks.browser]\nenabled = true")
    assert list(house.load().sinks) == ["browser"]
    house.environ = {"BEATS_SINKS__BROWSER__ENABLED": "off"}
    assert house.load().sinks == {}
    house.sets = ["sinks.browser.enabled=yes"]
    assert list(house.load().sinks) == ["browser"]


def test_what_is_switched_off_is_checked_too(house: House) -> None:
    """It stays valid until it is switched on."""
    house.write("mine", "[sinks.browser]\nenabled = false\nprot = 3")
    assert house.problem().nearest == "port"


@pytest.mark.parametrize(
    ("word", "key"),
    [("bind_host", "host"), ("stream_queue_size", "queue.size"), ("queue-overflow", "queue.overflow")],
)
def test_a_word_of_a_short_variable_in_place_of_a_key_is_understood(
    house: House, word: str, key: str
) -> None:
    """After BEATS_WEBSOCKET_BIND_HOST a person writes `bind_host`; its letters are nearer `public_host`."""
    house.sets = [f"sinks.browser.{word}=x"]
    assert house.problem().nearest == key


def test_a_missing_package_is_a_problem_only_where_it_is_needed(house: House) -> None:
    """With what to install."""
    house.adapters = FakeAdapters("nats")
    house.write("mine", '[sinks.relay]\ntype = "nats"\nanything = 1')
    problem = house.problem()
    assert (problem.key, problem.value) == ("sinks.relay.type", '"nats"')
    assert problem.message.endswith("pip install nats")
    house.sets = ["sinks.relay.enabled=false"]
    assert house.load().warnings == ()


def test_an_unknown_type_that_is_switched_off_is_a_warning(house: House) -> None:
    """A third-party adapter may not be installed on this machine."""
    house.write("mine", '[sinks.relay]\ntype = "mqtt"\nenabled = false')
    [warning] = house.load().warnings
    assert 'sinks.relay.type = "mqtt": no such type' in warning


def test_switching_off_an_undefined_sink_is_a_warning(house: House) -> None:
    """One local.toml is used by profiles with and without a recorder."""
    path = house.write("local", "[sinks.brwser]\nenabled = false")
    [warning] = house.load().warnings
    assert (
        warning == f"{path}:1: sinks.brwser is switched off, but no layer defines it; did you mean 'browser'?"
    )


def test_defining_a_source_that_a_profile_switches_off_is_a_warning(house: House) -> None:
    """A program that adds a source under a name of the profile would wait for it in vain."""
    path = house.write("mine", "[sources.demo]\nenabled = false")
    house.overrides = {"sources": {"demo": {"type": "demo"}}}
    [warning] = house.load().warnings
    expected = f"overrides: sources.demo is switched off by {path}:2: set sources.demo.enabled = true as well"
    assert warning == expected
    house.overrides = {"sources": {"demo": {"type": "demo", "enabled": True}}}
    assert house.load().warnings == ()


def test_an_adapter_that_breaks_the_contract_is_reported(house: House) -> None:
    """As a problem, not as a traceback."""

    class Stranger(BaseModel):
        type: str

    house.adapters.add("sinks", "strange", Stranger)
    house.write("mine", '[sinks.x]\ntype = "strange"')
    assert house.problem().message == "the settings of this adapter must derive from SinkSettings"


@pytest.mark.parametrize("profile", ["default", "no-websocket"])
def test_a_wrong_alias_stops_the_start(house: House, profile: str) -> None:
    """It is reported once, also without a websocket sink."""
    house.write("no-websocket", "[sinks.browser]\ntype = 'null'")
    house.profile = profile
    house.environ = {"BEATS_WEBSOCKET_PORT": "65536"}
    assert house.problem()[:5] == (
        "BEATS_WEBSOCKET_PORT", "sinks.*.port", "65536", "must be at most 65535", None,
    )  # fmt: skip


def test_aliases_act_on_every_adapter_of_their_type(house: House) -> None:
    """Above the files and below specific variables; other groups and types are not affected."""
    house.adapters = FakeAdapters("nats").add("sources", "websocket", DemoSettings)
    house.write(
        "mine",
        "[sinks]\nsecond = { type = 'websocket', port = 1 }\nthird.type = 'websocket'\nnull.type = 'null'\n"
        "[sources]\nweb.type = 'websocket'\n",
    )
    house.environ = {
        "BEATS_STREAM_QUEUE_OVERFLOW": " Drop_Newest ",
        "BEATS_WEBSOCKET_PORT": "9001",
        "BEATS_SINKS__THIRD__PORT": "9002",
    }
    found = house.load()
    assert {name: getattr(sink, "port", None) for name, sink in found.sinks.items()} == {
        "browser": 9001, "second": 9001, "third": 9002, "null": None,
    }  # fmt: skip
    assert house.browser().queue.overflow == "drop_newest"
    assert found.warnings == ()


def test_an_unknown_variable_is_compared_with_the_aliases_of_all_types(house: House) -> None:
    """Also of types that the profile does not use; a type whose package is missing has none."""
    house.adapters = FakeAdapters("nats")
    house.write("mine", "[sinks.browser]\ntype = 'null'")
    house.environ = {"BEATS_WEBSOCKET_PROT": "1", "BEATS_WEBSOCKET_HOST": "x"}
    assert house.load().warnings == (
        "BEATS_WEBSOCKET_PROT: unknown variable, ignored; did you mean BEATS_WEBSOCKET_PORT?",
    )


def test_a_variable_of_another_shipped_profile_is_known(house: House) -> None:
    """It is set for that one; a misspelt one is warned of."""
    house.environ = {"BEATS_MQTT_HOST": "x", "BEATS_VIDEO": "y", "BEATS_MQTT_HOTS": "z"}
    (warning,) = house.load().warnings
    assert warning.startswith("BEATS_MQTT_HOTS: unknown variable, ignored")


def test_a_sink_can_be_made_of_variables_alone(house: House) -> None:
    """Without any file."""
    house.environ = {"BEATS_SINKS__NEW__TYPE": "websocket", "BEATS_SINKS__NEW__ORIGINS": "http://a, http://b"}
    found = house.load().sinks["new"]
    assert found == WebsocketSettings(type="websocket", origins=("http://a", "http://b"))


def test_a_secret_from_a_variable_is_not_shown(house: House) -> None:
    """Not even in a problem with it or beside it."""
    house.environ = {"BEATS_SINKS__BROWSER": "{ token = 12345678 }"}
    assert house.problem().value == "********"
    house.environ = {"BEATS_SINKS__BROWSER": 'token = "12345678"'}
    assert "12345678" not in str(house.problem())
