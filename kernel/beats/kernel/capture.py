"""Recognises capture times that are not in nanoseconds."""

from typing import Final

_UNITS: Final = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3))
_NEAR_NS: Final = 20 * 365 * 86_400 * 10**9
"""A time in another unit is recognised within 20 years of now. Other small numbers may be right: a clock may
count from when a machine was switched on, or may never have been set."""


def doubt_about(captured_unix_ns: int, now_ns: int) -> str | None:
    """Say which unit a capture time seems to be in instead of nanoseconds; None when it may be right."""
    if captured_unix_ns * 100 > now_ns:  # the usual case: a time in any other unit is smaller
        return None
    for unit, factor in _UNITS:
        if abs(captured_unix_ns * factor - now_ns) < _NEAR_NS:
            return (
                f"captured_unix_ns = {captured_unix_ns} looks like {unit} and is read as nanoseconds since "
                f"1970: multiply it by {factor:,}"
            )
    return None
