"""Waking the tasks of an event loop from any thread, at the price of one wake-up for a burst.

Waking a sleeping loop is a system call (4 µs where a whole publish takes 6), so all queues of a kernel
share one waker: however many sinks an envelope goes to, the loop is woken once.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from anyio.lowlevel import current_token


class Waker:
    """Belongs to the event loop that it is made in; either anyio back end."""

    def __init__(self) -> None:
        # asyncio's loop or trio's token: each has one documented way in from other threads.
        native: Any = current_token().native_token
        self._call_soon: Callable[[Callable[[], None]], object] = (
            native.call_soon_threadsafe if hasattr(native, "call_soon_threadsafe") else native.run_sync_soon
        )
        self._thread_id = threading.get_ident()
        self._pending: deque[Callable[[], object]] = deque()
        self._scheduled = False

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the event loop's own thread."""
        return threading.get_ident() == self._thread_id

    def ring(self, callback: Callable[[], object]) -> None:
        """Have `callback` called on the loop's thread soon; never waits, and any thread may call it."""
        if self.on_loop_thread():
            callback()
            return
        self._pending.append(callback)
        if not self._scheduled:
            # Two threads may both come here: one wake-up too many does no harm, one too few would.
            self._scheduled = True
            # RuntimeError: the loop has ended, so there is nobody left to wake (trio's RunFinishedError
            # is one too).
            with contextlib.suppress(RuntimeError):
                self._call_soon(self._answer)

    def _answer(self) -> None:
        self._scheduled = False  # before the look: whoever comes after it rings again
        while self._pending:
            self._pending.popleft()()
