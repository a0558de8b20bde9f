"""`every`: at most one value per topic and time, and never without the newest."""

import heapq
import threading
from typing import Final, Generic, Literal, TypeVar

ItemT = TypeVar("ItemT")

Verdict = Literal["pass", "hold", "replace"]


class Every(Generic[ItemT]):
    """Lets the first value of a topic pass, and holds the newest of those that come too soon after it.

    Pure: it is told the time. For any thread. Holds one value for each topic.
    """

    def __init__(self, interval_s: float) -> None:
        """Hold nothing yet.

        Args:
            interval_s: the least time between two values of a topic.
        """
        self._interval_s: Final = interval_s
        self._lock: Final = threading.Lock()
        self._next_s: Final[dict[str, float]] = {}
        """When the next value of each topic may pass."""
        self._held: Final[dict[str, ItemT]] = {}
        self._due: Final[list[tuple[float, str]]] = []
        """A heap: the topics of held values, by when these may pass."""

    def offer(self, topic: str, item: ItemT, now_s: float) -> Verdict:
        """pass: it may pass now; hold: it is held; replace: the same, in place of an older one."""
        with self._lock:
            if topic in self._held:
                self._held[topic] = item
                return "replace"
            due_s = self._next_s.get(topic, now_s)
            if due_s <= now_s:
                self._next_s[topic] = now_s + self._interval_s
                return "pass"
            self._held[topic] = item
            heapq.heappush(self._due, (due_s, topic))
            return "hold"

    def forget(self, topic: str) -> None:
        """Forget a topic whose message was not published."""
        with self._lock:
            if topic not in self._held:
                self._next_s.pop(topic, None)

    @property
    def due_s(self) -> float | None:
        """When the next held value may pass; None when none is held."""
        with self._lock:
            return self._due[0][0] if self._due else None

    def take(self, now_s: float) -> tuple[str, ItemT] | None:
        """A held value that may pass now, with its topic, in order of time."""
        with self._lock:
            if not self._due or self._due[0][0] > now_s:
                return None
            _, topic = heapq.heappop(self._due)
            self._next_s[topic] = now_s + self._interval_s
            return topic, self._held.pop(topic)
