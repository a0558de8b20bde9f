"""Clients come, go, freeze and reset at random while a stream runs: nothing may drift.

Some of them are at the ends of slow lines, where the machine may make hosts for them (`tests.support.hosts`).
Twenty seconds in the suite; `BEATS_SOAK_S=600` makes it ten minutes, with more clients and more such lines.
"""

import gc
import json
import logging
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import pytest

from beats.app import Stream
from beats.kernel.stats import ClientTotals, SinkStats
from beats.kit import throttled_log as reports
from beats.kit.event_loop import run
from tests.support import TIMEOUT_S, Program, clean_environment, is_exact, quiet, tiny_png, until
from tests.support.hosts import MAKERS, Host, inside
from tests.support.lines import Line

SOAK_S: Final = float(os.environ.get("BEATS_SOAK_S", "20"))  # before the fixture that removes it
LONG: Final = SOAK_S >= 60
CLIENTS: Final = 200 if LONG else 150
ON_A_LINE: Final = 6
"""So many of them share each slow line."""
LINES: Final[Mapping[str, Line]] = {
    "thin": Line(delay_s=0.02, jitter_s=0.02, loss=0.01, bytes_per_s=150_000),
    **(
        {"bloated": Line(delay_s=0.02, bytes_per_s=600_000, buffer_s=4.0), "far": Line(0.1, bytes_per_s=1e6)}
        if LONG
        else {}
    ),
}
"""The stream takes 1.2 MB/s for each client. Carrying packets takes CPU, so the suite has one line."""
SEED: Final = 20_240_607
ROOT: Final = Path(__file__).parents[2]
WARM_UP_S: Final = min(15.0, SOAK_S / 2)
STALL_TIMEOUT_S: Final = 2.0
GROWTH_BYTES: Final = 10_000_000 if LONG else 20_000_000
"""What memory may grow by between two looks: at the second one, each of 200 clients may happen to be behind,
with 40 kB that are joined for it alone or on their way (what waits is shared); 2 MB are for the allocator.
In the suite, a process that has run thousands of tests before once grew by 14 MB in one step, and no more."""
FRAME: Final = tiny_png() + bytes(20_000)
CLOSING: Final = re.compile(
    rf"sink 'browser': client \S+ closed: its socket accepted no byte for {STALL_TIMEOUT_S:g} s"
)
MORE_CLOSINGS: Final = re.compile(
    r"sink 'browser': (more stalled clients will be counted, not shown|\d+ stalled clients so far; .*)"
)
BROWSER: Final = {
    "port": 0,
    "max_clients_per_address": 1000,
    "stall_timeout_s": STALL_TIMEOUT_S,
    "client_queue": {"frame": {"size": 4, "overflow": "latest"}},
}

pytestmark = [
    pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="the clients and /proc are Linux's"),
    pytest.mark.timeout(SOAK_S + 120),
]


class Look(NamedTuple):
    """What one look at the counters found."""

    at_s: float
    rss_bytes: int
    connected: int
    behind: int


class Sieve(logging.Filter):
    """Counts the lines about clients that froze and keeps none of them: memory is measured."""

    def __init__(self) -> None:
        super().__init__()
        self.closings = 0

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_closing = CLOSING.fullmatch(text) is not None
        self.closings += is_closing
        return record.exc_info is not None or not (is_closing or MORE_CLOSINGS.fullmatch(text))


class Watch:
    """Looks at the counters again and again, from a thread, and remembers the first that are wrong."""

    def __init__(self, stream: Stream) -> None:
        self.looks: Final[list[Look]] = []
        self.wrong: Final[list[str]] = []
        self._stream: Final = stream
        self._accepted: dict[int, tuple[int, int]] = {}
        self._end: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        begin_s = time.monotonic()
        while not self._end.wait(0.1):
            try:
                sink = self._stream.stats().sinks[0]
            except Exception as error:  # of any kind: the test reports it
                self.wrong.append(repr(error))
                return
            self._check(sink)
            behind = sum(client.behind for client in sink.clients)
            look = Look(time.monotonic() - begin_s, rss_bytes(), len(sink.clients), behind)
            if not self.looks or look.at_s - self.looks[-1].at_s >= 0.5:
                self.looks.append(look)

    def _check(self, sink: SinkStats) -> None:
        for queue in (sink.queue, *(client.queue for client in sink.clients)):
            if len(self.wrong) < 5 and not is_exact(queue):
                self.wrong.append(f"{queue}")
        before, self._accepted = self._accepted, {}  # of those who left nothing is kept: memory is measured
        for client in sink.clients:
            last = before.get(client.id, (0, 0))
            now = (client.queue.offered.items, client.queue.taken.items)
            if len(self.wrong) < 5 and (now[0] < last[0] or now[1] < last[1]):
                self.wrong.append(f"client {client.id} went back from {last} to {now}")
            self._accepted[client.id] = now


def rss_bytes() -> int:
    """This process's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """This process's open files and sockets."""
    return len(list(Path("/proc/self/fd").iterdir()))


