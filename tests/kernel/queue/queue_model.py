"""A queue as plain lists: slow, without threads, and written independently of the real one."""

from collections.abc import Iterator
from typing import NamedTuple

from beats.kernel.envelope import Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.stats import Amount, Loss, QueueStats


class Item(NamedTuple):
    """One envelope as the model knows it; numbers are those of the order of publication."""

    number: int
    topic: str
    size_bytes: int

    @property
    def kind(self) -> Kind:
        return "frame" if self.topic == "frame" else "peripheral"

    @property
    def unix_ns(self) -> int:
        """When it came onto the bus."""
        return self.number * 1000


Drops = dict[tuple[str, Kind], tuple[int, int]]


class Tally(NamedTuple):
    """What the model counted, in the shape that `tally_of` gives to real stats."""

    offered: tuple[int, int]
    taken: tuple[int, int]
    dropped: Drops
    waiting: tuple[int, int]
    high_water: int


def tally_of(stats: QueueStats) -> Tally:
    drops: Drops = {(drop.reason, drop.kind): (drop.items, drop.bytes) for drop in stats.drops}
    return Tally(pair(stats.offered), pair(stats.taken), drops, pair(stats.waiting), stats.high_water)


def pair(amount: Amount) -> tuple[int, int]:
    return amount.items, amount.bytes


def amount(items: list[Item]) -> tuple[int, int]:
    return len(items), sum(item.size_bytes for item in items)


