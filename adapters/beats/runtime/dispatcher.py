"""Calls a program's `on_control` handlers in a separate thread."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from beats.kernel.envelope import Control
from beats.kernel.errors import ClosedError
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_WAITING: Final = 256
"""Messages that may wait for the handlers; people send them far more slowly."""

_CLOSE_TIMEOUT_S: Final = 5.0
_DROPPED: Final = "dropped messages"


class Dispatcher:
    """Passes control messages from the event loop to the handlers, and never blocks the loop."""

    def __init__(self) -> None:
        # Bounded by `put`, so that the end marker always fits.
        self._queue: Final[queue.SimpleQueue[Control | None]] = queue.SimpleQueue()
        self._handlers: Final[list[_Added]] = []
        self._lock: Final = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._reports: Final = ThrottledLog(log, "control")

    @property
    def dropped(self) -> int:
        """Messages dropped because the handlers were too slow."""
        return self._reports.counts[_DROPPED]

    def add(self, handler: Callable[[Control], object]) -> Callable[[], None]:
        """Call `handler` with every message from now on; returns a function that removes it.

        Raises:
            ClosedError: the stream is closed.
        """
        added = _Added(handler)
        with self._lock:
            if self._closed:
                raise ClosedError("the stream is closed: add handlers while it is open")
            self._handlers.append(added)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="beats control", daemon=True)
                self._thread.start()
        return partial(self._remove, added)

    def put(self, control: Control) -> None:
        """Queue a message; it is dropped, counted and logged when too many wait."""
        if self._thread is None:
            return
        if self._queue.qsize() < _WAITING:
            self._queue.put(control)
            return
        text = f"{control.command!r} is dropped: on_control's handler is {_WAITING} messages behind"
        self._reports.add(_DROPPED, text, logging.ERROR)

    def close(self) -> None:
        """Let the handlers finish what waits, and join their thread; a handler that hangs is left running."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(None)
        if thread is threading.current_thread():  # a handler that closes the stream cannot wait for itself
            return
        thread.join(_CLOSE_TIMEOUT_S)
        if thread.is_alive():
            log.error(
                "on_control's handler still runs %g s after the end and is left running", _CLOSE_TIMEOUT_S
            )

    def _remove(self, added: "_Added") -> None:
        with self._lock, suppress(ValueError):  # already removed
            self._handlers.remove(added)

    def _work(self) -> None:
        while (control := self._queue.get()) is not None:
            for added in tuple(self._handlers):
                if added not in self._handlers:  # removed by an earlier handler
                    continue
                try:
                    added.handler(control)
                except Exception:
                    log.exception("on_control's handler %r raised at %r", added.handler, control.command)


class _Added:
    """One call of `add`: the same handler may be added several times."""

    def __init__(self, handler: Callable[[Control], object]) -> None:
        self.handler: Final = handler
