"""Connections that are restored when they are lost: log lines, pauses, and sinks that wait for one."""

import logging
import os
import re
from typing import Final

import anyio

from beats.kernel.run.supervisor import Backoff
from beats.kit.throttled_log import ThrottledLog

_REFUSED_PAUSE_S: Final = 5.0
"""Pause after the other side refused us: only an operator can change that."""
_FIRST_PAUSE_S: Final = 0.05
_MOST_REASONS: Final = 100


class LinkStatus:
    """Whether there is a connection, and since when."""

    def __init__(self, who: str, reconnect_max_s: float, logger: logging.Logger) -> None:
        """Begin without a connection.

        Args:
            who: the sink or source, such as `sink 'relay'`, for the log.
            reconnect_max_s: longest pause between attempts.
            logger: logs connections, losses and failures.
        """
        self.is_connected = False
        self.connections = 0
        """How many there were so far."""
        self._who: Final = who
        self._reconnect_max_s: Final = reconnect_max_s
        self._backoff: Final = Backoff(_FIRST_PAUSE_S, reconnect_max_s, jitter=0.5)
        self._failures = 0
        self._log: Final = logger
        self._reports: Final = ThrottledLog(logger, who)
        self._logged: Final[set[str]] = set()
        """Reasons that were logged since the last connection."""
        self._since_s = 0.0
        self._began_s = 0.0
        """When the last attempt began; 0 if unknown."""

    @property
    def reconnects(self) -> int:
        """How many connections replaced one that was lost."""
        return max(0, self.connections - 1)

    def failed(self, address: str, error: Exception) -> None:
        """An attempt to connect has failed; each reason is logged once."""
        why = f"{address}: {reason(error)}"
        if why in self._logged or len(self._logged) >= _MOST_REASONS:
            self._log.debug("%s: %s", self._who, why)
        else:
            self._logged.add(why)
            self._log.warning("%s: no connection to %s; trying again", self._who, why)

    def connected(self, address: str) -> None:
        """The connection was opened."""
        now_s = anyio.current_time()
        again = f" again, after {now_s - self._since_s:.1f} s" if self.connections else ""
        self._reports.add("connections", f"connected to {address}{again}", logging.INFO)
        self._logged.clear()
        self.is_connected = True
        self.connections += 1
        self._since_s = now_s

    def lost(self, address: str, why: str) -> None:
        """The connection was lost unexpectedly."""
        now_s = anyio.current_time()
        self.is_connected = False
        if now_s - self._since_s > self._reconnect_max_s:
            self._failures = 0  # unless the other side accepts and closes connections again and again
        self._since_s = self._began_s = now_s
        self._reports.add("lost connections", f"connection to {address} lost: {why}")

    async def pause(self, *, refused: bool = False, ended: anyio.Event | None = None) -> None:
        """Wait before the next attempt, or until `ended` is set.

        The pause counts from the beginning of the last attempt. One that got no answer has lasted long
        enough: over a link that was cut, attempts without a pause find it restored soonest.
        """
        now_s = anyio.current_time()
        self._failures += 1
        rest_s = (self._began_s or now_s) + self._backoff.delay_s(self._failures) - now_s
        with anyio.move_on_after(_REFUSED_PAUSE_S if refused else rest_s):
            await (ended or anyio.Event()).wait()
        self._began_s = anyio.current_time()


def reason(error: Exception) -> str:
    """The reason of an error, without the addresses that asyncio adds."""
    failed = re.search(r"\[Errno (\d+)\] Connect call failed", str(error))
    if failed:
        return os.strerror(int(failed[1]))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
