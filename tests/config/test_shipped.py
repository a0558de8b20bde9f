"""The profiles shipped with Beats."""

import re
from pathlib import Path
from typing import Final

import pytest

import beats.config
from beats.config.layers.profiles import list_profiles
from beats.config.load import load_profile
from beats.config.settings import LaneSettings
from tests.config.fakes import (
    DdpSettings,
    FakeAdapters,
    MqttSinkSettings,
    MqttSourceSettings,
    NatsSinkSettings,
    NatsSourceSettings,
    OscSettings,
    SacnSourceSettings,
    ScreenSettings,
    VideoSettings,
    WebsocketSettings,
)

ADAPTERS: Final = (
    FakeAdapters()
    .add("sinks", "ddp", DdpSettings)
    .add("sinks", "mqtt", MqttSinkSettings)
    .add("sinks", "nats", NatsSinkSettings)
    .add("sources", "nats", NatsSourceSettings)
    .add("sources", "mqtt", MqttSourceSettings)
    .add("sources", "osc", OscSettings)
    .add("sources", "screen", ScreenSettings)
    .add("sources", "video", VideoSettings)
    .add("sources", "sacn", SacnSourceSettings)
)
SHIPPED: Final = Path(next(iter(beats.config.__path__)))
EXPECTED: Final[dict[str, tuple[list[str], dict[str, str]]]] = {
    "lighting": (["desk"], {"browser": "websocket", "recorder": "recorder"}),
    "default": (["demo"], {"browser": "websocket"}),
    "studio": (["demo"], {"browser": "websocket", "recorder": "recorder"}),
    "record": (["demo"], {"recorder": "recorder"}),
    "headless": (["demo"], {"null": "null"}),
    "program": ([], {"browser": "websocket"}),
    "kiosk": (["demo"], {"browser": "websocket"}),
    "replay": (["replay"], {"browser": "websocket"}),
    "origin": (["demo"], {"browser": "websocket", "nats": "nats"}),
    "home": (["demo"], {"browser": "websocket", "mqtt": "mqtt"}),
    "desk": (["osc"], {"browser": "websocket"}),
    "sensors": (["mqtt"], {"browser": "websocket"}),
    "edge": (["nats"], {"browser": "websocket"}),
    "video": (["video"], {"browser": "websocket"}),
    "screen": (["screen"], {"browser": "websocket"}),
    "wall": (["demo"], {"browser": "websocket", "wall": "ddp"}),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))


@pytest.mark.parametrize("name", EXPECTED)
def test_every_shipped_profile_is_valid(name: str) -> None:
    """Without a warning, with the expected sources and sinks."""
    found = load_profile(ADAPTERS, profile=name, environ={})
    sources, sinks = EXPECTED[name]
    assert list(found.sources) == sources
    assert {sink: settings.type for sink, settings in found.sinks.items()} == sinks
    assert found.warnings == ()


def test_every_shipped_profile_has_a_summary() -> None:
    """It says who the profile is for."""
    found = list_profiles(None, {})
    assert {info.name for info in found} == set(EXPECTED)
    assert all(info.summary.startswith("For ") for info in found)


def test_the_kiosk_listens_to_the_network_and_requires_a_token() -> None:
    """For a phone that falls behind, one frame waits."""
    browser = load_profile(ADAPTERS, profile="kiosk", environ={}).sinks["browser"]
    assert isinstance(browser, WebsocketSettings)
    assert (browser.host, browser.require_token, browser.token) == ("0.0.0.0", True, None)
    assert browser.client_queue is not None
    assert browser.client_queue.frame == LaneSettings(size=1, overflow="latest")


def test_the_profile_record_loses_nothing() -> None:
    """Producers wait for the recorder."""
    assert load_profile(ADAPTERS, profile="record", environ={}).sinks["recorder"].queue.overflow == "block"


@pytest.mark.parametrize(("profile", "group"), [("origin", "sinks"), ("edge", "sources")])
def test_a_variable_gives_the_address_of_the_nats_server(profile: str, group: str) -> None:
    """By default it is on this machine."""

    def servers(environ: dict[str, str]) -> object:
        found = getattr(load_profile(ADAPTERS, profile=profile, environ=environ), group)["nats"]
        assert isinstance(found, NatsSinkSettings | NatsSourceSettings)
        return found.servers

    assert servers({}) == ("nats://127.0.0.1:4222",)
    assert servers({"BEATS_NATS_URL": "nats://a:1,nats://b:2"}) == ("nats://a:1", "nats://b:2")


def test_a_variable_gives_the_controller_of_the_wall() -> None:
    """By default it is this machine."""

    def hosts(environ: dict[str, str]) -> object:
        found = load_profile(ADAPTERS, profile="wall", environ=environ).sinks["wall"]
        assert isinstance(found, DdpSettings)
        return found.host

    assert hosts({}) == ("127.0.0.1",)
    assert hosts({"BEATS_WALL_HOST": "wled.local"}) == ("wled.local",)


def test_the_nats_server_does_not_block_publishers_for_a_frozen_edge() -> None:
    """The rule in its configuration holds for the rate that is named there."""
    text = (SHIPPED / "nats-server.conf").read_text()
    pending_mib = int(re.findall(r"^max_pending: (\d+)MB$", text, re.MULTILINE)[0])
    payload_mib = int(re.findall(r"^max_payload: (\d+)MB$", text, re.MULTILINE)[0])
    deadline_s = int(re.findall(r'^write_deadline: "(\d+)s"$', text, re.MULTILINE)[0])
    rate = int(re.findall(r"up to (\d+) MB/s", text)[0]) * 1e6
    assert 0.75 * pending_mib * 2**20 > rate * deadline_s
    assert payload_mib < pending_mib
