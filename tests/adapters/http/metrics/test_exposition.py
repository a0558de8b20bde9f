"""The whole answer to Prometheus, read with the library's own parsers."""

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import version
from typing import Final

import anyio
import prometheus_client
import pytest
from anyio import to_thread
from websockets.asyncio.client import ClientConnection, connect

from beats.adapters.http.metrics.exposition import Metrics, Monotonic, wants_openmetrics
from beats.adapters.http.metrics.families import FAMILIES
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Sealed
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import Amount, SinkStats, Stats
from tests.adapters.http.metrics.lint import Samples, faults, openmetrics, plain, unit_faults
from tests.adapters.http.metrics.material import QUEUE, RECORDER, STATS
from tests.adapters.sinks.websocket.support import (
    CODEC,
    Running,
    fetch,
    on_air,
    receive,
    settings,
    stalled_client,
    until,
)

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"


def context(stats: Stats = STATS) -> Context:
    def take(*, clients: bool = True) -> Stats:
        assert clients
        return stats

    return Context("browser", "studio", SystemClock(), lambda control: None, stats=take)


def answer(accept: str = "", stats: Stats = STATS) -> str:
    return Metrics(context(stats)).reply(accept).body.decode()


def test_both_formats_are_valid() -> None:
    """By what `promtool check metrics` checks, for every metric; only OpenMetrics has units."""
    metrics = plain(answer())
    assert faults(metrics) == []
    assert {family.name for family in FAMILIES} <= {metric.name for metric in metrics}
    metrics = openmetrics(answer(OPENMETRICS))
    assert faults(metrics) == []
    assert unit_faults(metrics) == []
    for each in ("127.0.0.1", "OSError"):  # an address or an error would make its own series
        assert each not in answer()


def test_both_formats_say_the_same() -> None:
    """Of everything that does not change between two answers."""
    both = [Samples(plain(answer())), Samples(openmetrics(answer(OPENMETRICS)))]
    names = [{name for name in samples.names() if name.startswith("beats_")} for samples in both]
    assert names[0] == names[1]
    for name in names[0]:
        assert both[0].each(name) == both[1].each(name)


def test_process_version_and_profile_are_metrics() -> None:
    """Those of the process have their usual names, so that common dashboards work."""
    samples = Samples(plain(answer()))
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert samples[f"process_{name}"] > 0
    assert len(samples.each("python_info")) == 1
    (labels,) = samples.each("beats_info")
    assert dict(labels) == {"version": version("beats"), "profile": "studio"}


def test_names_from_the_settings_cannot_break_the_answer() -> None:
    """They may hold characters that the format uses."""
    name = 'a"b\\c\nd{e}=f,g # HELP é'
    sink: SinkStats = replace(STATS.sinks[1], name=name)
    for parse, accept in ((plain, ""), (openmetrics, OPENMETRICS)):
        metrics = parse(answer(accept, replace(STATS, sinks=(sink,))))
        assert Samples(metrics).value("beats_sink_restarts_total", sink=name) == 0
        assert faults(metrics) == []


def test_metrics_of_an_embedding_program_stay_separate() -> None:
    """In both directions."""
    registry = prometheus_client.REGISTRY
    theirs = prometheus_client.Counter("their_things_total", "Theirs.")
    try:
        assert "their_things" not in answer()
        assert "beats_" not in prometheus_client.generate_latest(registry).decode()
    finally:
        registry.unregister(theirs)


