"""The lanes of a queue: waiting envelopes within bounds, and the producers that wait for room.

Lanes have no lock: the queue calls all of this under its own.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from beats.kernel.envelope import KINDS, Envelope, Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.losses import LossLog
from beats.kernel.queue.overflow import OVERFLOWS, Overflow, Verdict
from beats.kernel.stats import DropStats
from beats.kernel.waiter import Refusal, Waiter


class Lane:
    """Waiting envelopes in order of arrival, each with its number in the queue's order of publication.

    Holds waiting envelopes. To its overflow strategy it is the `Backlog`.
    """

    __slots__ = (
        "_before_loss",
        "_bytes",
        "_drops",
        "_losses",
        "_max_bytes",
        "_size",
        "_waiting",
        "bounds",
        "line",
        "overflow",
    )

    def __init__(
        self,
        bounds: LaneBounds,
        before_loss: Callable[[], object] = lambda: None,
        losses: LossLog | None = None,
    ) -> None:
        """Create an empty lane.

        Args:
            bounds: how much may wait.
            before_loss: called before a waiting envelope is dropped.
            losses: notes each envelope that is dropped.
        """
        self.bounds: Final = bounds
        self.line: deque[Waiter] = deque()
        """Producers that wait for room, in order."""
        self._before_loss: Final = before_loss
        self._losses: Final = losses
        self._size: Final = bounds.size
        self._max_bytes: Final = bounds.max_bytes
        self.overflow: Final[Overflow] = OVERFLOWS[bounds.overflow]()
        # Keyed by number, or by topic when the strategy keeps one of each. An OrderedDict removes its first
        # and any other entry in constant time; a plain dict scans past the deleted ones.
        self._waiting: OrderedDict[int | str, tuple[int, Envelope]] = OrderedDict()
        self._bytes = 0
        self._drops: dict[tuple[str, Kind], list[int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """The sum of the encoded bytes that wait."""
        return self._bytes

    def drops(self) -> Iterator[DropStats]:
        """What was dropped so far, by reason and kind."""
        for (reason, kind), (items, size_bytes) in self._drops.items():
            yield DropStats(reason, kind, items, size_bytes)

    def offer(self, number: int, envelope: Envelope) -> Verdict:
        """Admit the envelope if there is room; otherwise let the strategy decide.

        A refused envelope is counted as dropped; one that gets `WAIT` is not counted yet.
        """
        overflow = self.overflow
        size_bytes = len(envelope.encoded)
        if size_bytes > self._max_bytes:
            self.count_drop("too_large", envelope)
            return Verdict.RAISE if overflow.tells_producer else Verdict.REFUSE
        if (
            overflow.one_per_topic
            or len(self._waiting) >= self._size
            or self._bytes + size_bytes > self._max_bytes
        ):
            verdict = overflow.decide(self, envelope)
            if verdict is not Verdict.ADMIT:
                if verdict is not Verdict.WAIT:
                    self.count_drop(overflow.name, envelope)
                return verdict
        self._waiting[envelope.topic if overflow.one_per_topic else number] = (number, envelope)
        self._bytes += size_bytes
        return Verdict.ADMIT

    def topics(self) -> Iterator[str]:
        """The topics of what waits, producers in line included."""
        for _, envelope in self._waiting.values():
            yield envelope.topic
        for waiter in self.line:
            yield waiter.envelope.topic

    def first_number(self) -> int:
        """The number of the envelope that waits longest; there must be one."""
        return next(iter(self._waiting.values()))[0]

    def first_bytes(self) -> int:
        """The encoded bytes of the envelope that waits longest; there must be one."""
        return len(next(iter(self._waiting.values()))[1].encoded)

    def take_first(self) -> Envelope:
        """Remove and return the envelope that waits longest; there must be one."""
        _, (_, envelope) = self._waiting.popitem(last=False)
        self._bytes -= len(envelope.encoded)
        return envelope

    def inherit(self, drops: Iterable[DropStats]) -> None:
        """Add the counts of a lane that this one replaces."""
        for drop in drops:
            count = self._drops.setdefault((drop.reason, drop.kind), [0, 0])
            count[0] += drop.items
            count[1] += drop.bytes

    def take_all(self) -> list[tuple[int, Envelope]]:
        """Remove and return all envelopes, with their numbers."""
        items = list(self._waiting.values())
        self._waiting.clear()
        self._bytes = 0
        return items

    def count_drop(self, reason: str, envelope: Envelope) -> None:
        """Count an envelope as dropped."""
        count = self._drops.get((reason, envelope.kind))
        if count is None:
            count = self._drops[reason, envelope.kind] = [0, 0]
        count[0] += 1
        count[1] += len(envelope.encoded)
        if self._losses is not None:
            self._losses.add(reason, envelope)

    def put_back(self, number: int, envelope: Envelope) -> None:
        """Let an envelope that was taken wait again, before all others and regardless of the bounds.

        With one envelope per topic, it is dropped if a newer one of its topic waits.
        """
        key = envelope.topic if self.overflow.one_per_topic else number
        if key in self._waiting:
            self.count_drop(self.overflow.name, envelope)
            return
        self.put_last(number, envelope)
        self._waiting.move_to_end(key, last=False)

    def put_last(self, number: int, envelope: Envelope) -> None:
        """Let an envelope wait after all others, regardless of the bounds."""
        self._waiting[envelope.topic if self.overflow.one_per_topic else number] = (number, envelope)
        self._bytes += len(envelope.encoded)

    def sort(self) -> None:
        """Move the last envelope to its place in the order of publication.

        It is there already, unless its producer stood in line while others waited in a lane that was merged
        into this one.
        """
        entries = list(islice(reversed(self._waiting.values()), 2))
        if len(entries) == 2 and entries[0][0] < entries[1][0]:
            self._waiting = OrderedDict(sorted(self._waiting.items(), key=lambda entry: entry[1][0]))

    def is_overfull(self) -> bool:
        """Whether more waits than the bounds allow.

        That happens after `put_back`, with narrower bounds, or when a line was admitted at the end.
        """
        return len(self._waiting) > self._size or self._bytes > self._max_bytes

    def refusal(self, sink: str, envelope: Envelope) -> Refusal:
        """The refusal that the producer of an envelope gets."""
        return Refusal(sink, self._size, envelope, self.why_refused(envelope))

    def why_refused(self, envelope: Envelope) -> str:
        """The reason for a refusal."""
        size_bytes = len(envelope.encoded)
        if size_bytes > self._max_bytes:
            return f"{size_bytes} bytes are more than its max_bytes of {self._max_bytes}"
        return "it is full"

    def has_room_for(self, envelope: Envelope) -> bool:
        """Whether both bounds hold with this envelope added."""
        return len(self._waiting) < self._size and self._bytes + len(envelope.encoded) <= self._max_bytes

    def drop_oldest(self) -> None:
        """Drop the envelope that waits longest."""
        self._before_loss()
        self.count_drop(self.overflow.name, self.take_first())

    def drop_topic(self, topic: str) -> None:
        """Drop the waiting envelope of this topic, if any."""
        if topic in self._waiting:
            self._before_loss()
            _, envelope = self._waiting.pop(topic)
            self._bytes -= len(envelope.encoded)
            self.count_drop(self.overflow.name, envelope)


def make_lanes(
    bounds: QueueBounds, before_loss: Callable[[], object], losses: LossLog | None
) -> dict[Kind, Lane]:
    """The lane of each kind: its own, or the one that all others share."""
    common = Lane(bounds, before_loss, losses)
    own = {kind: Lane(each, before_loss, losses) for kind, each in bounds.per_kind.items()}
    return {kind: own.get(kind, common) for kind in KINDS}


def move(before: Iterable[Lane], after: Mapping[Kind, Lane], count: Callable[[Envelope], object]) -> None:
    """Move what waits, the counts and the producers in line to new lanes, in the order of publication.

    What waits beyond the new bounds is dropped by the new strategy. `block` drops nothing: more waits than
    the bounds allow until it is taken. If producers no longer wait under the new strategy, those in line are
    offered in order, and `count` is called with each of their envelopes.
    """
    before = tuple(before)
    for lane in before:
        for drop in lane.drops():
            after[drop.kind].inherit([drop])
    items: list[tuple[int, Envelope, Waiter | None]] = []
    for lane in before:
        items += [(waiter.number, waiter.envelope, waiter) for waiter in lane.line]
        items += [(number, envelope, None) for number, envelope in lane.take_all()]
    for number, envelope, waiter in sorted(items, key=itemgetter(0)):
        lane = after[envelope.kind]
        if waiter is not None and lane.overflow.waits:
            lane.line.append(waiter)
        elif waiter is not None:
            _offer(lane, waiter, count)
        elif lane.overflow.waits:
            lane.put_last(number, envelope)
        else:
            lane.offer(number, envelope)


def let_in(lanes: Iterable[Lane], count: Callable[[Envelope], object]) -> None:
    """Admit producers in line while there is room; `count` is called with each of their envelopes."""
    for lane in lanes:
        while lane.line and _offer(lane, lane.line[0], count):
            lane.line.popleft()


def clear_lines(lanes: Iterable[Lane], count: Callable[[Envelope], object], *, admit: bool) -> None:
    """End the lines: refuse the envelopes of the producers, or admit them regardless of the bounds."""
    for lane in lanes:
        for waiter in lane.line:
            count(waiter.envelope)
            if admit:
                lane.put_last(waiter.number, waiter.envelope)
                lane.sort()
            else:
                lane.count_drop("closed", waiter.envelope)
            waiter.settle(admitted=admit)
        lane.line.clear()


def _offer(lane: Lane, waiter: Waiter, count: Callable[[Envelope], object]) -> bool:
    """Offer the envelope of a producer in line; False when it has to keep waiting."""
    envelope = waiter.envelope
    verdict = lane.offer(waiter.number, envelope)
    if verdict is Verdict.WAIT:
        return False
    if verdict is Verdict.ADMIT:
        lane.sort()
    count(envelope)
    waiter.settle(admitted=verdict is not Verdict.RAISE, why=lane.why_refused(envelope))
    return True


def take_all(lanes: Sequence[Lane]) -> list[Envelope]:
    """Remove and return all waiting envelopes, in the order in which they came."""
    numbered = [item for lane in lanes for item in lane.take_all()]
    if len(lanes) > 1:
        numbered.sort(key=itemgetter(0))  # each lane is a sorted run, which the sort merges
    return [envelope for _, envelope in numbered]


def take_some(lanes: Sequence[Lane], max_items: int | None, max_bytes: int | None) -> list[Envelope]:
    """Take as much as both limits allow, but at least one envelope if any waits."""
    batch: list[Envelope] = []
    size_bytes = 0
    while max_items is None or len(batch) < max_items:
        lane = _next(lanes)
        if lane is None:
            break
        size_bytes += lane.first_bytes()
        if batch and max_bytes is not None and size_bytes > max_bytes:
            break
        batch.append(lane.take_first())
    return batch


def take_within_bounds(lanes: Sequence[Lane]) -> list[Envelope]:
    """Take as much as the bounds allow to wait, but at least one envelope if any waits.

    So a sink never holds more than the bounds allow. Otherwise a sink that gives back all that it took each
    time it fails would hold more each time, without limit.
    """
    batch: list[Envelope] = []
    room = {lane: (lane.bounds.size, lane.bounds.max_bytes) for lane in lanes}
    while (lane := _next(lanes)) is not None:
        items, size_bytes = room[lane]
        size_bytes -= lane.first_bytes()
        if batch and (items <= 0 or size_bytes < 0):
            break
        room[lane] = items - 1, size_bytes
        batch.append(lane.take_first())
    return batch


def _next(lanes: Sequence[Lane]) -> Lane | None:
    """The lane with the oldest envelope."""
    waiting = [lane for lane in lanes if lane]
    return min(waiting, key=Lane.first_number) if waiting else None
