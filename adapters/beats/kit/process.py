"""What this process uses: time, memory, open files."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_BEGUN_S: Final = time.monotonic()
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_OPEN: Final = "/proc/self/fd"


class Process(NamedTuple):
    """A snapshot; None for values that the operating system does not provide."""

    name: str
    """The name of the process within a run of several, such as `worker 1`; empty for a single process."""
    pid: int
    uptime_s: float
    """Seconds since the process imported Beats."""
    cpu_s: float
    """Processor time, user and system."""
    rss_bytes: int | None
    """Resident memory."""
    open_files: int | None
    """Open files and sockets."""


def usable_processors() -> int:
    """How many processors this process may run on, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_threads(wanted: int | None) -> int:
    """How many threads encode: as many as are wanted, or by default a processor less than there are."""
    return wanted or max(1, usable_processors() - 1)


_name = ""


def name_process(name: str) -> None:
    """Set the name of this process."""
    global _name
    _name = name


def process() -> Process:
    """The current values."""
    uptime_s = time.monotonic() - _BEGUN_S
    return Process(_name, os.getpid(), uptime_s, time.process_time(), _rss_bytes(), _open_files())


def _rss_bytes() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES  # Linux, proc(5)
    except (OSError, ValueError, IndexError):
        return None


def _open_files() -> int | None:
    try:
        return len(os.listdir(_OPEN))  # noqa: PTH208 - pathlib would make an object for each
    except OSError:
        return None
