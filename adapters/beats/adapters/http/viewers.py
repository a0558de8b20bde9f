"""The viewers of a server, whatever they speak: which there are, what they got, and which are cut off."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Final, Protocol

import anyio

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import ClientIdentity, Envelope, Kind
from beats.kernel.queue.latency import LatencyHistogram
from beats.kernel.stats import Amount, ClientGroup, ClientStats, ClientTotals, DropStats, Latency
from beats.kit.sockets import unsent_bytes
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

LINGER_S: Final = 1.0
"""How long viewers that are behind may go on reading when the stream has ended."""


class RunningCount:
    """Counts envelopes for many readers: each remembers an earlier amount and takes the difference."""

    __slots__ = ("_bytes", "_items")

    def __init__(self) -> None:
        self._items = 0
        self._bytes = 0

    def add(self, envelopes: list[Envelope]) -> None:
        """Count envelopes."""
        self._items += len(envelopes)
        self._bytes += sum(len(envelope.encoded) for envelope in envelopes)

    def amount(self) -> Amount:
        """The count now."""
        return Amount(self._items, self._bytes)


class GroupTotal:
    """The sums of one class of viewers."""

    def __init__(self) -> None:
        self.connected = 0
        self.delivered = self.waiting = Amount()
        self._drops: Final[dict[tuple[str, Kind], Amount]] = {}

    def add(self, viewer: ClientStats) -> None:
        """Add the counters of a viewer."""
        self.delivered = self.delivered.plus(viewer.queue.taken)
        self.waiting = self.waiting.plus(viewer.queue.waiting)
        self._add_drops(viewer.queue.drops)

    def copy(self) -> "GroupTotal":
        """The same sums, for viewers that left: none is connected, and nothing waits."""
        other = GroupTotal()
        other.delivered = self.delivered
        other._drops.update(self._drops)
        return other

    def drops(self) -> tuple[DropStats, ...]:
        """What was missed, by reason and kind."""
        return tuple(DropStats(*key, amount.items, amount.bytes) for key, amount in self._drops.items())

    def _add_drops(self, drops: Iterable[DropStats]) -> None:
        for drop in drops:
            key = (drop.reason, drop.kind)
            self._drops[key] = self._drops.get(key, Amount()).plus(Amount(drop.items, drop.bytes))


class ViewerTotals:
    """Keeps the sums of viewers that left; connected ones are added on request."""

    def __init__(self) -> None:
        self._gone: Final[dict[str, GroupTotal]] = {}

    def leave(self, viewer: ClientStats) -> None:
        """Keep the counters of a viewer that left."""
        self._gone.setdefault(viewer.group, GroupTotal()).add(viewer)

    def copy(self) -> "ViewerTotals":
        """The same sums, which do not change while another thread adds to these."""
        other = ViewerTotals()
        other._gone.update({name: gone.copy() for name, gone in self._gone.items()})
        return other

    def groups(self, viewers: Iterable[ClientStats]) -> tuple[ClientGroup, ...]:
        """All classes so far, with the viewers that are connected."""
        totals = {name: gone.copy() for name, gone in self._gone.items()}
        for viewer in viewers:
            total = totals.setdefault(viewer.group, GroupTotal())
            total.connected += 1
            total.add(viewer)
        return tuple(
            ClientGroup(name, total.connected, total.delivered, total.waiting, total.drops())
            for name, total in totals.items()
        )


class TimesByClass:
    """Histograms of what viewers tell, by their class; only the event loop adds."""

    def __init__(self) -> None:
        self._histograms: Final[dict[str, LatencyHistogram]] = {}

    def add(self, group: str, time_ns: int) -> None:
        """Count what a viewer of a class has told."""
        if group not in self._histograms:
            self._histograms[group] = LatencyHistogram(SystemClock())
        self._histograms[group].add(time_ns)

    def stats(self, group: str) -> Latency | None:
        """The counts of a class now; None until the first."""
        found = self._histograms.get(group)
        return None if found is None else found.stats()


class ViewerTimes:
    """How old the stream is that viewers read, and how long their answers take."""

    def __init__(self) -> None:
        self.ages: Final = TimesByClass()
        self.round_trips: Final = TimesByClass()


class Progress:
    """Watches whether the other side takes what is written to it.

    The write buffer of its transport has a high-water mark of one byte, so `paused` means: something that was
    written has not yet gone to the socket. The operating system takes more for a slow reader only when a good
    part of what it holds has gone, so what it holds counts too.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.paused = False
        """Whether bytes wait in the buffer."""
        self._transport: Final = transport
        self._loop: Final = asyncio.get_running_loop()
        self._least_waiting = 0
        self._seen_s = 0.0

    def pause(self) -> None:
        """The write buffer is not empty."""
        self.paused = True
        self.begin()

    def resume(self) -> None:
        """The write buffer is empty."""
        self.paused = False

    def begin(self) -> None:
        """Count from now on: bytes were written, or the other side showed that it reads."""
        self._least_waiting = self._waiting()
        self._seen_s = self._loop.time()

    def stalled(self, timeout_s: float, *, held: bool = False) -> bool:
        """Whether no byte was taken for this long although some wait.

        Args:
            timeout_s: for how long.
            held: whether something waits besides what was written.
        """
        waiting, now_s = self._waiting(), self._loop.time()
        if not (waiting and (self.paused or held)):
            return False
        if waiting < self._least_waiting:
            self._least_waiting = waiting
            self._seen_s = now_s
        return now_s - self._seen_s >= timeout_s

    def _waiting(self) -> int:
        return self._transport.get_write_buffer_size() + (unsent_bytes(self._transport) or 0)


