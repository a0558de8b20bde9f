"""The numbers that the guides give for limits, defaults and times are those of the code."""

import re
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, Final, NamedTuple

import pytest

from beats.config.schema import Group
from beats.runtime.registry import InstalledAdapters
from tests.docs.documents import DOCUMENTS, ROOT

MIB: Final = 1 << 20
WORDS: Final = {5: "five", 10: "ten", 90_000: "a ninety-thousandth"}
SPANS: Final = {1: "a second", 3600: "an hour"}


def digits(value: Any) -> str:
    """As most pages write a number, or a text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def mebibytes(value: int) -> str:
    return digits(value / MIB)


def gibibytes(value: int) -> str:
    return digits(value / MIB / 1024)


def milliseconds(value_s: float) -> str:
    return digits(value_s * 1000)


class Figure(NamedTuple):
    """A number in a guide."""

    page: str
    said: str
    """What the page says, with `{}` in place of the number."""
    place: str
    """`sinks.TYPE.SETTING` or `sources.TYPE.SETTING` for a default, `module:NAME` for a constant."""
    written: Callable[[Any], str] = digits
    """How the page writes it."""


HTTP: Final = "beats.adapters.http"
FOXGLOVE: Final = "beats.adapters.sinks.websocket.foxglove"
COMMAND: Final = "beats.adapters.sources.command"
FIGURES: Final = (
    Figure("sources", "within about {} (`refresh_s`)", "sources.images.refresh_s", SPANS.__getitem__),
    Figure("sources", "after {} seconds SIGKILL", f"{COMMAND}.process:STOP_S"),
    Figure("sources", "written for {} seconds", f"{COMMAND}.source:PUZZLED_S", WORDS.__getitem__),
    Figure("sources", "`time_tag_tolerance_s` ({} s)", "sources.osc.time_tag_tolerance_s"),
    Figure("recording", "`flush_interval_s` ({})", "sinks.recorder.flush_interval_s", "{:.1f}".format),
    Figure("recording", '`fsync = "{}"`', "sinks.recorder.fsync"),
    Figure("recording", "`min_free_bytes` ({} MiB)", "sinks.recorder.min_free_bytes", mebibytes),
    Figure("recording", "begun after {} (`rotate_s`)", "sinks.recorder.rotate_s", SPANS.__getitem__),
    Figure(
        "recording",
        "or {} GiB (`rotate_bytes`)",
        "sinks.recorder.rotate_bytes",
        gibibytes,
    ),
    Figure("recording", "to {} of a second", "beats.recordings.export.mp4:TICKS_PER_S", WORDS.__getitem__),
    Figure("led", "DDP, UDP port {} |", "beats.adapters.sinks.ddp.settings:DdpSettings.default_port"),
    Figure("led", "Art-Net 4, UDP port {},", "beats.adapters.led.artnet:PORT"),
    Figure("led", "sACN (ANSI E1.31), UDP port {},", "beats.adapters.led.sacn:PORT"),
    Figure("led", "`artnet` listens on UDP port {} and", "sources.artnet.port"),
    Figure("led", "`sacn` listens on port {} and", "sources.sacn.port"),
    Figure("led", "universes of {} channels", "beats.adapters.led.universes:CHANNELS"),
    Figure("led", "nothing has come for {} ms", "beats.adapters.led.frames:QUIET_S", milliseconds),
    Figure("led", '(`on_end = "{}"`)', "sinks.ddp.on_end"),
    Figure("mqtt", "more than {} bytes", "beats.adapters.mqtt.topics:MAX_BYTES", "{:,}".format),
    Figure("mqtt", "or {} levels", "beats.adapters.mqtt.topics:MAX_LEVELS"),
    Figure("mqtt", "`qos = {}`, the default", "sinks.mqtt.qos"),
    Figure("mqtt", "`fps` times a second ({} by default)", "sinks.mqtt.fps"),
    Figure("mqtt", "below `{}` or another `discovery_prefix`", "sinks.mqtt.discovery_prefix"),
    Figure("players", "others are encoded with {} |", "beats.pictures.formats:DEFAULT_QUALITY"),
    Figure("players", "follows for {} to", f"{HTTP}.players.player:REPEAT_S"),
    Figure("players", "then every {} s", f"{HTTP}.players.player:KEEPALIVE_S"),
    Figure("players", "in use at once ({} by default)", "sinks.websocket.max_variants"),
    Figure("players", "an answer of {} MiB", f"{HTTP}.last_values:MAX_BYTES", mebibytes),
    Figure("players", "It lets {} players in at once", "sinks.http.max_clients"),
    Figure("players", "`http://localhost:{}/stream.mjpg` then", "sinks.http.port"),
    Figure("foxglove", "at most every {} seconds", f"{FOXGLOVE}.client:REPORT_INTERVAL_S", WORDS.__getitem__),
    Figure(
        "relay", "within about {} of the server's return", "sinks.nats.reconnect_max_s", SPANS.__getitem__
    ),
    Figure("relay", "`last_value_max_bytes` ({} MiB)", "sinks.nats.last_value_max_bytes", mebibytes),
)


def value_of(place: str) -> Any:
    """The value of a constant, or the default of a setting."""
    if ":" in place:
        return resolve_name(place)
    named, kind, key = place.split(".")
    group: Group = "sinks" if named == "sinks" else "sources"
    return InstalledAdapters().settings(group, kind).model_fields[key].default


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.page}: {figure.said}")
def test_a_number_in_a_guide_is_that_of_the_code(figure: Figure) -> None:
    """A default, a limit or a time."""
    text = " ".join(DOCUMENTS[f"docs/{figure.page}.md"].text.split())
    assert figure.said.format(figure.written(value_of(figure.place))) in text


def test_the_unit_has_the_options_that_the_page_names() -> None:
    """With their values, where the page gives one."""
    page = DOCUMENTS["docs/operation.md"]
    options = re.findall(r"`([A-Z]\w+=\w+)`", page.section("As a service"))
    assert len(options) > 1
    assert set(options) <= set((ROOT / "examples/operation/beats.service").read_text().splitlines())
