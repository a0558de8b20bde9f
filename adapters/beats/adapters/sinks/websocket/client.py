"""One viewer: on the fast path while it keeps up, with its own queue while it does not."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial, reduce
from typing import Final, NamedTuple

from websockets.protocol import State

from beats.adapters.http.viewers import Progress, RunningCount, ViewerTimes
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.framing import CHUNK_BYTES, framed, framed_text
from beats.adapters.sinks.websocket.freshness import ViewerAge
from beats.adapters.sinks.websocket.pacing import Pacer
from beats.kernel.envelope import ClientIdentity, Envelope, Kind
from beats.kernel.ports import Clock
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount, ClientStats, DropStats, QueueStats
from beats.kit.sockets import unsent_bytes

_NO_QUEUE: Final = QueueStats("", Amount(), Amount(), Amount(), Amount(), (), 0)
"""The counters of a client that was never behind: asking for counters must not make a thousand queues."""

_PATIENCE_S: Final = 0.05
"""A viewer whose socket was full for so long, with something waiting, is paced,"""
_PATIENCE_TRIPS: Final = 2
"""if it has been behind for so many round trips."""
_CALM_S: Final = 1.0
"""A viewer for which nothing had to wait for so long keeps up again."""
_LOOK_S: Final = 0.25
"""Between two looks whether an overdue viewer still has something to read."""


class Paths:
    """Which clients of a view keep up and which do not."""

    def __init__(self) -> None:
        self.fast: Final[dict[int, Callable[[bytes], object]]] = {}
        """The `write` of each client's transport, by client: all that serving one that keeps up needs."""
        self.slow: Final[dict[int, Client]] = {}

    def to_fast(self, client: "Client") -> None:
        """Write to the client directly from now on."""
        self.slow.pop(client.identity.id, None)
        self.fast[client.identity.id] = client.connection.transport.write

    def to_slow(self, client: "Client") -> None:
        """Give the client's chunks to `Client.miss` from now on."""
        self.fast.pop(client.identity.id, None)
        self.slow[client.identity.id] = client

    def remove(self, client: "Client") -> None:
        """Stop serving the client."""
        self.fast.pop(client.identity.id, None)
        self.slow.pop(client.identity.id, None)


class ClientLimits(NamedTuple):
    """How much may wait for a viewer, and for how long."""

    bounds: QueueBounds
    """Those of its queue."""
    max_age_s: float | None
    """What is older is not sent if a newer envelope of its topic follows; None sends it however old it is."""


class Account(NamedTuple):
    """How much a client was sent without its queue. Other threads always see both values of one moment."""

    passed: Amount
    """What was sent until the client last returned to the fast path."""
    since: Amount | None
    """The running count of its view at that time; None while it is behind."""


