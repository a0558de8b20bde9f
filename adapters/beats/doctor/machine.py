"""What the machine gives a process: processors, timers, open files."""

import os
import resource
import selectors
import time
from collections.abc import Iterator
from typing import Final

from beats.doctor.findings import Finding
from beats.kit import descriptors

_WAITS: Final = 15
_WAIT_S: Final = 0.001
_COARSE_S: Final = 0.005
"""A third of the time between two frames at 60 a second."""


def processors() -> Iterator[Finding]:
    """How many may be used."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count == 1:
        what = "one, for the sources, the viewers and everything else on this machine"
        yield Finding("processors", "note", what, "let heavy sources run on another machine")
    else:
        yield Finding("processors", "ok", f"{count}")


def timers() -> Iterator[Finding]:
    """Whether an event loop's waits end in time."""
    yield waited(sorted(_wait_s() for _ in range(_WAITS))[_WAITS // 2])


def waited(seconds: float) -> Finding:
    """What to say of the time that most waits of a millisecond took."""
    what = f"a wait of 1 ms takes {seconds * 1000:.1f} ms"
    if seconds <= _COARSE_S:
        return Finding("timers", "ok", what)
    why = "the machine is busy, or its timers are coarse: stop what else runs, or choose a lower frame rate"
    return Finding("timers", "warning", f"{what}, so that frames come unevenly", why)


def _wait_s() -> float:
    with selectors.DefaultSelector() as selector:  # as an event loop waits
        begin_s = time.perf_counter()
        selector.select(_WAIT_S)
        return time.perf_counter() - begin_s


def open_files(connections: int) -> Iterator[Finding]:
    """Whether as many may be open as the profile lets viewers in.

    Args:
        connections: the most that all sinks together let in.
    """
    yield allowed(*resource.getrlimit(resource.RLIMIT_NOFILE), connections)


def allowed(soft: int, hard: int, connections: int) -> Finding:
    """What to say of the limits of RLIMIT_NOFILE."""
    if (short := descriptors.shortage(connections, hard)) is not None:
        return Finding("open files", "warning", *short)
    needed = f"{connections + descriptors.RESERVE:,} needed for all viewers that may come"
    if soft == resource.RLIM_INFINITY:
        return Finding("open files", "ok", f"any number allowed, {needed}")
    raised = "" if soft == hard else ", which a start raises as far as it may"
    return Finding("open files", "ok", f"{soft:,} allowed{raised}, {needed}")
