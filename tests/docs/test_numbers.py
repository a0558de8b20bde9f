"""Numbers and names in the guides are those of the code: defaults, limits, times and metrics."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from beats.adapters.http.metrics.families import AGE, CLASSES, FAMILIES, LATENCY
from beats.adapters.http.metrics.own import own_metric
from beats.adapters.http.query import MAX_AGE_S, MAX_FPS, MAX_PATTERNS, MAX_WIDTH
from beats.adapters.nats.messages import MAX_TOKEN
from beats.adapters.sinks.http.settings import HttpSettings
from beats.adapters.sinks.websocket.freshness import DRAWN_S
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import KernelSettings, PixelSettings, QueueSettings, Settings
from beats.pictures.formats import DEFAULT_QUALITY
from beats.runtime.registry import SINKS, SOURCES
from tests.docs.documents import DOCUMENTS, ROOT

UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20}
BY_PROCESSORS: Final = re.compile(r"process(or cores|ors) (less one|- 1), at least 1")
"""How a default of None reads that is computed from the machine."""
WORDS: Final[Mapping[float, str]] = {2: "two", 3: "three", 5: "five", 7: "seven", 10: "ten", 30: "thirty"}
FOLDER: Final = "adapters/beats/adapters"
WEBSOCKET, HTTP, PAGE = f"{FOLDER}/sinks/websocket", f"{FOLDER}/http", f"{FOLDER}/http/page"


def plain(name: str) -> str:
    """A document in one line."""
    return " ".join(DOCUMENTS[name].text.split())


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


def constant(path: str, name: str) -> float:
    """A number that a module defines, in Python or JavaScript."""
    text = (ROOT / path).read_text(encoding="utf-8")
    [found] = re.findall(
        rf"^\s*(?:export )?(?:const )?{name}(?:: Final)?(?: =|:) ([\d._]+)", text, re.MULTILINE
    )
    return float(found.replace("_", ""))


def word(number: float) -> str:
    """A small number as it is written in a sentence."""
    return WORDS[number]


def of_the_page() -> Iterator[str]:
    """What docs/websocket.md says of the page."""
    pictures, narrow_ms = (
        constant(f"{PAGE}/frames.js", "MOST_PICTURES"),
        constant(f"{PAGE}/main.js", "NARROW_MS"),
    )
    yield f"**Several pictures**, up to {pictures:g}, are"
    yield f"After {word(narrow_ms / 1000)} seconds an enlarged picture"
    yield f"of its first {constant(f'{PAGE}/updates.js', 'MOST_DRAWN'):g} numbers"
    for path, name in (("main.js", "QUIET_MS"), ("measures.js", "NOTABLE_MS")):
        yield f"after {word(constant(f'{PAGE}/{path}', name) / 1000)} seconds without data"
    assert constant(f"{PAGE}/list.js", "MOST_CARDS") == 12
    yield "More than a dozen are shown in one line each"
    rule = f"{PAGE}/quality.js"
    assert (constant(rule, "lost"), constant(rule, "lateMs")) == (0.1, 1000)
    yield "a second is bad if a tenth of the frames was missed, or if frames were a second old"
    yield f"After {word(constant(rule, 'badS'))} bad seconds it asks for"
    yield f"after {word(constant(rule, 'holdS'))} good ones it tries more"
    [widths] = re.findall(r"const WIDTHS = \[(.*)\]", (ROOT / rule).read_text(encoding="utf-8"))
    yield f"in one of {word(len(widths.split(',')))} widths"


def of_the_server() -> Iterator[str]:
    """What docs/websocket.md says of the server."""
    per_s, freshness = constant(f"{HTTP}/limits.py", "WRONG_TOKENS_PER_S"), f"{WEBSOCKET}/freshness.py"
    yield f"{word(2 * per_s)} different wrong tokens, and {word(per_s)} a second from then on"
    yield f"encoded for the viewer as JPEG or WebP; {DEFAULT_QUALITY} when left out"
    yield f"a ping, every {constant(freshness, 'PING_INTERVAL_S'):g} s to a viewer that keeps up"
    yield f"the same choice at most {constant(freshness, '_MOST_PINGS_PER_S'):g} a second"
    yield f"the same paths on port {HttpSettings.model_fields['port'].default}"
    yield f"class of viewer ({', '.join(f'`{each}`' for each in CLASSES)})"


def of_queues() -> Iterator[str]:
    """What docs/queues.md says."""
    queue, kernel = QueueSettings(), KernelSettings()
    yield f"(`size`, {queue.size}) and in bytes (`max_bytes`, {queue.max_bytes >> 20} MiB)"
    yield f"of 1 MB frames, {queue.max_bytes // 1_000_000} fit into the default `max_bytes`"
    first_s, longest_s = kernel.restart_initial_s, kernel.restart_max_s
    yield f"after {first_s:g} s, then with pauses that double up to {longest_s:g} s"
    client, pacing = f"{WEBSOCKET}/client.py", f"{WEBSOCKET}/pacing.py"
    yield f"was full for {1000 * constant(client, '_PATIENCE_S'):g} ms while something waited"
    assert constant(client, "_CALM_S") == constant(pacing, "_OVERDUE_S") == 1
    yield "until nothing had to wait for a second"
    yield "stops answering them for a second or so"
    yield f"Every {word(constant(pacing, '_EMPTIED_S'))} seconds the line is emptied once"
    yield f"within `burst_interval_s` ({1000 * WebSocketSettings(type='websocket').burst_interval_s:g} ms)"


def of_the_protocol() -> Iterator[str]:
    """What docs/protocol.md says."""
    yield f"| 1 to {MAX_PATTERNS} patterns as in a shell"
    yield f"| 1 to {MAX_WIDTH}: the most pixels"
    yield f"| a number above 0, at most {MAX_FPS:g} |"
    yield f"| a number above 0, at most {MAX_AGE_S:g}: what is older"
    yield f"encoded for the viewer as JPEG or WebP; {DEFAULT_QUALITY} when left out"
    yield f"without such a message for {word(DRAWN_S)} seconds"
    foxglove = f"{WEBSOCKET}/foxglove/client.py"
    yield f"at most {constant(foxglove, '_AT_ONCE'):g} channels at once"
    yield f"at most every {constant(foxglove, 'REPORT_INTERVAL_S'):g} s"
    yield f"the last {constant(foxglove, '_MOST_NOTES'):g} answers"
    yield f"longer than {MAX_TOKEN} characters"


def of_proxies() -> Iterator[str]:
    """What docs/proxies.md says."""
    ping_s = WebSocketSettings(type="websocket").ping_interval_s
    yield f"Beats pings each viewer every {ping_s:g} s (`ping_interval_s`)"


def of_the_readme() -> Iterator[str]:
    """What README.md says."""
    yield f"`max_clients`, {WebSocketSettings(type='websocket').max_clients:,} by default"


def of_settings() -> Iterator[str]:
    """What docs/settings.md says beside its tables."""
    yield f"`max_topics` under `[kernel]` ({KernelSettings().max_topics:,})"


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        ("docs/websocket.md", of_the_page),
        ("docs/websocket.md", of_the_server),
        ("docs/queues.md", of_queues),
        ("docs/protocol.md", of_the_protocol),
        ("docs/proxies.md", of_proxies),
        ("docs/settings.md", of_settings),
        ("README.md", of_the_readme),
    ],
)
def test_sentences_have_the_numbers_of_the_code(
    document: str, sentences: Callable[[], Iterator[str]]
) -> None:
    """A limit or a time that is changed is changed in both."""
    text = plain(document)
    assert [sentence for sentence in sentences() if sentence not in text] == []


def metrics() -> Iterator[str]:
    """Every metric of the kernel and of each adapter."""
    yield from (LATENCY, AGE)
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
