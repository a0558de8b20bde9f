"""The short variables that operators already use, with the real adapters."""

import pytest

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.kit.bounds import queue_bounds
from beats.runtime.builder import Builder
from beats.runtime.registry import InstalledAdapters


def profile(**variables: str) -> ProfileSettings:
    """The default profile with these variables and no others."""
    return load_profile(InstalledAdapters(), environ=variables)


def browser(**variables: str) -> WebSocketSettings:
    sink = profile(**variables).sinks["browser"]
    assert isinstance(sink, WebSocketSettings)
    return sink


@pytest.mark.parametrize(
    "text", ["drop_oldest", "drop_newest", "error", "latest", "block", " Latest ", "BLOCK"]
)
def test_each_strategy_can_be_named_in_any_case(text: str) -> None:
    """The sink's queue gets it, and so does a viewer's, where `block` is taken as `drop_oldest`."""
    settings = browser(BEATS_STREAM_QUEUE_OVERFLOW=text)
    name = text.strip().lower()
    assert queue_bounds(settings.queue).overflow == name
    assert settings.client_bounds().overflow == ("drop_oldest" if name == "block" else name)


def test_size_hosts_and_port_reach_the_sink() -> None:
    """Each variable sets what it says, above the shipped file."""
    settings = browser(
        BEATS_STREAM_QUEUE_SIZE="7",
        BEATS_WEBSOCKET_BIND_HOST="0.0.0.0",
        BEATS_WEBSOCKET_HOST="wall.local",
        BEATS_WEBSOCKET_PORT="9000",
    )
    assert (settings.queue.size, settings.host, settings.public_host, settings.port) == (
        7,
        "0.0.0.0",
        "wall.local",
        9000,
    )
    Builder(profile(BEATS_STREAM_QUEUE_SIZE="7")).add_all()


def test_the_longer_form_is_more_specific() -> None:
    """`BEATS_SINKS__BROWSER__…` wins over the short variable."""
    settings = browser(BEATS_WEBSOCKET_PORT="9000", BEATS_SINKS__BROWSER__PORT="9001")
    assert settings.port == 9001


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("BEATS_STREAM_QUEUE_SIZE", "0", "1"),
        ("BEATS_STREAM_QUEUE_SIZE", "many", "whole number"),
        ("BEATS_STREAM_QUEUE_OVERFLOW", "drop", "drop_oldest, drop_newest, error, latest"),
        ("BEATS_WEBSOCKET_PORT", "70000", "65535"),
        ("BEATS_WEBSOCKET_ENABLED", "maybe", "true or false"),
        ("BEATS_WEBSOCKET_ENABLED", "", "true or false"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    """The message names the variable, the value and what would be right."""
    with pytest.raises(SettingsError) as caught:
        profile(**{name: value})
    for part in (name, value, allowed):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "key"), [("BEATS_WEBSOCKET_BIND_HOST", "host"), ("BEATS_WEBSOCKET_HOST", "public_host")]
)
@pytest.mark.parametrize(
    ("text", "host"),
    [(" 0.0.0.0\t", "0.0.0.0"), ("", "localhost"), (" ", "localhost"), ("\r\n", "localhost")],
)
def test_blanks_around_a_host_do_not_matter_and_an_empty_one_is_the_default(
    name: str, key: str, text: str, host: str
) -> None:
    """A file of variables written on another system, or a variable that a script left empty, is no error."""
    assert getattr(browser(**{name: text}), key) == host


def test_an_empty_host_leaves_what_the_profile_says() -> None:
    """It means the same as no variable at all."""
    variables = {"BEATS_WEBSOCKET_BIND_HOST": "", "BEATS_SINKS__BROWSER__TOKEN": "t"}
    sink = load_profile(InstalledAdapters(), profile="kiosk", environ=variables).sinks["browser"]
    assert isinstance(sink, WebSocketSettings)
    assert sink.host == "0.0.0.0"


@pytest.mark.parametrize("text", ["0", "false", " FALSE ", "no", "off"])
def test_one_variable_switches_every_websocket_sink_off(text: str) -> None:
    """Other sinks stay."""
    off = profile(
        BEATS_WEBSOCKET_ENABLED=text, BEATS_SINKS__SECOND__TYPE="websocket", BEATS_SINKS__TAPE__TYPE="null"
    )
    assert list(off.sinks) == ["tape"]


@pytest.mark.parametrize("text", ["1", "true", "True"])
def test_one_variable_switches_every_websocket_sink_on(text: str) -> None:
    """Also one that its profile switches off; the longer form is more specific here, too."""
    adapters = InstalledAdapters()
    assert "browser" not in load_profile(adapters, profile="headless", environ={}).sinks
    variables = {"BEATS_WEBSOCKET_ENABLED": text}
    assert "browser" in load_profile(adapters, profile="headless", environ=variables).sinks
    variables["BEATS_SINKS__BROWSER__ENABLED"] = "0"
    assert "browser" not in load_profile(adapters, profile="headless", environ=variables).sinks
