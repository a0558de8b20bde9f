"""The machine that figures are taken with, and processes that are measured on it."""

import json
import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("websockets", "picows", "foxglove-sdk")


def pin(cpu: int | None) -> None:
    """Keep this process, with all its threads, on one CPU."""
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})


def answer(message: dict[str, object]) -> None:
    """Answer a command, as the process that was asked."""
    print(json.dumps(message), flush=True)


def describe() -> str:
    """Cores, CPU, system, Python, packages."""
    parts = [f"{os.cpu_count()} cores of {_cpu()}", f"{platform.system()} {platform.release()}"]
    parts.append(f"{platform.python_implementation()} {platform.python_version()}")
    for package in _PACKAGES:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} not installed")
    return ", ".join(parts)


def rest_factor(rest_s: float = 1 / 60, calls: int = 40) -> float:
    """How many times longer the same few microseconds of Python take after a rest than in a row.

    A processor that slept has cold caches, and a virtual one may have run something else: far more
    than what is measured here. It is in every figure at 60 messages a second, and in none when flat out.
    """
    return _work_ns(calls, rest_s) / _work_ns(calls, 0.0)


def _work_ns(calls: int, rest_s: float) -> float:
    taken_ns: list[int] = []
    for _ in range(calls):
        if rest_s:
            time.sleep(rest_s)
        begin_ns = time.perf_counter_ns()
        total = 0
        for number in range(100):
            total += number
        taken_ns.append(time.perf_counter_ns() - begin_ns)
    return statistics.median(taken_ns)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
