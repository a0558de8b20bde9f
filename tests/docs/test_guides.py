"""Limits, defaults, times and names of metrics in the guides are those of the code."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pkgutil import resolve_name
from typing import Any, Final, NamedTuple

import pytest

from beats.adapters.http.metrics.families import AGE, FAMILIES, LATENCY, ROUND_TRIP
from beats.adapters.http.metrics.own import own_metric
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.schema import Group
from beats.config.settings import KernelSettings, PixelSettings, QueueSettings, Settings
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters
from tests.docs.documents import DOCUMENTS, ROOT

MIB: Final = 1 << 20
WORDS: Final = {
    **{0.1: "a tenth", 2: "two", 3: "three", 5: "five", 7: "seven", 10: "ten", 12: "a dozen", 30: "thirty"},
    90_000: "a ninety-thousandth",
}
UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20}
BY_PROCESSORS: Final = re.compile(r"process(or cores|ors) (less one|- 1), at least 1")
"""How a default of None reads that is computed from the machine."""
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


def twice_in_words(value: float) -> str:
    return WORDS[2 * value]


def seconds_in_words(value_ms: float) -> str:
    return WORDS[value_ms / 1000]


def span_of(value_ms: float) -> str:
    return SPANS[int(value_ms / 1000)]


def length_in_words(value: list[object]) -> str:
    return WORDS[len(value)]


def listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def megabytes(value: int) -> str:
    return digits(value // 10**6)


class Figure(NamedTuple):
    """A number in a guide."""

    page: str
    """Its name in `docs`, or README."""
    said: str
    """What the page says, with `{}` in place of the number."""
    place: str
    """`sinks.TYPE.SETTING`, `sources.TYPE.SETTING`, `kernel.SETTING` or `queue.SETTING` for a default;
    `module:NAME` for a constant, in `FILE.js:NAME` of the page."""
    written: Callable[[Any], str] = digits
    """How the page writes it."""


HTTP: Final = "beats.adapters.http"
FOXGLOVE: Final = "beats.adapters.sinks.websocket.foxglove"
COMMAND: Final = "beats.adapters.sources.command"
WEBSOCKET: Final = "beats.adapters.sinks.websocket"
PACING: Final = f"{WEBSOCKET}.pacing"
PAGE: Final = ROOT / "adapters/beats/adapters/http/page"
TABLES: Final[Mapping[str, type[Settings]]] = {"kernel": KernelSettings, "queue": QueueSettings}
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
    Figure("README", "`max_clients`, {} by default", "sinks.websocket.max_clients", "{:,}".format),
    Figure("websocket", "**Several pictures**, up to {}, are", "frames.js:MOST_PICTURES"),
    Figure("websocket", "After {} seconds an enlarged picture", "main.js:NARROW_MS", seconds_in_words),
    Figure("websocket", "a curve for each of its first {} numbers", "updates.js:MOST_DRAWN"),
    Figure("websocket", "More than {} are shown in one line each", "list.js:MOST_CARDS", WORDS.__getitem__),
    Figure("websocket", "after {} seconds without data", "main.js:QUIET_MS", seconds_in_words),
    Figure("websocket", "after {} seconds without data it", "measures.js:NOTABLE_MS", seconds_in_words),
    Figure("websocket", "is bad if {} of the frames was missed", "quality.js:lost", WORDS.__getitem__),
    Figure("websocket", "missed, or if frames were {} old", "quality.js:lateMs", span_of),
    Figure("websocket", "After {} bad seconds it asks for", "quality.js:badS", WORDS.__getitem__),
    Figure("websocket", "after {} good ones it tries more", "quality.js:holdS", WORDS.__getitem__),
    Figure("websocket", "in one of {} widths", "quality.js:WIDTHS", length_in_words),
    Figure("websocket", "present {} different wrong", f"{HTTP}.limits:WRONG_TOKENS_PER_S", twice_in_words),
    Figure("websocket", "and {} a second from", f"{HTTP}.limits:WRONG_TOKENS_PER_S", WORDS.__getitem__),
    Figure("websocket", "as JPEG or WebP; {} when left out", "beats.pictures.formats:DEFAULT_QUALITY"),
    Figure("websocket", "came, and then every {} s;", f"{WEBSOCKET}.freshness:PING_INTERVAL_S"),
    Figure("websocket", "same choice at most {} a second", f"{WEBSOCKET}.freshness:_MOST_PINGS_PER_S"),
    Figure("websocket", "the same paths on port {}", "sinks.http.port"),
    Figure("websocket", "class of viewer ({})", f"{HTTP}.metrics.families:CLASSES", listed),
    Figure("queues", "in envelopes (`size`, {})", "queue.size"),
    Figure("queues", "in bytes (`max_bytes`, {} MiB)", "queue.max_bytes", mebibytes),
    Figure("queues", "of 1 MB frames, {} fit into the default", "queue.max_bytes", megabytes),
    Figure("queues", "restarted after {} s, then with pauses", "kernel.restart_initial_s"),
    Figure("queues", "pauses that double up to {} s", "kernel.restart_max_s"),
    Figure("queues", "was full for {} ms while", f"{WEBSOCKET}.client:_PATIENCE_S", milliseconds),
    Figure("queues", "nothing had to wait for {}.", f"{WEBSOCKET}.client:_CALM_S", SPANS.__getitem__),
    Figure("queues", "stops answering them for {} or so", f"{PACING}:_OVERDUE_S", SPANS.__getitem__),
    Figure("queues", "Every {} seconds the line is emptied", f"{PACING}:_EMPTIED_S", WORDS.__getitem__),
    Figure("queues", "within `burst_interval_s` ({} ms)", "sinks.websocket.burst_interval_s", milliseconds),
    Figure("protocol", "| 1 to {} patterns as in a shell", f"{HTTP}.query:MAX_PATTERNS"),
    Figure("protocol", "| 1 to {}: the most pixels", f"{HTTP}.query:MAX_WIDTH"),
    Figure("protocol", "| a number above 0, at most {} |", f"{HTTP}.query:MAX_FPS"),
    Figure("protocol", "| a number above 0, at most {}: what is older", f"{HTTP}.query:MAX_AGE_S"),
    Figure("protocol", "as JPEG or WebP; {} when left out", "beats.pictures.formats:DEFAULT_QUALITY"),
    Figure("protocol", "a message for {} seconds", f"{WEBSOCKET}.freshness:DRAWN_S", WORDS.__getitem__),
    Figure("protocol", "at most {} channels at once", f"{FOXGLOVE}.client:_AT_ONCE"),
    Figure("protocol", "dropped, at most every {} s", f"{FOXGLOVE}.client:REPORT_INTERVAL_S"),
    Figure("protocol", "the last {} answers", f"{FOXGLOVE}.client:_MOST_NOTES"),
    Figure("protocol", "longer than {} characters", "beats.adapters.nats.messages:MAX_TOKEN"),
    Figure("proxies", "each viewer every {} s (`ping_interval_s`)", "sinks.websocket.ping_interval_s"),
    Figure("settings", "`max_topics` under `[kernel]` ({})", "kernel.max_topics", "{:,}".format),
)


def of_the_page(file: str, name: str) -> Any:
    """The value of a constant, or of a member of one, in JavaScript."""
    text = (PAGE / file).read_text(encoding="utf-8")
    pattern = rf"^\s*(?:export )?(?:const )?{name}(?: =|:) ([\d._]+|\[.*\])[,;]$"
    [found] = re.findall(pattern, text, re.MULTILINE)
    return json.loads(found.replace("_", ""))


def value_of(place: str) -> Any:
    """The value of a constant, or the default of a setting."""
    if ".js:" in place:
        return of_the_page(*place.split(":"))
    if ":" in place:
        return resolve_name(place)
    named, *kinds, key = place.split(".")
    if named in TABLES:
        return TABLES[named].model_fields[key].default
    [kind] = kinds
    group: Group = "sinks" if named == "sinks" else "sources"
    return InstalledAdapters().settings(group, kind).model_fields[key].default


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.page}: {figure.said}")
def test_a_number_in_a_guide_is_that_of_the_code(figure: Figure) -> None:
    """A default, a limit or a time."""
    page = "README.md" if figure.page == "README" else f"docs/{figure.page}.md"
    text = " ".join(DOCUMENTS[page].text.split())
    assert figure.said.format(figure.written(value_of(figure.place))) in text


def test_the_unit_has_the_options_that_the_page_names() -> None:
    """With their values, where the page gives one."""
    page = DOCUMENTS["docs/operation.md"]
    options = re.findall(r"`([A-Z]\w+=\w+)`", page.section("As a service"))
    assert len(options) > 1
    assert set(options) <= set((ROOT / "examples/operation/beats.service").read_text().splitlines())


def read(cell: str) -> object:
    """The value that a cell shows: a number with its unit, a text, or None."""
    cell = cell.partition(";")[0].strip().strip("`")
    if BY_PROCESSORS.fullmatch(cell):
        return None
    number, _, unit = cell.replace(",", "").partition(" ")
    return float(number) * UNITS.get(unit, 1) if number.replace(".", "").isdigit() else cell


def defaults(document: str, heading: str) -> Iterator[tuple[str, object]]:
    """Each setting of the table below a heading, with its default."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in DOCUMENTS[document].section(heading).splitlines()
        if line.startswith("|")
    ]
    header, _, *rest = rows
    for row in rest:
        names = re.findall(r"`(\w+)`", row[0])
        shown = row[header.index("default")]
        values = shown.split(", ") if len(names) > 1 else [shown]
        yield from zip(names, map(read, values), strict=True)


