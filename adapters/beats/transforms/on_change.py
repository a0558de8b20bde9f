"""`on_change`: no value that is the same as the one before."""

import threading
from typing import Final

from beats.kernel.envelope import Frame, Message


class OnChange:
    """Keeps the newest message of each topic. For any thread."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._newest: Final[dict[str, Message]] = {}

    def is_new(self, topic: str, message: Message) -> bool:
        """Whether a message differs from the last of its topic, by value, tags and place; keeps it if so."""
        with self._lock:
            before = self._newest.get(topic)
            if before is not None and is_same(before, message):
                return False
            self._newest[topic] = message
            return True

    def forget(self, topic: str) -> None:
        """Forget a message that was not published."""
        with self._lock:
            self._newest.pop(topic, None)


def is_same(before: Message, after: Message) -> bool:
    """Whether two messages show the same; values that cannot be compared differ."""
    if isinstance(before, Frame):
        return tuple(before) == tuple(after)
    try:
        # 1, 1.0 and True are equal, and not the same in JSON.
        return bool(before == after) and isinstance(after, type(before)) and repr(before) == repr(after)
    except (TypeError, ValueError):  # such as arrays
        return False
