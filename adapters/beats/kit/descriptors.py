"""The limit of file descriptors of this process, and a warning when they run short."""

import logging
import resource
import time
from typing import Final

log = logging.getLogger(__name__)

RESERVE: Final = 64
"""Descriptors that viewers leave free for libraries, recordings, listeners and pipes."""
_MOST: Final = 1 << 20
"""The largest limit that Linux allows by default (fs.nr_open); stands for an infinite limit."""
_WARNING_INTERVAL_S: Final = 60.0


def limits() -> tuple[int, int]:
    """The soft and the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _finite(soft), _finite(hard)


def raise_limit() -> None:
    """Raise the soft limit as far as possible."""
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
    """What is wrong with a limit, and what to do about it; None if it suffices.

    Args:
        connections: most connections open at once.
        hard: the hard limit.
    """
    needed = connections + RESERVE
    if needed <= _finite(hard):
        return None
    return (
        f"the limit is {hard:,} open files, but {needed:,} are needed when all permitted viewers are "
        "connected: the last ones will be refused",
        f"set LimitNOFILE={needed} in its systemd unit, or `hard nofile` in /etc/security/limits.conf "
        f"(more than {hard:,} needs root), or lower max_clients",
    )


class Descriptors:
    """Detects when descriptors run short, and logs it at most once a minute."""

    def __init__(self, name: str) -> None:
        """Take the name of the sink, for the log."""
        self._name: Final = name
        self._warned_s: float | None = None

    def are_short(self, descriptor: int) -> bool:
        """Whether only the reserved descriptors were left when this one was opened.

        A new descriptor always has the lowest free number (POSIX, section 2.14): a high number means that all
        lower ones are in use, by any part of the process.
        """
        soft, _ = limits()
        if descriptor < soft - min(RESERVE, soft // 4):
            return False
        self.warn()
        return True

    def warn(self) -> None:
        """Log that descriptors run short, unless that was logged within the last minute."""
        now_s = time.monotonic()
        if self._warned_s is None or now_s - self._warned_s >= _WARNING_INTERVAL_S:
            self._warned_s = now_s
            log.warning(
                "sink %r: nearly all of the %d files that this process may have open are in use: until some "
                "are closed, new viewers are refused and idle connections are closed; start it with a higher "
                "limit (`ulimit -n`, or LimitNOFILE in its systemd unit)",
                self._name,
                limits()[0],
            )


def _finite(limit: int) -> int:
    return _MOST if limit == resource.RLIM_INFINITY else limit
