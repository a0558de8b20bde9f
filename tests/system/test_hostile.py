"""What a client that means harm does to the others: the real command, and clients in other processes."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from beats.kernel.envelope import Sealed
from tests.support import BEATS, PORT_0, TIMEOUT_S, Program, Viewer, beats, clean_environment, watching

FPS: Final = 20
WINDOW: Final = 2 * FPS
SET: Final = (*PORT_0, "--set", f"sources.demo.fps={FPS}")


@contextmanager
def harm(kind: str, program: Program) -> Generator[None]:
    """Have a client do harm while the block lasts."""
    port = str(program.port)
    command = [sys.executable, "-m", "tests.system.hostile", kind, port]
    with Program(command, Path(__file__).parents[2], clean_environment(), subprocess.PIPE) as client:
        client.out.wait_for("begun")
        try:
            yield
        finally:
            client.close_input()
        assert client.end() == 0, client.err.text()


def frames(viewer: Viewer) -> list[tuple[Sealed, float]]:
    """Those of two seconds, each with its age when it came."""
    found: list[tuple[Sealed, float]] = []
    while not found or found[-1][0].captured_unix_ns - found[0][0].captured_unix_ns < WINDOW / FPS * 1e9:
        envelope = viewer.until(lambda envelope: envelope.topic == "frame")
        found.append((envelope, time.time() - envelope.captured_unix_ns / 1e9))
    return found


def sometime(viewer: Viewer, condition: Callable[[list[tuple[Sealed, float]]], bool]) -> None:
    """Wait for two seconds in which a condition holds: there is other work on this machine."""
    end_s = time.monotonic() + TIMEOUT_S
    while not condition(found := frames(viewer)):
        ages = sorted(age for _, age in found)
        assert time.monotonic() < end_s, f"the last: {len(found)} frames, the oldest {ages[-1]:.3f} s old"


def are_all_there(found: list[tuple[Sealed, float]]) -> bool:
    """Whether a viewer got as many frames as were to be made, give or take one in twenty."""
    return len(found) >= 0.95 * WINDOW


def are_fresh(found: list[tuple[Sealed, float]]) -> bool:
    """Whether of a hundred frames all but one were young when they came."""
    ages = sorted(age for _, age in found)
    return ages[int(0.99 * (len(ages) - 1))] <= 0.1


def resident_bytes(program: Program) -> int:
    """Memory of a process: proc_pid_statm(5)."""
    pages = int(Path(f"/proc/{program.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.parametrize("kind", ["pings", "pongs", "unread"])
def test_a_flood_of_control_frames_takes_nothing_from_others(kind: str, tmp_path: Path) -> None:
    """Another viewer gets at least 95 % of the frames, memory does not grow, and the log stays short."""
    with beats("run", *SET, cwd=tmp_path) as program, watching(program.url) as viewer:
        viewer.take(FPS)
        before = resident_bytes(program)
        with harm(kind, program):
            sometime(viewer, are_all_there)
            sometime(viewer, are_all_there)
            assert resident_bytes(program) - before < 16_000_000
        viewer.take(FPS)
        assert program.interrupt() == 0
        assert len(program.err.text().splitlines()) < 20


def test_connections_that_hang_take_nothing_from_viewers(tmp_path: Path) -> None:
    """1,100 of them where 1,024 files may be open: frames are fresh, health is answered, viewers come in."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    command = (*BEATS, "run", *SET)
    with (
        Program(command, tmp_path, clean_environment(), before=limit) as program,
        watching(program.url) as viewer,
    ):
        viewer.take(FPS)
        with harm("idle:1100", program):
            sometime(viewer, are_fresh)
            assert [program.fetch(path).status for path in ("/livez", "/readyz", "/healthz")] == [200] * 3
            with watching(program.url) as late:
                late.take(1)
            sometime(viewer, are_fresh)
            sometime(viewer, are_all_there)
        assert program.interrupt() == 0
        assert len(program.err.text().splitlines()) < 20
