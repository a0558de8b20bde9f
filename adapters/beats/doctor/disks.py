"""Checks the disks that a profile writes to."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from beats.config.errors import dotted
from beats.doctor.findings import Finding, Level
from beats.kernel.resources import Output
from beats.kit import units
from beats.runtime.conflicts import Part

_FRAME_BYTES: Final = 20_000
_FRAMES_HZ: Final = 30
GUESS_BYTES_S: Final = _FRAME_BYTES * _FRAMES_HZ
"""The assumed growth of a recording."""
_SHORT_H: Final = 1.0
_FEW_FILES: Final = 1000


class Disk(NamedTuple):
    """The state of a file system."""

    folder: Path
    free_bytes: int
    """Free for this user, without the reserve for root."""
    free_files: int | None
    """Free inodes; None without such a limit."""
    is_read_only: bool


class Plan(NamedTuple):
    """What a sink will write there."""

    name: str
    min_free_bytes: int
    keep_bytes: int | None
    """Largest size that it keeps; None for everything."""


def disk(part: Part, resource: Output) -> Iterator[Finding]:
    """Check the disk for one output."""
    # Other sinks than the recorder may have settings with these names.
    reserve, keep = part.value("min_free_bytes"), part.value("keep_bytes")
    plan = Plan(
        dotted(part.key), reserve if isinstance(reserve, int) else 0, keep if isinstance(keep, int) else None
    )
    found = look(resource.path.parent)
    yield room(plan, found)
    if not found.is_read_only:
        yield from files(plan, found)


def look(folder: Path) -> Disk:
    """The file system of a folder, or of its nearest existing parent."""
    there = next((each for each in (folder, *folder.parents) if each.is_dir()), Path())
    about = os.statvfs(there)
    limited = about.f_files > 0  # btrfs and others create inodes as needed
    return Disk(
        there.absolute(),
        about.f_bavail * about.f_frsize,
        about.f_favail if limited else None,
        bool(about.f_flag & os.ST_RDONLY),
    )


def room(plan: Plan, found: Disk) -> Finding:
    """How long a recording can go on."""
    if found.is_read_only:
        what = f"{found.folder}, where {plan.name} writes, is mounted read-only"
        return Finding("disk", "fault", what, "mount it for writing, or choose another path")
    left = found.free_bytes - plan.min_free_bytes
    what = f"{units.size(found.free_bytes)} free in {found.folder} for {plan.name}"
    kept = f", which leaves {units.size(plan.min_free_bytes)} free"
    if left <= 0:
        advice = "free some space, choose another path, or lower min_free_bytes"
        return Finding("disk", "fault", f"{what}{kept}: it cannot start", advice)
    if plan.keep_bytes is not None and plan.keep_bytes < left:
        return Finding("disk", "ok", f"{what}, which keeps {units.size(plan.keep_bytes)} at most")
    hours = left / GUESS_BYTES_S / 3600
    guess = f"about {duration(hours)}, assuming {_FRAMES_HZ} frames of {_FRAME_BYTES // 1000} kB per second"
    if hours < _SHORT_H:
        advice = "free some space, set keep_bytes, or choose another path"
        return Finding("disk", "warning", f"{what}{kept}: {guess}", advice)
    return Finding("disk", "ok", f"{what}{kept}: {guess}")


def files(plan: Plan, found: Disk) -> Iterator[Finding]:
    """Whether enough inodes are free."""
    if found.free_files is not None and found.free_files < _FEW_FILES:
        level: Level = "warning" if found.free_files else "fault"
        what = f"{found.folder}, where {plan.name} writes, has inodes for {found.free_files:,} more files"
        yield Finding("disk", level, what, "delete small files there, or choose another path")


def duration(hours: float) -> str:
    """An approximate time."""
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:,.0f} days"
