"""File descriptors: how many this process may have open, and whether any are left."""

import logging
import resource
import time
from typing import Final

log = logging.getLogger(__name__)

RESERVE: Final = 64
"""Descriptors that viewers leave free for everything else: libraries, recordings, listeners, pipes."""
_MOST: Final = 1 << 20
"""The largest limit that Linux allows by default (fs.nr_open), and what an infinite one is taken for."""
_WARNING_INTERVAL_S: Final = 60.0


def limits() -> tuple[int, int]:
    """How many this process may have open, and up to how many it may raise that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _finite(soft), _finite(hard)


def raise_limit() -> None:
    """Raise the number that this process may have open as far as it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_finite(hard), _MOST)
    if wanted <= _finite(soft):
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # macOS refuses more than kern.maxfilesperproc
        log.debug("the limit of open files stays at %d: %s", soft, error)
    else:
        log.debug("the limit of open files was raised from %d to %d", soft, wanted)


def shortage(connections: int, hard: int) -> tuple[str, str] | None:
    """What is wrong with a limit, and what to do about it; None when nothing is.

    Args:
        connections: the most that are open at once.
        hard: how many files a process may have open at most.
    """
    needed = connections + RESERVE
    if needed <= _finite(hard):
        return None
    return (
        f"{hard:,} open files are allowed, and {needed:,} are needed when all viewers are there that may "
        "come: the last of them are turned away",
        f"set LimitNOFILE={needed} in its systemd unit, or `hard nofile` in /etc/security/limits.conf "
        f"(more than {hard:,} needs root), or lower max_clients",
    )


class Descriptors:
    """Tells one sink when descriptors run short, and logs it at most once a minute."""

    def __init__(self, name: str) -> None:
        """Watch for a sink of this name."""
        self._name: Final = name
        self._warned_s: float | None = None

    def are_short(self, descriptor: int) -> bool:
        """Whether no descriptor but the reserved ones was left when this one was opened.

        A new descriptor always has the lowest number that is free (POSIX, section 2.14): a high number says
        that all below it were in use, by any part of the process.
        """
        soft, _ = limits()
        if descriptor < soft - min(RESERVE, soft // 4):
            return False
        self.warn()
        return True

    def warn(self) -> None:
        """Log that they run short, unless that was logged just now."""
        now_s = time.monotonic()
        if self._warned_s is None or now_s - self._warned_s >= _WARNING_INTERVAL_S:
            self._warned_s = now_s
            log.warning(
                "sink %r: nearly all of the %d files that this process may have open are in use: until some "
                "are closed, no viewer is let in, and connections that ask for nothing are cut off; start it "
                "with a higher limit (`ulimit -n`, or LimitNOFILE in its systemd unit)",
                self._name,
                limits()[0],
            )


def _finite(limit: int) -> int:
    return _MOST if limit == resource.RLIM_INFINITY else limit