@pytest.mark.parametrize(
    ("document", "heading", "model", "least"),
    [
        ("docs/websocket.md", "Formats and sizes", WebSocketSettings, 2),
        ("docs/websocket.md", "Limits", WebSocketSettings, 10),
        ("docs/settings.md", "Pixels", PixelSettings, 5),
        ("docs/settings.md", "Event loop", KernelSettings, 1),
    ],
)
def test_defaults_are_those_of_the_settings(
    document: str, heading: str, model: type[Settings], least: int
) -> None:
    """In each table that has some."""
    shown = dict(defaults(document, heading))
    assert len(shown) >= least
    assert shown == {name: model.model_fields[name].default for name in shown}


def test_defaults_of_short_variables_are_those_of_their_settings() -> None:
    """But for those that a profile decides."""
    table = DOCUMENTS["docs/settings.md"].section("Environment variables")
    shown = dict(re.findall(r"^\| `(BEATS_\w+)` \| .* \| (.*) \|$", table, re.MULTILINE))
    for variable, path in SINKS.find("websocket").env_aliases.items():
        if shown[variable] != "as in the profile":
            at: Any = WebSocketSettings(type="websocket")
            for key in path.split("."):
                at = getattr(at, key)
            assert read(shown[variable]) == at, variable


def metrics() -> Iterator[str]:
    """Every metric of the kernel and of each adapter."""
    yield from (LATENCY, AGE, ROUND_TRIP)
    yield from (f"{family.name}{suffix}" for family in FAMILIES for suffix in ("", "_total"))
    own = [own_metric(name, 1) for kind in map(SINKS.find, SINKS.names()) for name in kind.metrics]
    own += [
        own_metric(name, 1, "source") for kind in map(SOURCES.find, SOURCES.names()) for name in kind.metrics
    ]
    yield from (f"{metric.name}{'_total' * metric.rises}" for metric in own if metric is not None)


def test_metrics_are_called_so() -> None:
    """Whatever a document calls `beats_…` with a unit or a state at its end."""
    pattern = r"(?<!\w)beats_(?:sink|source|client|connected|behind|given|published|rejected|refused)\w+[a-z]"
    named = {name for document in DOCUMENTS.values() for name in re.findall(pattern, document.text)}
    assert len(named) > 5
    assert named - set(metrics()) == set()