def publish_for(stream: Stream, duration_s: float) -> int:
    """60 frames a second and a knob with every second one; how many envelopes that were."""
    begin_s = time.monotonic()
    count = published = 0
    while (now_s := time.monotonic()) - begin_s < duration_s:
        due_s = begin_s + count / 60
        if now_s < due_s:
            time.sleep(due_s - now_s)
        stream.publish_frame(FRAME)
        published += 1
        if count % 2 == 0:
            stream.publish_peripheral(f"knob-{count % 3}", {"rotation": count})
            published += 1
        count += 1
    return published


def totals_of(stream: Stream) -> ClientTotals:
    """The counters of all clients."""
    totals = stream.stats().sinks[0].client_totals
    assert totals is not None
    return totals


@contextmanager
def hosts() -> Generator[tuple[Host, Mapping[str, Host]]]:
    """The host that this thread is on in the block, and those at the ends of lines, if any can be made."""
    if (make := MAKERS.get("namespaces")) is None:
        yield Host("127.0.0.1", Line()), {}
        return
    with make(server=Line(), **LINES) as made, inside(made["server"]):
        yield made["server"], {name: made[name] for name in LINES}


class Crowds:
    """All clients: those on this host, and those on others."""

    def __init__(self, server: Host, others: Mapping[str, Host], port: int, stack: ExitStack) -> None:
        """Let them come; each other host is at the end of a line."""
        self._programs: Final[dict[str, Program]] = {}
        counts = {"here": CLIENTS - ON_A_LINE * len(others), **dict.fromkeys(others, ON_A_LINE)}
        for seed, (name, count) in enumerate(counts.items(), SEED):
            numbers = [str(number) for number in (port, count, seed)]
            crowd = [sys.executable, "-m", "tests.system.soak_crowd", server.address, *numbers]
            host = others.get(name, server)
            started = host.start(crowd, ROOT, clean_environment(), subprocess.PIPE)
            self._programs[name] = stack.enter_context(started)

    def leave(self) -> dict[str, Counter[str]]:
        """All go; what they did, by host."""
        for program in self._programs.values():
            program.close_input()
        for name, program in self._programs.items():
            assert program.end() == 0, f"{name}: {program.err.text()}"
        return {name: Counter(json.loads(each.out.text())) for name, each in self._programs.items()}


@pytest.fixture
def sieve() -> Iterator[Sieve]:
    """Sits before the handlers, which would keep every record."""
    logger, found = logging.getLogger("beats.adapters.http.viewers"), Sieve()
    logger.addFilter(found)
    yield found
    logger.removeFilter(found)


def test_a_soak_ends_with_exact_accounting_flat_memory_and_a_quiet_log(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, sieve: Sieve
) -> None:
    """Every envelope is accounted for at every look, the log names the frozen alone, nothing is left."""
    caplog.set_level(logging.WARNING)
    run(anyio.sleep, 0)  # the first event loop of a process may leave it two descriptors for good (libuv)
    before = descriptors(), set(threading.enumerate())
    with (
        hosts() as (server, others),
        ExitStack() as stack,
        Stream.open(
            profile="default",
            config_dir=tmp_path,
            overrides=quiet(browser={**BROWSER, "host": server.address}),
        ) as stream,
    ):
        crowds = Crowds(server, others, stream.sinks["browser"].address.port, stack)
        with Watch(stream) as watch:
            published = publish_for(stream, SOAK_S)
        by_host = crowds.leave()
        seen = sum(by_host.values(), Counter[str]())
        until(lambda: totals_of(stream).connected == 0)
        sink, totals = stream.stats().sinks[0], totals_of(stream)
        summary = f"{by_host}\n{totals}\n{sink.queue}\n{memory(watch.looks)}"
        print(summary)

        assert watch.wrong == []
        assert len(watch.looks) > SOAK_S
        assert is_exact(sink.queue)
        assert sink.queue.offered.items == published
        assert sink.queue.waiting.items == 0
        assert (sink.state, sink.restarts, sink.last_error) == ("running", 0, "")
        assert totals.refused == totals.overflowed == 0
        # A viewer is accepted when it is caught up: after its 101, and before it gets any of the stream.
        assert 0 < seen["served"] <= totals.accepted <= seen["started"] - seen["vanish"]
        assert min(seen[manner] for manner in ("polite", "reset", "frozen", "slow", "vanish")) > SOAK_S / 10
        assert totals.stalled > 0
        assert all(came["served"] for came in by_host.values())
        assert_flat(watch.looks)
    until(lambda: set(threading.enumerate()) <= before[1])
    gc.collect()  # a task that was left pending is logged when it goes
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert sieve.closings == min(totals.stalled, reports.FIRST)
    assert descriptors() <= before[0]


def memory(looks: list[Look]) -> str:
    """How memory went, for the eye."""
    chosen = looks[:: max(1, len(looks) // 12)]
    return "\n".join(
        f"{look.at_s:6.1f} s {look.rss_bytes / 1e6:8.1f} MB {look.connected} clients, {look.behind} behind"
        for look in chosen
    )


def assert_flat(looks: list[Look]) -> None:
    """The median of the last tenth is not above that of as long a time after the warm-up."""
    settled = [look.rss_bytes for look in looks if look.at_s >= WARM_UP_S]
    span = max(5, len(settled) // 10)
    first, last = sorted(settled[:span])[span // 2], sorted(settled[-span:])[span // 2]
    assert last - first < GROWTH_BYTES, memory(looks)
