"""The system clock: whether anything keeps it right, and whether it jumps."""

import ctypes
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from beats.doctor.findings import Finding

_SUBJECT: Final = "clock"
_JUMP_S: Final = 0.05
"""More than a correction that is spread over time makes while a check lasts: that is 0.5 ms a second."""
_UNSYNCHRONISED: Final = 0x40
"""STA_UNSYNC of <sys/timex.h>."""
_DAY_S: Final = 86400.0
_STEER: Final = (
    "switch on a time service, such as systemd-timesyncd or chrony: "
    "recordings, and the ages that viewers see, go by this clock"
)


class Discipline(NamedTuple):
    """What the system says of its clock."""

    is_synchronised: bool
    error_s: float
    """By how much it may be wrong at most."""


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` of adjtimex(2), and room for its rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 512),
    )


def discipline() -> Discipline | None:
    """What Linux tells everybody of what keeps its clock right; None where that cannot be told."""
    if sys.platform != "linux":
        return None
    about = _Timex()  # without a mode nothing is set
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.byref(about)))
    except (OSError, AttributeError):  # another C library
        return None
    if state < 0:  # forbidden, as in some containers
        return None
    return Discipline(not about.status & _UNSYNCHRONISED, about.maxerror / 1e6)


def offset_s() -> float:
    """How far the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()


def clock(before_s: float) -> Iterator[Finding]:
    """Whether it is right, as far as that can be told.

    Args:
        before_s: the offset when the examination began.
    """
    yield kept(discipline())
    yield from jumped(offset_s() - before_s)
    yield from late(time.time(), Path(__file__).stat().st_mtime)


def kept(found: Discipline | None) -> Finding:
    """Whether anything keeps it right."""
    if found is None:
        why = "whether anything keeps it right, this system does not tell"
        return Finding(_SUBJECT, "note", why, "see to it that a time service runs")
    if found.is_synchronised:
        return Finding(_SUBJECT, "ok", f"synchronised, and wrong by {found.error_s * 1000:,.0f} ms at most")
    return Finding(_SUBJECT, "warning", "it is not synchronised with any other", _STEER)


def jumped(by_s: float) -> Iterator[Finding]:
    """Whether somebody sets it rather than slews it."""
    if abs(by_s) > _JUMP_S:
        what = f"it jumped by {by_s:+,.3f} s while this was checked"
        yield Finding(_SUBJECT, "warning", what, "find out what sets it: a time service goes there gradually")


def late(now_s: float, installed_s: float) -> Iterator[Finding]:
    """Whether it is behind, as that of a small computer without a battery is before it has a network."""
    if now_s < installed_s - _DAY_S:
        says = datetime.fromtimestamp(now_s, UTC).date().isoformat()
        what = f"it says {says}, and Beats was installed after that"
        yield Finding(_SUBJECT, "warning", what, "set it: recordings are named and timed by it")