class Viewer(Protocol):
    """One viewer. Belongs to the event loop; only `stats` may be called from other threads."""

    @property
    def identity(self) -> ClientIdentity:
        """Names it."""
        ...

    @property
    def drained(self) -> bool:
        """Whether the viewer's socket has accepted everything that was written to it."""
        ...

    def stalled(self, timeout_s: float) -> bool:
        """Whether the viewer's socket has accepted no byte for this long although some wait."""
        ...

    @property
    def evicted(self) -> bool:
        """Whether it is being closed already, for another reason than a stall."""
        ...

    def abort(self) -> None:
        """End its connection at once, with a reset."""
        ...

    def end(self) -> None:
        """Count what still waits for the viewer as dropped: it has left."""
        ...

    def stats(self) -> ClientStats:
        """The viewer's counters now."""
        ...


class Viewers:
    """All viewers of a sink; any thread may ask for the counters."""

    def __init__(self, sink: str) -> None:
        self.reports: Final = ThrottledLog(log, f"sink {sink!r}")
        """Logs events that many viewers may cause, without a line for each."""
        self.overflowed = self.flooded = self.silent = 0
        """As in `ClientTotals`; the sink counts them."""
        self._sink: Final = sink
        self._ids: Final = count(1)
        self._here: Final[dict[int, Viewer]] = {}
        self._totals: Final = ViewerTotals()
        self.times: Final = ViewerTimes()
        self._accepted = self._stalled = 0
        self._leaving: Final = threading.Lock()

    def identify(self, remote: str) -> ClientIdentity:
        """The identity of a new viewer."""
        return ClientIdentity(self._sink, next(self._ids), remote)

    def join(self, viewer: Viewer) -> None:
        """Count a viewer, before it is sent anything: it may ask for the counters then."""
        self._accepted += 1
        self._here[viewer.identity.id] = viewer
        log.debug("sink %r: client %s connected", self._sink, viewer.identity.remote)

    def leave(self, viewer: Viewer) -> None:
        """A viewer has left; its counters are kept in the totals."""
        viewer.end()
        with self._leaving:
            del self._here[viewer.identity.id]
            self._totals.leave(viewer.stats())
        log.debug("sink %r: client %s left", self._sink, viewer.identity.remote)

    def clients(self) -> tuple[ClientStats, ...]:
        """The viewers now."""
        return tuple(viewer.stats() for viewer in tuple(self._here.values()))

    def totals(self, refused: int, rejected_tokens: int) -> ClientTotals:
        """All viewers since the start, with what the admission counts."""
        with self._leaving:  # or a viewer that leaves now would be in both, or in neither
            totals, here = self._totals.copy(), tuple(self._here.values())
        groups = tuple(
            replace(
                group,
                age=self.times.ages.stats(group.name),
                round_trip=self.times.round_trips.stats(group.name),
            )
            for group in totals.groups(viewer.stats() for viewer in here)
        )
        delivered = dropped = Amount()
        for group in groups:
            delivered = delivered.plus(group.delivered)
            for drop in group.drops:
                dropped = dropped.plus(Amount(drop.items, drop.bytes))
        return ClientTotals(
            sum(group.connected for group in groups),
            self._accepted,
            refused,
            self._stalled,
            self.overflowed,
            delivered,
            dropped,
            groups,
            self.flooded,
            rejected_tokens,
            self.silent,
        )

    async def close_stalled(self, timeout_s: Callable[[], float]) -> None:
        """Cut off viewers whose sockets accept nothing for this long, until cancelled.

        The library's keepalive cannot: its ping waits behind the full buffer, outside its timeout.
        """
        while True:
            limit_s = timeout_s()
            await anyio.sleep(min(1.0, limit_s / 4))
            for viewer in tuple(self._here.values()):
                if viewer.stalled(limit_s):
                    if not viewer.evicted:  # or it would be counted twice
                        self._stalled += 1
                        why = f"its socket accepted no byte for {limit_s:g} s"
                        self.reports.add("stalled clients", f"client {viewer.identity.remote} closed: {why}")
                    viewer.abort()

    async def linger(self) -> None:
        """When the stream has ended, let viewers that are behind read on for a while."""
        with anyio.move_on_after(LINGER_S):
            # Once, at the end, for the buffers of many viewers: not worth an event for each.
            while not all(viewer.drained for viewer in self._here.values()):  # noqa: ASYNC110
                await anyio.sleep(0.01)
