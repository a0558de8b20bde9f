"""Notices capture times that are not in nanoseconds."""

from typing import Final

_UNITS: Final = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3))
_NEAR_NS: Final = 20 * 365 * 86_400 * 10**9
"""A time in another unit is recognised within 20 years of now. Other small numbers may be meant: a clock that
counts from when a machine was switched on, or one that was never set."""


def doubt_about(captured_unix_ns: int, now_ns: int) -> str | None:
    """What a capture time seems to be in place of nanoseconds, and what to do; None when it may be right."""
    if captured_unix_ns * 100 > now_ns:  # the usual case: a time in any other unit is smaller than that
        return None
    for unit, factor in _UNITS:
        if abs(captured_unix_ns * factor - now_ns) < _NEAR_NS:
            return (
                f"captured_unix_ns = {captured_unix_ns} is in {unit} by its size, and is taken for "
                f"nanoseconds since 1970: multiply it by {factor:,}"
            )
    return None