@pytest.mark.parametrize(
    ("expected", "headers"),
    [
        (False, ("", "*/*", "text/plain", ";;,,;q==,", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")),
        (False, ("text/plain;q=0.9, OM;q=0.5", "OM;q=0", "OM; version=; q=x", "OM;q=nan")),
        (True, ("OM", "APPLICATION/OpenMetrics-Text;version=1.0.0", "OM;version=what.ever")),
        (True, ("OM;version=1.0.0;q=0.5,OM;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",)),
    ],
)
def test_the_preferred_format_is_sent(expected: bool, headers: tuple[str, ...]) -> None:
    """The older one when in doubt; the header may hold anything."""
    for header in headers:
        accept = header.replace("OM", "application/openmetrics-text")
        assert wants_openmetrics(accept) is expected
        reply = Metrics(context()).reply(accept)
        assert reply.content_type.startswith(OPENMETRICS if expected else "text/plain")
        assert reply.body.endswith(b"# EOF\n") is expected


class Viewers(AsyncExitStack):
    """Clients that all read, and what they received."""

    def __init__(self, running: Running) -> None:
        super().__init__()
        self.running: Final = running
        self.got: Final[defaultdict[str, list[Sealed]]] = defaultdict(list)
        self._connections: Final[dict[str, ClientConnection]] = {}

    async def add(self, name: str, query: str = "") -> None:
        """Connect a viewer before anything is published, and wait until it is in."""
        before = self.running.totals.connected
        url = f"{self.running.url}/{query}"
        self._connections[name] = await self.enter_async_context(connect(url, max_size=None, max_queue=None))
        await until(lambda: self.running.totals.connected == before + 1)

    async def read(self, name: str, topic: str, last: int) -> None:
        """Read until this envelope has come."""
        while not self.has(name, topic, last):
            self.got[name].append(await receive(self._connections[name]))

    def has(self, name: str, topic: str, sequence: int) -> bool:
        """Whether it got this envelope."""
        return any((each.topic, each.sequence) == (topic, sequence) for each in self.got[name])

    def missed(self, name: str, topic: str) -> int:
        """How many are missing between the first published and the last received."""
        numbers = [0, *(each.sequence for each in self.got[name] if each.topic == topic)]
        assert numbers == sorted(set(numbers))
        return numbers[-1] - len(numbers[1:])


@pytest.mark.anyio
async def test_the_counters_are_what_viewers_really_got_and_missed() -> None:
    """A good viewer, one that stops reading for a while, one with few frames and one with none."""
    config = settings(client_queue={"size": 3, "overflow": "drop_oldest"}, send_buffer_bytes=4096)
    async with on_air(config) as running, Viewers(running) as them, AsyncExitStack() as stack:
        for name, query in (("good", ""), ("chosen", "?kinds=peripheral"), ("thinned", "?max_fps=5")):
            await them.add(name, query)
        slow = await stack.enter_async_context(stalled_client(running))
        everyone = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        for _ in range(12):  # one at a time, so that only one viewer falls behind
            running.knob(1)
            await them.read("good", "frame", running.frame(300_000))
            await until(lambda: sum(not each.drained for each in everyone) <= 1)
        for _ in range(5):  # at once, so that there are too many for `max_fps`
            running.frame()
        last_frame = running.frame()
        last_knob = running.knob(2)
        await them.read("good", "peripheral/knob", last_knob)
        await them.read("chosen", "peripheral/knob", last_knob)
        await them.read("thinned", "frame", last_frame)

        behind = Samples(plain((await fetch(running.port, "/metrics")).text))
        assert behind.value("beats_behind_clients", sink="browser", client_class="full") == 1
        assert behind.value("beats_client_queue_envelopes", sink="browser", client_class="full") == 3

        def read_on() -> None:
            while not them.has("slow", "peripheral/knob", last_knob):
                them.got["slow"].append(CODEC.decode(slow.message()))

        await to_thread.run_sync(read_on)
        await until(lambda: not any(client.behind for client in running.sink.clients()))
        after = Samples(openmetrics((await fetch(running.port, "/metrics", Accept=OPENMETRICS)).text))

    assert after.risen_only_since(behind) == []
    names = {"full": ("good", "slow"), "chosen": ("chosen",), "thinned": ("thinned",)}
    missed = {
        group: sum(them.missed(name, topic) for name in members for topic in ("frame", "peripheral/knob"))
        for group, members in names.items()
    }
    assert missed["full"] > 0
    assert missed["thinned"] > 0
    for group, members in names.items():
        labels = {"sink": "browser", "client_class": group}
        assert after.sum("beats_client_dropped_envelopes_total", **labels) == missed[group]
        delivered = after.value("beats_client_delivered_envelopes_total", **labels)
        assert delivered == sum(len(them.got[name]) for name in members)
        size_bytes = after.value("beats_client_delivered_bytes_total", **labels)
        assert size_bytes == sum(len(each.encoded) for name in members for each in them.got[name])
        offered = after.value("beats_client_offered_envelopes_total", **labels)
        assert offered == delivered + missed[group]
        assert after.value("beats_connected_clients", **labels) == len(members)
    reasons = {
        (dict(labels)["client_class"], dict(labels)["reason"])
        for labels in after.each("beats_client_dropped_envelopes_total")
    }
    assert reasons == {("full", "drop_oldest"), ("thinned", "max_fps")}


class Failing:
    """A sink that takes everything, and fails with it when told to."""

    def __init__(self) -> None:
        self.holds: Final = anyio.Event()
        self.fail: Final = anyio.Event()

    async def run(self, queue: Batches) -> None:
        """Take everything, and give nothing back."""
        await queue.take()
        if self.holds.is_set():
            await anyio.sleep_forever()
        self.holds.set()
        await self.fail.wait()
        raise OSError("full")


@pytest.mark.anyio
async def test_no_counter_falls_when_a_sink_fails() -> None:
    """What it held counts as dropped, no longer as delivered, which Prometheus would take for a restart."""
    failing = Failing()
    async with on_air(others={"failing": failing}) as running:
        for _ in range(5):
            running.knob(1)
        await failing.holds.wait()
        before = Samples(plain((await fetch(running.port, "/metrics")).text))
        failing.fail.set()
        await until(lambda: running.kernel.stats().sinks[1].queue.taken.items == 0)
        after = Samples(plain((await fetch(running.port, "/metrics")).text))
    assert after.risen_only_since(before) == []
    labels = {"sink": "failing", "kind": "peripheral", "reason": "failed"}
    assert after.value("beats_sink_dropped_envelopes_total", **labels) == 5


def counters(offered: int, taken: int, name: str = "rec", size_bytes: int = 10) -> Stats:
    amounts = Amount(offered, 10 * offered), Amount(taken, taken * size_bytes)
    queue = replace(QUEUE, name=name, offered=amounts[0], taken=amounts[1])
    return replace(STATS, sinks=(replace(RECORDER, name=name, queue=queue),))


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        pytest.param([counters(100, 90), counters(105, 99)], (100, 1000), id="until as much came again"),
        pytest.param([counters(100, 90), counters(120, 120)], (120, 1200), id="as much came again"),
        pytest.param([counters(101, 95, size_bytes=100)], (100, 9500), id="items and bytes are separate"),
        pytest.param([counters(3, 2), counters(4, 3)], (3, 30), id="a new queue begins from zero"),
        pytest.param([replace(STATS, sinks=()), counters(200, 50)], (50, 500), id="a sink was removed"),
        pytest.param([counters(100, 90, "other")], (90, 900), id="sinks are independent"),
    ],
)
def test_a_count_does_not_fall_when_a_sink_gives_back(later: list[Stats], shown: tuple[int, int]) -> None:
    """Prometheus would take that for a restart. Other counters are unchanged."""
    assert Monotonic().hold(STATS) == STATS
    monotonic = Monotonic()
    found = monotonic.hold(counters(100, 100))
    assert found == counters(100, 100)
    for stats in later:
        found = monotonic.hold(stats)
    assert found.sinks[0].queue.taken == Amount(*shown)