class Model:
    """Lists of items: what waits, who is in line, what was taken, what was dropped and why."""

    def __init__(self, bounds: QueueBounds) -> None:
        self._queue_bounds = bounds
        self._settled: list[Item] = []
        self._dropped: list[tuple[str, Item]] = []
        self._taken: list[Item] = []
        self._in_hand: list[Item] = []
        self._given_back: set[Item] = set()
        self._asked = 0
        self._peak = 0
        self.waiting: list[Item] = []
        self.line: list[Item] = []
        self.closed = False

    def offer(self, item: Item) -> str:
        """Returns `ok`, `told` or `wait`: what the producer has to do."""
        if self.closed:
            return self._drop("closed", item, offered=True)
        return self._place(item)

    def rebound(self, bounds: QueueBounds) -> dict[int, str]:
        """Offer all that waits and stands in line again; returns what producers that leave are told."""
        self._queue_bounds = bounds
        first = [item for item in self.waiting if item in self._given_back]
        rest = sorted([*(item for item in self.waiting if item not in self._given_back), *self.line])
        line, self.waiting, self.line = self.line, [], []
        told: dict[int, str] = {}
        for item in first + rest:
            if item in line:
                if self._bounds(item).overflow == "block":
                    self.line.append(item)
                else:
                    told[item.number] = self._place(item)
            elif self._bounds(item).overflow == "block":
                self.waiting.append(item)
                self._peak = max(self._peak, len(self.waiting))
            else:
                self._place(item, offered=False)
        return told | self._let_in()

    def _place(self, item: Item, *, offered: bool = True) -> str:
        bounds = self._bounds(item)
        if item.size_bytes > bounds.max_bytes:
            self._drop("too_large", item, offered=offered)
            return "told" if bounds.overflow in ("error", "block") else "ok"
        if bounds.overflow == "latest":
            self._give_up([old for old in self._lane(item) if old.topic == item.topic], bounds)
        if bounds.overflow in ("latest", "drop_oldest"):
            while not self._fits(item):
                self._give_up(self._lane(item)[:1], bounds)
        if bounds.overflow == "block" and (not self._fits(item) or any(self._line(item))):
            self.line.append(item)
            return "wait"
        if not self._fits(item):
            self._drop(bounds.overflow, item, offered=offered)
            return "told" if bounds.overflow == "error" else "ok"
        self._admit(item, offered=offered)
        return "ok"

    def take(self, max_items: int | None, max_bytes: int | None = None) -> list[int]:
        """The numbers of the batch."""
        batch = self.waiting[:max_items]
        if max_items is None and max_bytes is None:
            fits = [self._exceeds(item, batch[: n + 1]) for n, item in enumerate(batch)]
            batch = batch[: fits.index(True, 1)] if True in fits[1:] else batch
        if max_bytes is not None:
            while len(batch) > 1 and amount(batch)[1] > max_bytes:
                batch.pop()
        self.waiting = self.waiting[len(batch) :]
        self._taken += batch
        self._in_hand = batch
        self._let_in()
        return [item.number for item in batch]

    def give_back(self, count: int) -> list[int]:
        """Let the last taken items wait again; returns their numbers."""
        back = self._taken[-count:] if count else []
        self._in_hand = []
        for item in reversed(back):
            self._taken.remove(item)
            newer = any(other.topic == item.topic for other in self._lane(item))
            if newer and self._bounds(item).overflow == "latest":
                self._drop("latest", item)
            else:
                self._given_back.add(item)
                self.waiting.insert(0, item)
        self._peak = max(self._peak, len(self.waiting))
        return [item.number for item in back]

    def losses(self) -> set[Loss]:
        """What was dropped since the last call."""
        new, self._asked = self._dropped[self._asked :], len(self._dropped)
        found: set[Loss] = set()
        for key in {(reason, item.topic) for reason, item in new}:
            items = sorted(item for reason, item in new if (reason, item.topic) == key)
            first, last = items[0], items[-1]
            found.add(Loss(*key, *amount(items), first.number, last.number, first.unix_ns, last.unix_ns))
        return found

    def withdraw(self, item: Item) -> None:
        self.line.remove(item)
        self._drop("block", item, offered=True)

    def close(self, *, admit_line: bool) -> None:
        self.closed = True
        for item in self.line:
            if admit_line:
                self._admit(item)
            else:
                self._drop("closed", item, offered=True)
        self.line = []

    def discard(self, reason: str) -> tuple[int, int]:
        lost, self.waiting = self.waiting, []
        for item in lost:
            self._drop(reason, item)
        return amount(lost)

    def lose_in_hand(self, reason: str) -> tuple[int, int]:
        lost, self._in_hand = self._in_hand, []
        for item in lost:
            self._taken.remove(item)
            self._drop(reason, item)
        return amount(lost)

    def tally(self) -> Tally:
        keys: set[tuple[str, Kind]] = {(reason, item.kind) for reason, item in self._dropped}
        drops: Drops = {
            key: amount([item for reason, item in self._dropped if (reason, item.kind) == key])
            for key in keys
        }
        return Tally(amount(self._settled), amount(self._taken), drops, amount(self.waiting), self._peak)

    def _let_in(self) -> dict[int, str]:
        """Admit items in line while there is room; returns what producers that leave are told."""
        told: dict[int, str] = {}
        for item in list(self.line):
            if next(self._line(item)) is not item:
                continue
            if item.size_bytes > self._bounds(item).max_bytes:
                self.line.remove(item)
                self._drop("too_large", item, offered=True)
                told[item.number] = "told"
            elif self._fits(item):
                self.line.remove(item)
                self._admit(item)
                told[item.number] = "ok"
        return told

    def _bounds(self, item: Item) -> LaneBounds:
        return self._queue_bounds.per_kind.get(item.kind, self._queue_bounds)

    def _lane(self, item: Item) -> list[Item]:
        return [old for old in self.waiting if self._bounds(old) is self._bounds(item)]

    def _line(self, item: Item) -> Iterator[Item]:
        return (other for other in self.line if self._bounds(other) is self._bounds(item))

    def _fits(self, item: Item) -> bool:
        return not self._exceeds(item, [*self.waiting, item])

    def _exceeds(self, item: Item, together: list[Item]) -> bool:
        """Whether the items of this lane exceed its bounds."""
        bounds = self._bounds(item)
        items, size_bytes = amount([other for other in together if self._bounds(other) is bounds])
        return items > bounds.size or size_bytes > bounds.max_bytes

    def _admit(self, item: Item, *, offered: bool = True) -> None:
        if item in self._given_back:  # narrower bounds let it stay
            self.waiting.append(item)
            return
        first = [other for other in self.waiting if other in self._given_back]
        self.waiting = first + sorted([*self.waiting[len(first) :], item])
        if offered:
            self._settled.append(item)
        self._peak = max(self._peak, len(self.waiting))

    def _give_up(self, items: list[Item], bounds: LaneBounds) -> None:
        for item in items:
            self.waiting.remove(item)
            self._drop(bounds.overflow, item)

    def _drop(self, reason: str, item: Item, *, offered: bool = False) -> str:
        self._dropped.append((reason, item))
        if offered:
            self._settled.append(item)
        return "ok"