class Client:
    """Belongs to the event loop; only `stats` may be called from other threads.

    A viewer whose buffer is not empty when the next chunk comes is behind (see `Progress`): from then on
    everything goes through its queue, and each time the buffer has emptied, the next chunk is taken from the
    queue. When the queue is empty too, the viewer returns to the fast path. Each switch
    happens between two steps of the event loop, so it loses, doubles or reorders no envelope.

    A viewer that answers pings and stays behind is paced: its acknowledgements decide when the next chunk is
    taken from the queue (see `Pacer`). It returns to the fast path when nothing had to wait for a while.
    """

    def __init__(
        self,
        identity: ClientIdentity,
        connection: StreamConnection,
        limits: ClientLimits,
        sent: RunningCount,
        left_out: Mapping[str, RunningCount],
        paths: Paths,
        clock: Clock,
        times: ViewerTimes,
    ) -> None:
        """Make a client that has been sent nothing yet.

        Args:
            identity: names it.
            connection: its connection, open.
            limits: of what may wait for it.
            sent: counts what all clients of its view are sent.
            left_out: by reason, counts what its choice leaves out of what it asks for.
            paths: where it registers whether it keeps up.
            clock: the one that dated the envelopes.
            times: counts what it tells.
        """
        self.identity: Final = identity
        self.connection: Final = connection
        self.invalid_messages = 0
        self._limits = limits
        self._sent: Final = sent
        self._left_out: Final = left_out
        self._left_out_before: Final = {reason: count.amount() for reason, count in left_out.items()}
        self._left_out_until: dict[str, Amount] | None = None
        self._paths: Final = paths
        self._clock: Final = clock
        self._age: Final = ViewerAge(self.group, times, clock)
        self._connected_unix_ns: Final = clock.unix_ns()
        self._pacer: Pacer | None = None
        """Made when the viewer is first paced, and kept from then on."""
        self._is_paced = False
        self._behind_s = 0.0
        """When it last fell behind after a while in which it was not."""
        self._caught_up_s = float("-inf")
        self._paused_s = self._held_s = 0.0
        """When its socket was last full, and when something last had to wait for that or for the pacer."""
        self._is_resting = False
        """Whether its queue is empty although it is behind: what is offered is then sent at once."""
        self._later: asyncio.TimerHandle | None = None
        self._loop: Final = asyncio.get_running_loop()
        self._queue: SinkQueue | None = None
        self._account = Account(Amount(), sent.amount())
        self._progress: Final = Progress(connection.transport)
        self._is_on_detour = self._has_turn = False
        """It keeps up, though what follows goes through its queue; and it is to be asked then."""
        self._late: Final[dict[tuple[str, Kind], RunningCount]] = {}
        """What was taken from its queue and not sent, by reason and kind."""

    @property
    def behind(self) -> bool:
        """Whether it reads from a queue of its own."""
        return self._account.since is None

    @property
    def drained(self) -> bool:
        """Whether everything that it was given has gone to the socket."""
        return not self._progress.paused and (self._is_resting or not self.behind)

    @property
    def group(self) -> str:
        """Its class; see `ClientGroup.name`."""
        return self.connection.choice.group

    @property
    def _open(self) -> bool:
        """Whether it may be written to: nothing follows a close frame (RFC 6455, section 5.5.1).

        Only whole frames are written, so that the library's own pongs and close frames fall between them.
        A connection that just broke is lost only in the next turn of the loop. Until then asyncio logs the
        fifth further write, and the chunks of one turn are four.
        """
        return self.connection.state is State.OPEN and not self.connection.transport.is_closing()

    def start(self, snapshot: list[Envelope], more: list[Envelope]) -> None:
        """Send the last values past the queue, whose bounds could drop some; `more` goes through it."""
        if not self._open:
            self._paths.to_slow(self)
            return
        self._paths.to_fast(self)
        if snapshot:
            passed = Amount(len(snapshot), sum(len(envelope.encoded) for envelope in snapshot))
            self._account = self._account._replace(passed=passed)
            self.connection.transport.write(framed(snapshot))
        if more:
            self._paths.to_slow(self)
            self.miss(more)
            self._loop.call_soon(self._pump)

    def framed(self, envelopes: Iterable[Envelope]) -> bytes:
        """Their frames."""
        return framed(envelopes)

    def leave_out(self, reason: str, amount: Amount) -> None:
        """Count frames from before it came that it does not get."""
        self._left_out_before[reason] = self._left_out_before[reason].minus(amount)

    def tell(self, text: str) -> None:
        """Send a short text past the queue; the caller limits how many there are."""
        if self._open:
            self.connection.transport.write(framed_text(text))

    def miss(self, chunk: list[Envelope]) -> None:
        """Queue a chunk of the view for this client, which is on the slow path."""
        if not self.behind:
            self._fall_behind()
        self._offer(chunk)
        if self._is_resting:
            self._is_resting = False
            self._loop.call_soon(self._pump)

    def adjust(self, limits: ClientLimits) -> None:
        """Let other limits hold, also for what waits for it."""
        self._limits = limits
        if self._queue is not None:
            self._queue.rebound(limits.bounds)

    def is_late(self, chunk: list[Envelope]) -> bool:
        """Whether some of a chunk may be older than it takes."""
        return self._is_too_old(chunk[0])

    def detour(self) -> None:
        """Let what follows go through its queue, where what is too old is found, although it keeps up."""
        self._is_on_detour = True
        self._paths.to_slow(self)
        self._loop.call_soon(self._pump)

    def pause(self) -> None:
        """The write buffer is not empty."""
        self._is_on_detour = False
        self._paths.to_slow(self)
        self._progress.pause()
        self._paused_s = self._loop.time()

    def resume(self) -> None:
        """The write buffer is empty."""
        self._progress.resume()
        if self.behind:
            # Not from within the transport's own callback: if the write fails there, asyncio (3.11) calls
            # connection_lost twice, and the second time fails with an AttributeError in the log.
            self._loop.call_soon(self._go_on)
        elif self._open:
            self._paths.to_fast(self)

    def _go_on(self) -> None:
        """The write buffer has emptied: pace it from now on, if something had to wait too long for that."""
        now_s = self._loop.time()
        if self._queue is not None and not self._queue.is_empty and now_s - self._paused_s > _PATIENCE_S:
            self._held_s = now_s
            if self._age.is_known and self._open and self._is_behind_for_long(now_s):
                self._pacer = self._pacer or Pacer()
                self._pacer.hold()
                if not self._is_paced:
                    self._is_paced = True
                    number = self._pacer.mark(unsent_bytes(self.connection.transport) or 0, now_s)
                    self.connection.ask(partial(self._acknowledged, self._pacer, number))
                    self._progress.begin()
        self._pump()

    def _is_behind_for_long(self, now_s: float) -> bool:
        """On a long line TCP itself needs some round trips until it knows how much the line carries."""
        return now_s - self._behind_s >= _PATIENCE_TRIPS * self._age.least_trip_ns / 1e9

    def ask(self, newest: Envelope) -> None:
        """It is its turn to tell when it has read an envelope, which it was just given if it keeps up."""
        if self._is_on_detour:
            self._has_turn = True
        elif not (self.behind or self._progress.paused):
            self._ask_once(newest)

    def _ask_once(self, newest: Envelope) -> None:
        """Let it tell when it has read an envelope that was just written, unless it is still to tell so."""
        if self._open and self._age.may_ask():
            self._ask(newest, self._answered)

    def _ask(self, newest: Envelope, on_answer: Callable[[bool], object]) -> None:
        self._age.ask(newest)
        self.connection.ask(on_answer)

    def _answered(self, its_own: bool) -> None:
        """The oldest ping is answered, by its own pong or by a later one's."""
        self._age.answered(its_own=its_own)
        self._progress.begin()

    def has_drawn(self, topic: str, published_unix_ns: int) -> None:
        """Note that it shows a frame that came onto the bus then, if it told of no newer one of the topic."""
        self._age.has_drawn(topic, published_unix_ns)

    def _follow(self, pacer: Pacer, size: int, newest: Envelope) -> None:
        """Let it tell when it has read what was just written, so that the pacer knows."""
        number = pacer.sent(size, self._loop.time())
        self._progress.begin()

        def answered(its_own: bool) -> None:
            self._answered(its_own)
            self._acknowledged(pacer, number, its_own)

        self._ask(newest, answered)

    def _acknowledged(self, pacer: Pacer, number: int, its_own: bool) -> None:
        if its_own:  # which acknowledges all before it too
            pacer.acknowledged(number, self._loop.time())
            self._loop.call_soon(self._pump)  # not from within the transport's own callback: see `resume`

    def _must_wait(self, pacer: Pacer) -> bool:
        """Whether all that its line carries is on its way already; then `_pump` is called again."""
        now_s = self._loop.time()
        overdue_s = pacer.overdue_in_s(now_s)
        if overdue_s <= 0 and unsent_bytes(self.connection.transport):
            overdue_s = _LOOK_S  # it is still to read that, and what is sent now would come after it
        wait_s = pacer.wait_s(now_s) if overdue_s > 0 else 0.0
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if wait_s <= 0:
            return False
        self._held_s = now_s
        self._later = self._loop.call_later(min(wait_s, overdue_s), self._pump)
        return True

    def closing(self) -> None:
        """Write nothing to the client from now on."""
        self._paths.to_slow(self)

    def stalled(self, timeout_s: float) -> bool:
        """Whether no byte was taken for this long although some wait."""
        is_held = self._is_paced and self._queue is not None and not self._queue.is_empty
        return self._progress.stalled(timeout_s, held=is_held)

    @property
    def evicted(self) -> bool:
        """Whether its connection is being closed already, for another reason than a stall."""
        return self.connection.evicted

    def abort(self) -> None:
        """End the connection at once, with a reset."""
        self.connection.abort()

    def end(self) -> None:
        """The client has left: count what still waits for it as dropped."""
        self._paths.remove(self)
        if self._later is not None:
            self._later.cancel()
        if not self.behind:
            self._fall_behind()
        self._left_out_until = {reason: count.amount() for reason, count in self._left_out.items()}
        if self._queue is not None:
            self._queue.close()
            self._queue.discard("left")

    def stats(self) -> ClientStats:
        """The counters now."""
        # First, since these count as taken as well: never more than were taken.
        late = {key: count.amount() for key, count in tuple(self._late.items())}
        account = self._account
        passed = self._passed(account)
        while account is not self._account:  # it fell behind, or came back, between the two
            account = self._account
            passed = self._passed(account)
        queue = _NO_QUEUE if self._queue is None else self._queue.stats()
        left_out = [DropStats(*key, amount.items, amount.bytes) for key, amount in late.items()]
        unsent = reduce(Amount.plus, late.values(), Amount())
        total = Amount()
        for reason, count in self._left_out.items():
            until = count.amount() if self._left_out_until is None else self._left_out_until[reason]
            amount = until.minus(self._left_out_before[reason])
            total = total.plus(amount)
            if amount.items:
                left_out.append(DropStats(reason, "frame", amount.items, amount.bytes))
        queue = replace(
            queue,
            name=self.identity.remote,
            offered=queue.offered.plus(passed).plus(total),
            taken=queue.taken.plus(passed).minus(unsent),
            dropped=queue.dropped.plus(total).plus(unsent),
            drops=(*queue.drops, *left_out),
        )
        return ClientStats(
            self.identity.id,
            self.identity.remote,
            self._connected_unix_ns,
            account.since is None,
            queue,
            self.group,
            *self._age.seconds(),
        )

    def _passed(self, account: Account) -> Amount:
        """What it was sent past the queue so far."""
        if account.since is None:
            return account.passed
        return account.passed.plus(self._sent.amount().minus(account.since))

    def _fall_behind(self) -> None:
        self._account = Account(self._passed(self._account), None)
        now_s = self._loop.time()
        if now_s - self._caught_up_s > _CALM_S:
            self._behind_s = now_s
        if self._queue is None:
            self._queue = SinkQueue(self.identity.remote, self._limits.bounds)

    def _offer(self, chunk: list[Envelope]) -> None:
        assert self._queue is not None
        for envelope in chunk:
            if self._queue.offer(envelope) is not None and not self.evicted and self._open:
                self.connection.overflowed = True
                self.connection.close_soon(1013, "too slow for this stream")

    def _lose(self, reason: str, envelope: Envelope) -> None:
        """Count an envelope that was taken from its queue and is not sent."""
        self._late.setdefault((reason, envelope.kind), RunningCount()).add([envelope])

    def _is_too_old(self, envelope: Envelope) -> bool:
        limit_s = self._limits.max_age_s
        if limit_s is None:
            return False
        return self._clock.steady_unix_ns() - envelope.published_unix_ns > limit_s * 1e9

    def _in_time(self, chunk: list[Envelope]) -> list[Envelope]:
        """Drop what is too old. The newest envelope of each topic stays: no state gets lost."""
        if not self.is_late(chunk):
            return chunk
        assert self._queue is not None
        newer, kept = self._queue.topics(), list[Envelope]()
        for envelope in reversed(chunk):
            if envelope.topic in newer and self._is_too_old(envelope):
                self._lose("age", envelope)
            else:
                newer.add(envelope.topic)
                kept.append(envelope)
        kept.reverse()
        return kept

    def _pump(self) -> None:
        if self._queue is None or not self.behind or self._progress.paused or not self._open:
            return
        pacer, most_bytes = self._pacer if self._is_paced else None, CHUNK_BYTES
        if pacer is not None and not self._queue.is_empty:
            if self._must_wait(pacer):
                return
            most_bytes = min(most_bytes, pacer.room_bytes)
        chunk = self._queue.take_nowait(max_bytes=most_bytes)
        if not chunk:
            self._catch_up()
            return
        chunk = self._in_time(chunk)
        if data := self.framed(chunk):
            self.connection.transport.write(data)
            if pacer is None or pacer.is_full:
                if self._has_turn or not self._is_on_detour:
                    self._has_turn = False
                    self._ask_once(chunk[-1])
            elif self._open:
                self._follow(pacer, len(data), chunk[-1])
        if not self._progress.paused:
            self._loop.call_soon(self._pump)  # in steps, so that others have their turn in between

    def _catch_up(self) -> None:
        """Return to the fast path when nothing waits, unless the line may soon be full again."""
        if self._is_paced and self._loop.time() - self._held_s < _CALM_S:
            self._is_resting = True
            return
        self._is_paced = self._is_resting = self._is_on_detour = False
        self._caught_up_s = self._loop.time()
        self._account = self._account._replace(since=self._sent.amount())
        self._paths.to_fast(self)
