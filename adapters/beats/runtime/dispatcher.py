"""Calls a program's handlers of control messages in a thread of their own."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from beats.kernel.envelope import Control
from beats.kernel.errors import ClosedError
from beats.kernel.log_sampling import is_power_of_ten

log = logging.getLogger(__name__)

_WAITING: Final = 256
"""Commands that may wait for a handler; a person's commands come far more slowly."""

_CLOSE_TIMEOUT_S: Final = 5.0


class Dispatcher:
    """Takes commands from the event loop without ever making it wait, and hands them to the handlers."""

    def __init__(self) -> None:
        # Bounded by `put` and not by itself, so that the end always finds room.
        self._queue: Final[queue.SimpleQueue[Control | None]] = queue.SimpleQueue()
        self._handlers: Final[list[_Added]] = []
        self._lock: Final = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Commands given up because the handlers were too slow."""
        return self._dropped

    def add(self, handler: Callable[[Control], object]) -> Callable[[], None]:
        """Call `handler` with every command from now on; what it returns ends that.

        Raises:
            ClosedError: no command will ever come.
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
        """Pass a command on; given up, counted and reported when too many wait."""
        if self._thread is None:
            return
        if self._queue.qsize() < _WAITING:
            self._queue.put(control)
            return
        self._dropped += 1
        if is_power_of_ten(self._dropped):
            log.error(
                "control message %r given up: on_control's handler is %d behind (%d given up so far)",
                control.command,
                _WAITING,
                self._dropped,
            )

    def close(self) -> None:
        """Let the handlers deal with what waits, and join their thread; one that hangs is left behind."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(None)
        if thread is threading.current_thread():  # a handler closes the stream: it cannot wait for itself
            return
        thread.join(_CLOSE_TIMEOUT_S)
        if thread.is_alive():
            log.error(
                "on_control's handler still runs %g s after the end and is left behind", _CLOSE_TIMEOUT_S
            )

    def _remove(self, added: "_Added") -> None:
        with self._lock, suppress(ValueError):  # it was removed before
            self._handlers.remove(added)

    def _work(self) -> None:
        while (control := self._queue.get()) is not None:
            for added in tuple(self._handlers):
                if added not in self._handlers:  # removed by one before it
                    continue
                try:
                    added.handler(control)
                except Exception:
                    log.exception("on_control's handler %r raised at %r", added.handler, control.command)


class _Added:
    """A handler that was added once; the same one may be added again."""

    def __init__(self, handler: Callable[[Control], object]) -> None:
        self.handler: Final = handler
