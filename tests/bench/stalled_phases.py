"""The words of the stalled-client benchmark, and what is looked at during a phase of it."""

import os
import statistics
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.peers.process import AnswerError

RSS_LIMIT_BYTES: Final = 1_500_000_000
_NAN: Final = float("nan")


class Work(NamedTuple):
    """What the healthy clients watch."""

    name: str
    size: int
    rate_hz: float


class Scenario(NamedTuple):
    """Who misbehaves while they do."""

    name: str
    title: str
    manner: str
    """As `tests.bench.crowd` calls it; empty for nobody."""
    clients: int


class Times(NamedTuple):
    """How long the phases are, and how often both are gone through."""

    without_s: float
    with_s: float
    cycles: int


class Phase(NamedTuple):
    """What healthy clients and producer saw for a while."""

    p50_ms: float
    p99_ms: float
    publish_p99_us: float
    publish_cpu_p99_us: float
    peak_bytes: int


class TooMuchError(Exception):
    """The server takes more memory than it is allowed to take here."""


def rss_bytes(pid: int) -> int:
    """The memory of a process that is in RAM.

    Raises:
        AnswerError: the process has ended.
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        raise AnswerError(f"process {pid} has ended") from None


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open.

    Raises:
        AnswerError: the process has ended.
    """
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        raise AnswerError(f"process {pid} has ended") from None


def compared(without: list[Phase], with_: list[Phase]) -> dict[str, Any]:
    """The medians of the phases with and without a crowd, and their ratios."""
    result: dict[str, Any] = {}
    for name in ("p50_ms", "p99_ms", "publish_p99_us", "publish_cpu_p99_us"):
        base = [getattr(phase, name) for phase in without]
        now = [getattr(phase, name) for phase in with_]
        result[f"base_{name}"] = statistics.median(base) if base else _NAN
        result[name] = statistics.median(now) if now else _NAN
        result[f"{name}_x"] = result[name] / result[f"base_{name}"]
    base_peak = max((phase.peak_bytes for phase in without), default=0)
    peak = max((phase.peak_bytes for phase in with_), default=RSS_LIMIT_BYTES)
    result["peak_mb"] = (peak - base_peak) / 1e6
    return result
