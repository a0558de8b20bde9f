"""Tells a service manager such as systemd how a run goes, by the protocol of sd_notify(3).

Each message is one datagram of `NAME=value` lines to the Unix socket that the variable NOTIFY_SOCKET names.
Where it is not set, nothing happens.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from typing import Final

import anyio

_STATUS_EVERY_S: Final = 10.0
_AGAIN_S: Final = 0.1
"""Pause until a message that the manager did not take is sent again."""
_MOST_WAITING: Final = 100
"""The most changes of state that wait for a manager that takes none; then the oldest is forgotten."""

_log: Final = logging.getLogger(__name__)


class ServiceManager:
    """Sends messages from the event loop, and never waits for the other side.

    A busy manager accepts a few messages and then none: on some systems no more than ten may wait. Then a
    change of state is sent again and again until it is taken, and what comes regularly is left out.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Take the variables of the protocol out of an environment: they are not for other processes.

        A source's program or a nats-server that this process starts would otherwise inherit them.
        """
        given = environment.pop("NOTIFY_SOCKET", "")
        interval = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", "")
        self._address: str | None = None
        self._every_s = _STATUS_EVERY_S
        self._pings: tuple[str, ...] = ()
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)
        self._has_failed = False
        if not given:
            return
        if given[0] not in "/@":  # sd_notify(3) also has vsock:, for virtual machines
            _log.warning(
                "NOTIFY_SOCKET is %r, not an absolute path or @NAME: no service manager is notified", given
            )
            return
        self._address = f"\0{given[1:]}" if given[0] == "@" else given
        if interval and watched in ("", str(os.getpid())):
            if not (interval.isdecimal() and int(interval)):
                _log.warning("WATCHDOG_USEC is %r, not a number of microseconds: no watchdog", interval)
                return
            self._pings = ("WATCHDOG=1",)
            # sd_watchdog_enabled(3): every half of the time.
            self._every_s = min(int(interval) / 2e6, _STATUS_EVERY_S)

    @property
    def is_behind(self) -> bool:
        """Whether a change of state waits for a manager that is busy."""
        return bool(self._waiting)

    def ready(self, status: str) -> None:
        """Tell the manager that the stream is on air; `status` is a line for people."""
        self._tell("READY=1", _status(status))

    async def keep_told(self, status: Callable[[], str]) -> None:
        """Send the status, and that the event loop turns if there is a watchdog, until cancelled.

        A watchdog gets a message in half of its time. A blocked event loop sends none, nor does it answer
        `/livez` then.
        """
        while self._address is not None:
            await anyio.sleep(min(self._every_s, _AGAIN_S) if self.is_behind else self._every_s)
            self._send_waiting()
            if not self.is_behind:
                self._send("\n".join((*self._pings, _status(status()))))

    @contextmanager
    def reloading(self) -> Generator[None]:
        """The settings are read again and applied until the block ends, whether it succeeds or not."""
        # Type=notify-reload compares it with the time of its signal; on Linux, the clock is CLOCK_MONOTONIC.
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self._tell("READY=1")

    async def stopping(self, timeout_s: float) -> None:
        """The orderly end has begun. It may take `timeout_s`; the manager has a limit of its own."""
        self._tell("STOPPING=1", _status(f"ending: sinks have {timeout_s:g} s to deliver what waits"))

    def _tell(self, *lines: str) -> None:
        """Send a change of state, after those that could not be sent before."""
        if self._address is not None:
            self._waiting.append("\n".join(lines))
            self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._send(self._waiting[0]):
            self._waiting.popleft()

    def _send(self, message: str) -> bool:
        """Send a message; False if the manager does not take it now."""
        assert self._address is not None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.setblocking(False)
                connection.sendto(message.encode(errors="replace"), self._address)
        except BlockingIOError:
            return False
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                what = message.partition("\n")[0]
                _log.warning("the service manager did not get %s: %s", what, error.strerror or error)
        return True


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
