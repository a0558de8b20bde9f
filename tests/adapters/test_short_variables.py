"""The five variables that operators already use, with the real adapters."""

import pytest

from beats.adapters.bounds import queue_bounds
from beats.adapters.catalogues import InstalledAdapters, assemble
from beats.adapters.sinks.websocket import WebSocketSettings
from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings


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
    assert queue_bounds(settings.queue)[0].overflow == name
    assert settings.client_bounds()[0].overflow == ("drop_oldest" if name == "block" else name)


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
    assert assemble(profile(BEATS_STREAM_QUEUE_SIZE="7")).stats().sinks[0].queue.offered.items == 0


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
        ("BEATS_WEBSOCKET_BIND_HOST", "", "must not be empty"),
        ("BEATS_WEBSOCKET_HOST", "", "must not be empty"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    """The message names the variable, the value and what would be right."""
    with pytest.raises(SettingsError) as caught:
        profile(**{name: value})
    for part in (name, value, allowed):
        assert part in str(caught.value)
