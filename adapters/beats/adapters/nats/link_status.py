"""What is said in the log of connections that come and go, and how long to wait for the next."""

import logging
import os
import re
from typing import Final

import anyio

from beats.kit.backoff import Pauses
from beats.kit.throttled_log import ThrottledLog

_TURNED_AWAY_S: Final = 5.0
"""Least pause after somebody has not let us in: only an operator, theirs or ours, can change that."""
_MOST_SAID: Final = 100


class LinkStatus:
    """One who is connected, and then is not, and shall be again."""

    def __init__(self, who: str, reconnect_max_s: float, logger: logging.Logger) -> None:
        """Begin without a connection.

        Args:
            who: connects, such as `sink 'relay'`.
            reconnect_max_s: longest pause.
            logger: where it is said.
        """
        self.is_connected = False
        self.connections = 0
        """How many there were so far."""
        self._who: Final = who
        self._short_s: Final = reconnect_max_s
        self._pauses: Final = Pauses(reconnect_max_s)
        self._log: Final = logger
        self._reports: Final = ThrottledLog(logger, who)
        self._said: Final[set[str]] = set()
        """What has been said of why there is no connection."""
        self._since_s = 0.0
        self._began_s = 0.0
        """When the last attempt began, as far as it is known."""

    @property
    def reconnects(self) -> int:
        """How many connections took the place of one that was lost."""
        return max(0, self.connections - 1)

    def failed(self, whom: str, error: Exception) -> None:
        """There is no connection; said once for each reason."""
        why = f"{whom}: {reason(error)}"
        if why in self._said or len(self._said) >= _MOST_SAID:
            self._log.debug("%s: %s", self._who, why)
        else:
            self._said.add(why)
            self._log.warning("%s: no connection to %s; tried until there is one", self._who, why)

    def made(self, whom: str) -> None:
        """There is a connection."""
        now_s = anyio.current_time()
        again = f" again, after {now_s - self._since_s:.1f} s" if self.connections else ""
        self._reports.add("connections", f"connected to {whom}{again}", logging.INFO)
        self._said.clear()
        self.is_connected = True
        self.connections += 1
        self._since_s = now_s

    def lost(self, whom: str, why: str) -> None:
        """There is none any more, and there should be."""
        now_s = anyio.current_time()
        self.is_connected = False
        if now_s - self._since_s > self._short_s:
            self._pauses.reset()  # but not after one who lets us in, and throws us out again
        self._since_s = self._began_s = now_s
        self._reports.add("lost connections", f"connection to {whom} lost: {why}")

    async def pause(self, *, turned_away: bool = False, ended: anyio.Event | None = None) -> None:
        """Wait before the next attempt, or until it has `ended`.

        The pause counts from when the last attempt began. One that got no answer has lasted long enough: over
        a link that was cut, attempts that follow each other at once find it whole again soonest.
        """
        now_s = anyio.current_time()
        rest_s = (self._began_s or now_s) + self._pauses.next_s() - now_s
        with anyio.move_on_after(_TURNED_AWAY_S if turned_away else rest_s):
            await (ended or anyio.Event()).wait()
        self._began_s = anyio.current_time()


def reason(error: Exception) -> str:
    """What went wrong, without the addresses that asyncio adds to it."""
    failed = re.search(r"\[Errno (\d+)\] Connect call failed", str(error))
    if failed:
        return os.strerror(int(failed[1]))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
