"""The aliases of the sink `websocket`: short variables that act on every such sink."""

import pytest

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.runtime.builder import Builder
from beats.runtime.registry import InstalledAdapters


def profile(name: str = "default", **environ: str) -> ProfileSettings:
    return load_profile(InstalledAdapters(), profile=name, environ=environ)


def browser(name: str = "default", **environ: str) -> WebSocketSettings:
    sink = profile(name, **environ).sinks["browser"]
    assert isinstance(sink, WebSocketSettings)
    return sink


@pytest.mark.parametrize("text", ["LATEST", " latest ", "Drop_Newest"])
def test_letter_case_and_blanks_are_ignored_in_a_strategy(text: str) -> None:
    """In a variable as in TOML."""
    assert browser(BEATS_STREAM_QUEUE_OVERFLOW=text).queue.overflow == text.strip().lower()


def test_variables_reach_the_queue_and_the_server() -> None:
    """A specific variable such as `BEATS_SINKS__BROWSER__PORT` overrides a short one."""
    variables = {
        "BEATS_STREAM_QUEUE_SIZE": "7",
        "BEATS_WEBSOCKET_BIND_HOST": "0.0.0.0",
        "BEATS_WEBSOCKET_HOST": "wall.local",
        "BEATS_WEBSOCKET_PORT": "9000",
    }
    settings = browser(**variables)
    assert (settings.queue.size, settings.host, settings.public_host, settings.port) == (
        7,
        "0.0.0.0",
        "wall.local",
        9000,
    )
    assert browser(**variables, BEATS_SINKS__BROWSER__PORT="9001").port == 9001
    Builder(profile(BEATS_STREAM_QUEUE_SIZE="7")).add_all()


@pytest.mark.parametrize("chosen", ["default", "headless"])
def test_a_wrong_value_is_reported_with_what_is_allowed(chosen: str) -> None:
    """Once, with the variable, also if a profile has no such sink; blank is wrong unless text is expected."""
    with pytest.raises(SettingsError) as caught:
        profile(chosen, BEATS_STREAM_QUEUE_SIZE="many", BEATS_WEBSOCKET_ENABLED="")
    assert {problem.where: problem.message for problem in caught.value.problems} == {
        "BEATS_STREAM_QUEUE_SIZE": "must be a whole number",
        "BEATS_WEBSOCKET_ENABLED": "must be true or false",
    }


@pytest.mark.parametrize(
    ("name", "key"), [("BEATS_WEBSOCKET_BIND_HOST", "host"), ("BEATS_WEBSOCKET_HOST", "public_host")]
)
@pytest.mark.parametrize(
    ("text", "host"), [(" 0.0.0.0\t", "0.0.0.0"), ("", "localhost"), ("\r\n", "localhost")]
)
def test_blanks_around_a_host_are_removed(name: str, key: str, text: str, host: str) -> None:
    """A blank one counts as not set: scripts leave variables empty, and files may have Windows line ends."""
    assert getattr(browser(**{name: text}), key) == host
    if host == "localhost":  # a blank one does not override the profile either
        kiosk = browser("kiosk", **{name: text}, BEATS_SINKS__BROWSER__TOKEN="t")
        assert getattr(kiosk, key) == getattr(browser("kiosk", BEATS_SINKS__BROWSER__TOKEN="t"), key)


@pytest.mark.parametrize("text", ["0", " FALSE ", "no", "off"])
def test_one_variable_switches_every_websocket_sink_off_or_on(text: str) -> None:
    """Others stay on. Also one that its profile switches off; a specific variable overrides it."""
    off = profile(
        BEATS_WEBSOCKET_ENABLED=text, BEATS_SINKS__SECOND__TYPE="websocket", BEATS_SINKS__TAPE__TYPE="null"
    )
    assert list(off.sinks) == ["tape"]
    assert "browser" not in profile("headless").sinks
    for on in ("1", "True"):
        assert "browser" in profile("headless", BEATS_WEBSOCKET_ENABLED=on).sinks
        off = profile("headless", BEATS_WEBSOCKET_ENABLED=on, BEATS_SINKS__BROWSER__ENABLED=text)
        assert "browser" not in off.sinks
