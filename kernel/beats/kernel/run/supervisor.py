"""Keeps one source or sink running: reports its errors, and restarts it with growing pauses."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import random
from typing import Final, Literal

import anyio

from beats.kernel.errors import InputError

log = logging.getLogger(__name__)

_CANCEL_TIMEOUT_S: Final = 1.0
State = Literal["starting", "running", "failed", "ended", "stopped"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between restarts: `initial_s`, doubling with each failure up to `max_s`."""

    initial_s: float = 0.5
    max_s: float = 30.0
    jitter: float = 0.0
    """The random part of each pause, from 0 to 1, so that clients of one server do not return together."""

    def delay_s(self, failures: int) -> float:
        """The pause after this many failures in a row, from 1."""
        longest_s = min(self.max_s, self.initial_s * 2.0 ** min(failures - 1, 64))
        return longest_s * (1 - self.jitter * random()) if self.jitter else longest_s


def sole(error: BaseException) -> BaseException:
    """The error itself, or the only error in a group: a task group wraps what its tasks raise."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return sole(inner[0]) if len(inner) == 1 else error


def describe(error: BaseException) -> str:
    """An error in one line.

    One of Beats' own, or about a file that it names, is a whole sentence; any other begins with its class.
    """
    error = sole(error)
    if isinstance(error, OSError) and error.filename is not None and error.filename2 is None:
        return f"{error.filename}: {error.strerror}"
    if type(error).__module__.startswith("beats.") and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Supervisor:
    """Runs a source or sink again and again until it ends or the kernel stops."""

    def __init__(
        self,
        role: Literal["source", "sink"],
        name: str,
        run: Callable[[], Awaitable[object]],
        backoff: Backoff,
        *,
        must_start: bool,
    ) -> None:
        """Prepare, without running anything.

        Args:
            role: for the log.
            name: its name in the settings, for the log.
            run: one attempt.
            backoff: the pauses between attempts.
            must_start: whether a failure before the first `opened()` is left to the caller, in
                `start_error`, instead of being reported and retried.
        """
        self.state: State = "starting"
        self.restarts = 0
        self.last_error = ""
        self.start_error: Exception | None = None
        self.settled: Final = anyio.Event()
        """Set once the first attempt has opened what it needs, or has failed."""
        self.finished: Final = anyio.Event()
        """Set once there will be no further attempt."""
        self._role: Final = role
        self._name: Final = name
        self._run: Final = run
        self._backoff: Final = backoff
        self._must_start: Final = must_start
        self._stopping: Final = anyio.Event()
        self._pause: anyio.Event | None = None
        self._scope: anyio.CancelScope | None = None
        self._cancelled = False

    def opened(self) -> None:
        """Called when the source or sink has what it needs and works; may be called any number of times."""
        if self.state in ("starting", "failed"):
            if self.state == "failed":
                log.info("%s %r is running again", self._role, self._name)
            self.state = "running"
            self.settled.set()

    def stop(self) -> None:
        """Start no further attempt; a pause ends at once."""
        self._stopping.set()
        self.hurry()

    def hurry(self) -> bool:
        """End the pause before the next attempt, if there is one; returns whether there was."""
        if self._pause is not None:
            self._pause.set()
        return self._pause is not None

    def cancel(self) -> None:
        """Cancel the running attempt; there is no other."""
        self._stopping.set()
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def ended_by_cancel(self) -> bool:
        """Cancel it and wait for at most a second, since it may hang; returns whether it has ended."""
        self.cancel()
        with anyio.move_on_after(_CANCEL_TIMEOUT_S):
            await self.finished.wait()
        return self.finished.is_set()

    async def supervise(self) -> None:
        """Run until it ends, fails for good, is cancelled, or the kernel stops."""
        with anyio.CancelScope() as self._scope:
            if self._cancelled:
                self._scope.cancel()
            await self._supervise()

    async def _supervise(self) -> None:
        failures = 0
        try:
            while True:
                since_s = anyio.current_time()
                try:
                    await self._run()
                except Exception as error:
                    long_ago = anyio.current_time() - since_s > self._backoff.max_s
                    failures = 1 if long_ago else failures + 1
                    if not await self._retry(error, failures):
                        return
                else:
                    self.state = "ended"
                    return
        finally:
            if self.state in ("starting", "running"):
                self.state = "stopped"
            self.settled.set()
            self.finished.set()

    async def _retry(self, error: Exception, failures: int) -> bool:
        """Report a failure and pause; returns whether there is another attempt."""
        self.state, self.last_error = "failed", describe(error)
        if self._must_start and not self.settled.is_set():
            self.start_error = error
            return False
        self.settled.set()
        for_good = self._stopping.is_set() or isinstance(sole(error), InputError)
        delay_s = self._backoff.delay_s(failures)
        log.error(
            "%s %r failed: %s; %s",
            self._role,
            self._name,
            self.last_error,
            "not restarted" if for_good else f"restart in {delay_s:g} s",
            # Faults of the environment need no traceback; what the code did not expect does.
            exc_info=None if isinstance(sole(error), OSError | InputError) else error,
        )
        if for_good:
            return False
        self._pause = anyio.Event()
        with anyio.move_on_after(delay_s):
            await self._pause.wait()
        self._pause = None
        if self._stopping.is_set():
            return False
        self.restarts += 1
        return True
