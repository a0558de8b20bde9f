"""Checks the system clock: whether it is synchronised, and whether it jumps."""

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
"""More than a gradual correction (0.5 ms a second) can change during the checks."""
_UNSYNCHRONISED: Final = 0x40
"""STA_UNSYNC of <sys/timex.h>."""
_DAY_S: Final = 86400.0
_STEER: Final = (
    "enable a time service, such as systemd-timesyncd or chrony: "
    "recordings, and the ages that viewers see, use this clock"
)


class Discipline(NamedTuple):
    """The state of the system clock."""

    is_synchronised: bool
    error_s: float
    """Largest error."""


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` of adjtimex(2), with room for the rest."""

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
    """The state of the clock on Linux; None if unknown."""
    if sys.platform != "linux":
        return None
    about = _Timex()  # without a mode, nothing is changed
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.byref(about)))
    except (OSError, AttributeError):  # another C library
        return None
    if state < 0:  # forbidden, as in some containers
        return None
    return Discipline(not about.status & _UNSYNCHRONISED, about.maxerror / 1e6)


def offset_s() -> float:
    """The wall clock minus the monotonic clock."""
    return time.time() - time.monotonic()


def clock(before_s: float) -> Iterator[Finding]:
    """Check the clock.

    Args:
        before_s: the offset when the checks began.
    """
    yield kept(discipline())
    yield from jumped(offset_s() - before_s)
    yield from late(time.time(), Path(__file__).stat().st_mtime)


def kept(found: Discipline | None) -> Finding:
    """Whether the clock is synchronised."""
    if found is None:
        why = "this system does not tell whether its clock is synchronised"
        return Finding(_SUBJECT, "note", why, "make sure that a time service runs")
    if found.is_synchronised:
        what = f"synchronised, with an error of at most {found.error_s * 1000:,.0f} ms"
        return Finding(_SUBJECT, "ok", what)
    return Finding(_SUBJECT, "warning", "it is not NTP-synchronised", _STEER)


def jumped(by_s: float) -> Iterator[Finding]:
    """Whether the clock was set during the checks."""
    if abs(by_s) > _JUMP_S:
        what = f"it jumped by {by_s:+,.3f} s during the checks"
        advice = "find out what sets it: a time service corrects it gradually"
        yield Finding(_SUBJECT, "warning", what, advice)


def late(now_s: float, installed_s: float) -> Iterator[Finding]:
    """Whether the clock is behind, as on a small computer without a battery before it has a network."""
    if now_s < installed_s - _DAY_S:
        says = datetime.fromtimestamp(now_s, UTC).date().isoformat()
        what = f"it shows {says}, but Beats was installed later"
        yield Finding(_SUBJECT, "warning", what, "set it: names and times of recordings use it")
