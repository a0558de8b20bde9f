"""Wakes tasks of an event loop from any thread, once per burst.

Waking a sleeping loop is a system call (4 µs, where a whole publish takes 6). All queues of a kernel share
one waker, so the loop is woken once however many sinks an envelope goes to.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from io import FileIO
from types import TracebackType
from typing import Any, Final, Self

from anyio.lowlevel import current_token

_ONE: Final = (1).to_bytes(8, sys.byteorder)
"""What an eventfd takes: a number of 64 bits, which is added to its counter (eventfd(2))."""


class Waker:
    """Belongs to the event loop in which it is created, of either anyio back end.

    Within `with`, and where there is eventfd (Linux), it wakes asyncio's loop by one system call on a
    descriptor of its own: `call_soon_threadsafe` takes twice as long in a thread whose caches are cold.
    """

    def __init__(self) -> None:
        # asyncio's loop or trio's token: each documents one call for other threads.
        native: Any = current_token().native_token
        self._native: Final = native
        self._call_soon: Final[Callable[[Callable[[], None]], object]] = (
            native.call_soon_threadsafe if hasattr(native, "call_soon_threadsafe") else native.run_sync_soon
        )
        self.event_loop: Final = type(native).__module__.partition(".")[0]
        """The library that the event loop is of, such as `asyncio` or `uvloop`."""
        self._doorbell: FileIO | None = None
        self._thread_id: Final = threading.get_ident()
        self._pending: Final[deque[Callable[[], object]]] = deque()
        self._scheduled = False

    def __enter__(self) -> Self:
        """Open the descriptor."""
        if hasattr(os, "eventfd") and hasattr(self._native, "add_reader"):
            # A file object, which a thread that rings late finds closed; a bare number may be another file.
            self._doorbell = FileIO(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), "r+b")
            self._native.add_reader(self._doorbell.fileno(), self._answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the descriptor. From then on, `ring` wakes the loop with the loop's own call for threads."""
        doorbell, self._doorbell = self._doorbell, None
        if doorbell is not None:
            self._native.remove_reader(doorbell.fileno())
            doorbell.close()
            self._run_pending()

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the event loop's own thread."""
        return threading.get_ident() == self._thread_id

    def ring(self, callback: Callable[[], object]) -> None:
        """Call `callback` on the loop's thread soon. Never waits; any thread may call it."""
        if threading.get_ident() == self._thread_id:
            callback()
            return
        self._pending.append(callback)
        if not self._scheduled:
            # Two threads may both come here: an extra wake-up is harmless, a missing one is not.
            self._scheduled = True
            doorbell = self._doorbell
            if doorbell is not None:
                try:
                    doorbell.write(_ONE)
                except ValueError:  # closed meanwhile
                    pass
                else:
                    return
            # RuntimeError: the loop has ended, so there is nothing to wake (trio's RunFinishedError is one).
            with contextlib.suppress(RuntimeError):
                self._call_soon(self._run_pending)

    def _answer(self) -> None:
        if self._doorbell is not None:
            self._doorbell.read(8)
            self._run_pending()

    def _run_pending(self) -> None:
        self._scheduled = False  # before reading: a callback added later schedules again
        while self._pending:
            self._pending.popleft()()
