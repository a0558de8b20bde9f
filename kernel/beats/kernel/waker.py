"""Wakes tasks of an event loop from any thread, once per burst.

Waking a sleeping loop is a system call (4 µs, where a whole publish takes 6). All queues of a kernel share
one waker, so the loop is woken once however many sinks an envelope goes to.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from anyio.lowlevel import current_token


class Waker:
    """Belongs to the event loop in which it is created, of either anyio back end."""

    def __init__(self) -> None:
        # asyncio's loop or trio's token: each documents one call for other threads.
        native: Any = current_token().native_token
        self._call_soon: Callable[[Callable[[], None]], object] = (
            native.call_soon_threadsafe if hasattr(native, "call_soon_threadsafe") else native.run_sync_soon
        )
        self.event_loop: Final = type(native).__module__.partition(".")[0]
        """The library that the event loop is of, such as `asyncio` or `uvloop`."""
        self._thread_id = threading.get_ident()
        self._pending: deque[Callable[[], object]] = deque()
        self._scheduled = False

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the event loop's own thread."""
        return threading.get_ident() == self._thread_id

    def ring(self, callback: Callable[[], object]) -> None:
        """Call `callback` on the loop's thread soon. Never waits; any thread may call it."""
        if self.on_loop_thread():
            callback()
            return
        self._pending.append(callback)
        if not self._scheduled:
            # Two threads may both come here: an extra wake-up is harmless, a missing one is not.
            self._scheduled = True
            # RuntimeError: the loop has ended, so there is nothing to wake (trio's RunFinishedError is one).
            with contextlib.suppress(RuntimeError):
                self._call_soon(self._run_pending)

    def _run_pending(self) -> None:
        self._scheduled = False  # before reading: a callback added later schedules again
        while self._pending:
            self._pending.popleft()()
