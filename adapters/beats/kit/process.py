"""What this process costs."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_BEGUN_S: Final = time.monotonic()
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_OPEN: Final = "/proc/self/fd"


class Process(NamedTuple):
    """One moment; what the operating system does not tell is None."""

    name: str
    """What it is called among those of a run, such as `worker 1`; empty where it is the only one."""
    pid: int
    uptime_s: float
    """Since Beats was imported."""
    cpu_s: float
    """Processor time used, by user code and by the system for it."""
    rss_bytes: int | None
    """Memory that is resident."""
    open_files: int | None
    """Files and sockets that are open."""


_name = ""


def name_process(name: str) -> None:
    """Say what this process is called among those of a run."""
    global _name
    _name = name


def process() -> Process:
    """What it costs now."""
    uptime_s = time.monotonic() - _BEGUN_S
    return Process(_name, os.getpid(), uptime_s, time.process_time(), _rss_bytes(), _open_files())


def _rss_bytes() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES  # Linux, proc(5)
    except (OSError, ValueError, IndexError):
        return None


def _open_files() -> int | None:
    try:
        return len(os.listdir(_OPEN))  # noqa: PTH208 - pathlib would make an object of each
    except OSError:
        return None
