"""The profiles that come with Beats."""

import pytest

from beats.config.load import load_profile
from beats.config.profiles import list_profiles
from beats.config.settings import LaneSettings
from tests.config.fakes import FakeAdapters, WebsocketSettings

EXPECTED = {
    "default": (["demo"], {"browser": "websocket"}),
    "studio": (["demo"], {"browser": "websocket", "recorder": "recorder"}),
    "record": (["demo"], {"recorder": "recorder"}),
    "headless": (["demo"], {"null": "null"}),
    "kiosk": (["demo"], {"browser": "websocket"}),
    "replay": (["replay"], {"browser": "websocket"}),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))


@pytest.mark.parametrize("name", EXPECTED)
def test_every_shipped_profile_is_valid(name: str) -> None:
    """It starts what its comment promises, without a warning."""
    found = load_profile(FakeAdapters(), profile=name, environ={})
    sources, sinks = EXPECTED[name]
    assert list(found.sources) == sources
    assert {sink: settings.type for sink, settings in found.sinks.items()} == sinks
    assert found.warnings == ()


def test_every_shipped_profile_says_who_it_is_for() -> None:
    """The list of profiles is of use to somebody who knows none."""
    found = list_profiles(None, {})
    assert {info.name for info in found} == set(EXPECTED)
    assert all(info.summary.startswith("For ") for info in found)


def test_the_kiosk_is_open_to_the_network_and_asks_for_a_token() -> None:
    """What waits for a phone that falls behind is one picture."""
    browser = load_profile(FakeAdapters(), profile="kiosk", environ={}).sinks["browser"]
    assert isinstance(browser, WebsocketSettings)
    assert (browser.host, browser.require_token, browser.token) == ("0.0.0.0", True, None)
    assert browser.client_queue is not None
    assert browser.client_queue.frame == LaneSettings(size=1, overflow="latest")


def test_recording_alone_loses_nothing() -> None:
    """The profile for keeping everything makes producers wait."""
    assert (
        load_profile(FakeAdapters(), profile="record", environ={}).sinks["recorder"].queue.overflow == "block"
    )
