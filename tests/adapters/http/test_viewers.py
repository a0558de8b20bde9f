"""Counts of what went past."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import astuple, replace

import anyio
import pytest
from anyio import to_thread
from websockets.asyncio.client import connect

from beats.adapters.http.viewers import RunningCount, ViewerTotals
from beats.kernel.stats import Amount, ClientGroup, ClientStats, ClientTotals, DropStats, QueueStats
from beats.kernel.testing import envelope
from tests.adapters.sinks.websocket.support import Running, on_air, settings, stalled_client


def viewer(
    group: str = "full",
    taken: Amount = Amount(),  # noqa: B008 - immutable
    waiting: Amount = Amount(),  # noqa: B008 - immutable
    *drops: DropStats,
) -> ClientStats:
    dropped = Amount(sum(drop.items for drop in drops), sum(drop.bytes for drop in drops))
    offered = taken.plus(waiting).plus(dropped)
    queue = QueueStats("127.0.0.1:1", offered, taken, dropped, waiting, drops, 0)
    return ClientStats(1, "127.0.0.1:1", 0, bool(waiting.items), queue, group)


def test_viewers_are_summed_up_by_class() -> None:
    """Each class has its own sums, with drops by reason and kind. There is no class without viewers."""
    assert ViewerTotals().groups([]) == ()
    one, two = DropStats("latest", "frame", 1, 10), DropStats("latest", "frame", 2, 20)
    others = (DropStats("latest", "peripheral", 4, 40), DropStats("left", "frame", 8, 80))
    full, thinned = ViewerTotals().groups(
        [
            viewer("full", Amount(5, 50), Amount(1, 10), one),
            viewer("thinned", Amount(1, 1)),
            viewer("full", Amount(2, 20), Amount(3, 30), two, *others),
        ]
    )
    assert thinned == ClientGroup("thinned", 1, Amount(1, 1), Amount(), ())
    assert replace(full, drops=()) == ClientGroup("full", 2, Amount(7, 70), Amount(4, 40), ())
    assert set(full.drops) == {DropStats("latest", "frame", 3, 30), *others}


def test_the_difference_of_two_amounts_is_what_came_between() -> None:
    """In envelopes and bytes."""
    flow = RunningCount()
    flow.add([envelope(1, encoded=b"abc")])
    before = flow.amount()
    flow.add([envelope(2, encoded=b"de"), envelope(3, encoded=b"")])
    assert (before, flow.amount().minus(before)) == (Amount(1, 3), Amount(2, 2))


def test_what_viewers_got_stays_when_they_leave() -> None:
    """They no longer count as connected, and nothing waits for them."""
    totals = ViewerTotals()
    leaves = viewer("full", Amount(5, 50), Amount(), DropStats("left", "frame", 2, 20))
    stays = viewer("full", Amount(1, 10), Amount(3, 30))
    totals.leave(leaves)
    (group,) = totals.groups([stays])
    assert group == ClientGroup("full", 1, Amount(6, 60), Amount(3, 30), (DropStats("left", "frame", 2, 20),))
    assert totals.groups([]) == (replace(group, connected=0, delivered=Amount(5, 50), waiting=Amount()),)


def test_a_copy_does_not_change() -> None:
    """While viewers leave in another thread. Asking for the sums does not change them either."""
    totals = ViewerTotals()
    totals.leave(viewer("full", Amount(5, 50), Amount(), DropStats("left", "frame", 2, 20)))
    copy = totals.copy()
    before = copy.groups([])
    assert before == totals.groups([]) == totals.groups([])
    totals.leave(viewer("full", Amount(5, 50), Amount(), DropStats("left", "frame", 2, 20)))
    assert copy.groups([]) == before != totals.groups([])


@pytest.fixture
def _many_turns() -> Iterator[None]:
    """Threads take turns a hundred times as often as usual."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(interval_s / 100)
    yield
    sys.setswitchinterval(interval_s)


def rising(totals: ClientTotals) -> tuple[int, ...]:
    drops = {(group.name, drop.reason): drop.items for group in totals.groups for drop in group.drops}
    causes = (("full", "drop_oldest"), ("full", "left"), ("thinned", "max_fps"))
    return (*astuple(totals.delivered), *astuple(totals.dropped), *(drops.get(cause, 0) for cause in causes))


class Reader:
    """Another thread that reads the counters without pause."""

    def __init__(self, running: Running) -> None:
        self.falls: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self._running = running
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def end(self) -> None:
        """Stop reading."""
        self._end.set()
        self._thread.join()

    def _read(self) -> None:
        before = rising(self._running.totals)
        while not self._end.is_set():
            now = rising(self._running.totals)
            if any(later < earlier for earlier, later in zip(before, now, strict=True)):
                self.falls.append((before, now))
            before = now


@pytest.mark.anyio
@pytest.mark.usefixtures("_many_turns")
async def test_no_count_falls_while_viewers_come_fall_behind_and_go() -> None:
    """Any thread finds each viewer once: among those connected, or those that left."""
    config = settings(client_queue={"size": 3, "overflow": "drop_oldest"}, send_buffer_bytes=4096)
    async with on_air(config) as running:

        async def visit(query: str) -> None:
            for _ in range(15):
                async with connect(f"{running.url}/{query}", max_size=None) as viewer:
                    for _ in range(4):
                        await viewer.recv()

        async def stall() -> None:
            for _ in range(15):
                async with stalled_client(running):
                    for _ in range(10):
                        running.frame(50_000)
                        await running.fanned_out()

        async def visit_all(done: anyio.Event) -> None:
            async with anyio.create_task_group() as visits:
                visits.start_soon(visit, "")
                visits.start_soon(visit, "?max_fps=50")
                visits.start_soon(stall)
            done.set()

        reader, done = Reader(running), anyio.Event()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(visit_all, done)
                while not done.is_set():
                    running.frame(50_000)
                    await anyio.sleep(0.002)
        finally:
            await to_thread.run_sync(reader.end)
    assert reader.falls == []
