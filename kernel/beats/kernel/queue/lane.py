"""One lane of a queue: waiting envelopes within bounds, and the count of what was given up.

A lane has no lock: its queue calls it under the queue's own.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from beats.kernel.envelope import Envelope, Kind
from beats.kernel.queue.losses import LossLog
from beats.kernel.queue.overflow import OVERFLOWS, Overflow, Verdict
from beats.kernel.stats import DropStats
from beats.kernel.waiter import Refusal, Waiter

DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LaneBounds:
    """How much may wait, and what happens when more comes.

    Raises:
        ValueError: a bound is not positive, or the strategy is unknown.
        TypeError: `size` or `max_bytes` is not an integer.
    """

    size: int = 256
    """Largest number of waiting envelopes, at least 1."""
    max_bytes: int = DEFAULT_MAX_BYTES
    """Largest sum of their encoded bytes, at least 1."""
    overflow: str = "drop_oldest"
    """The name of an overflow strategy."""
    block_timeout_s: float = 1.0
    """Longest time that `block` makes a producer wait."""

    def __post_init__(self) -> None:
        for name in ("size", "max_bytes"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}; an integer of at least 1 is needed")
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 is needed")
        if not 0 < self.block_timeout_s <= threading.TIMEOUT_MAX:
            raise ValueError(f"block_timeout_s is {self.block_timeout_s}; more than 0, and finite, is needed")
        if self.overflow not in OVERFLOWS:
            raise ValueError(f"overflow is {self.overflow!r}; one of {', '.join(OVERFLOWS)} is needed")


class Lane:
    """Waiting envelopes in order of arrival, each with its number in the queue's order of publication."""

    __slots__ = (
        "_before_loss",
        "_bytes",
        "_drops",
        "_losses",
        "_max_bytes",
        "_overflow",
        "_size",
        "_waiting",
        "bounds",
        "line",
    )

    def __init__(
        self,
        bounds: LaneBounds,
        before_loss: Callable[[], object] = lambda: None,
        losses: LossLog | None = None,
    ) -> None:
        """Make an empty lane.

        Args:
            bounds: how much may wait.
            before_loss: called before something that waits is given up.
            losses: told of each envelope that is given up.
        """
        self.bounds: Final = bounds
        self.line: deque[Waiter] = deque()
        """Producers that wait for room, in order."""
        self._before_loss: Final = before_loss
        self._losses: Final = losses
        self._size: Final = bounds.size
        self._max_bytes: Final = bounds.max_bytes
        self._overflow: Final[Overflow] = OVERFLOWS[bounds.overflow]()
        # Keyed by number, or by topic when the strategy keeps one of each. An OrderedDict gives up its
        # first and any other entry in constant time; a plain dict scans past the deleted ones.
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
        """What was given up so far, by reason and kind."""
        for (reason, kind), (items, size_bytes) in self._drops.items():
            yield DropStats(reason, kind, items, size_bytes)

    def offer(self, number: int, envelope: Envelope) -> Verdict:
        """Admit the envelope while there is room, else let the strategy decide, and act on it.

        Only `WAIT` leaves the envelope uncounted.
        """
        overflow = self._overflow
        size_bytes = len(envelope.encoded)
        if size_bytes > self._max_bytes:
            self.count_drop("too_large", envelope)
            return Verdict.RAISE if overflow.name in ("error", "block") else Verdict.REFUSE
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
        """The topics of what waits, or stands in line."""
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
        """Go on counting where a lane left off that this one stands for."""
        for drop in drops:
            count = self._drops.setdefault((drop.reason, drop.kind), [0, 0])
            count[0] += drop.items
            count[1] += drop.bytes

    def take_all(self) -> list[tuple[int, Envelope]]:
        """Remove and return everything, with its numbers."""
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
        """Let an envelope that was taken wait again, before all others and whatever the bounds.

        Where one of each topic is kept, a newer one that waits already stands for it.
        """
        key = envelope.topic if self._overflow.one_per_topic else number
        if key in self._waiting:
            self.count_drop(self._overflow.name, envelope)
            return
        self.put_last(number, envelope)
        self._waiting.move_to_end(key, last=False)

    def put_last(self, number: int, envelope: Envelope) -> None:
        """Let an envelope wait after all others, whatever the bounds."""
        self._waiting[envelope.topic if self._overflow.one_per_topic else number] = (number, envelope)
        self._bytes += len(envelope.encoded)

    def sort(self) -> None:
        """Bring the last envelope to its place in the order of publication.

        It is there already, unless it stood in line while others waited in a lane that became one with this.
        """
        entries = list(islice(reversed(self._waiting.values()), 2))
        if len(entries) == 2 and entries[0][0] < entries[1][0]:
            self._waiting = OrderedDict(sorted(self._waiting.items(), key=lambda entry: entry[1][0]))

    @property
    def makes_wait(self) -> bool:
        """Whether producers wait for room, and nothing that waits is given up."""
        return self._overflow.name == "block"

    def is_overfull(self) -> bool:
        """Whether more waits than the bounds allow.

        Only what was given back, narrower bounds, and a line that was let in can bring that about.
        """
        return len(self._waiting) > self._size or self._bytes > self._max_bytes

    def refusal(self, sink: str, envelope: Envelope) -> Refusal:
        """What its producer is told of an envelope that was not admitted."""
        return Refusal(sink, self._size, envelope, self.why_refused(envelope))

    def why_refused(self, envelope: Envelope) -> str:
        """The reason that its producer is told."""
        size_bytes = len(envelope.encoded)
        if size_bytes > self._max_bytes:
            return f"{size_bytes} bytes are more than its max_bytes of {self._max_bytes}"
        return "it is full"

    def has_room_for(self, envelope: Envelope) -> bool:
        """Whether both bounds hold with this envelope added."""
        return len(self._waiting) < self._size and self._bytes + len(envelope.encoded) <= self._max_bytes

    def give_up_oldest(self) -> None:
        """Drop the envelope that waits longest."""
        self._before_loss()
        self.count_drop(self._overflow.name, self.take_first())

    def give_up_topic(self, topic: str) -> None:
        """Drop the waiting envelope of this topic, if any."""
        if topic in self._waiting:
            self._before_loss()
            _, envelope = self._waiting.pop(topic)
            self._bytes -= len(envelope.encoded)
            self.count_drop(self._overflow.name, envelope)
