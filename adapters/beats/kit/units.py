"""Numbers as text with units, each within a known width."""

from typing import Final

UNKNOWN: Final = "–"  # noqa: RUF001 - a dash, as in tables
"""Stands for an unknown number."""
_SIZES: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_MANY: Final = ("", "k", "M", "G", "T", "P")
_DAY_S: Final = 86400


def count(number: float) -> str:
    """A count; at most 9 characters."""
    return f"{number:,.0f}" if number < 10_000_000 else _scaled(number, _MANY, "")


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural if necessary."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def rate(per_s: float | None) -> str:
    """A rate per second; at most 6 characters."""
    if per_s is None:
        return UNKNOWN
    if per_s == 0:
        return "0"
    if per_s < 1000:
        return f"{per_s:.1f}" if per_s >= 0.05 else "<0.1"
    return _scaled(per_s, _MANY, "")


def size(number_bytes: float | None) -> str:
    """An amount of bytes; at most 7 characters."""
    return UNKNOWN if number_bytes is None else _scaled(number_bytes, _SIZES, " ")


def duration(seconds: float | None) -> str:
    """A short time; at most 7 characters."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        digits = 1 if seconds < 0.00995 else 0
        return f"{seconds * 1000:.{digits}f} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else age(seconds)


def age(seconds: float) -> str:
    """A long time, rounded down; at most 8 characters below a hundred days."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if whole < 3600:
        return f"{minutes}:{rest:02}"
    if whole < _DAY_S:
        return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    return f"{whole // _DAY_S} d {whole % _DAY_S // 3600} h"


def clock(seconds: float) -> str:
    """A place on a timeline, cut to tenths, with hours if there are some: `1:02.5`, `1:00:02.5`."""
    tenths = int(seconds * 10)
    hours, rest = divmod(tenths, 36000)
    minutes, tenths = divmod(rest, 600)
    end = f"{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{end}" if hours else f"{minutes}:{end}"


def _scaled(number: float, units: tuple[str, ...], blank: str) -> str:
    for unit in units[:-1]:
        if number < 999.5:
            few = number < 9.95 and unit != units[0]
            return f"{number:.1f}{blank}{unit}" if few else f"{number:.0f}{blank}{unit}"
        number /= 1000
    return f"{number:.0f}{blank}{units[-1]}"
