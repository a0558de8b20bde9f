"""Single keys, from bytes and from a real pseudo-terminal."""

import os
import pty
import signal
import sys
import termios
from collections.abc import Generator
from contextlib import aclosing
from io import StringIO
from pathlib import Path

import anyio
import pytest

from beats.cli import keys
from tests.adapters.sources.replay.recordings import recorded
from tests.cli.terminal import Terminal, on_a_terminal
from tests.support import PORT_0, TIMEOUT_S

pytestmark = pytest.mark.anyio
TIMES = "\u00d7"
"""The sign of multiplication."""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" q,.", [" ", "q", ",", "."]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOB\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        (b"a\x1b[Cb", ["a", "right", "b"]),
        (b"\x1b", ["\x1b"]),
    ],
)
def test_what_a_terminal_sends_becomes_keys(data: bytes, expected: list[str]) -> None:
    """Arrows in both terminal modes have names; other keys are characters."""
    assert list(keys.parse(data)) == expected


def test_keys_that_are_not_known_are_not_taken_for_others() -> None:
    """Page up, or an arrow with Ctrl, neither steps nor quits."""
    known = {" ", "q", ",", ".", "up", "down", "left", "right"}
    for data in (b"\x1b[5~", b"\x1b[1;5C", b"\x1bOP", b"\xc3\xa4", b"\x1b[15~"):
        assert not known & set(keys.parse(data))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Generator[int]:
    """Standard input is a terminal, of which this is the other side."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


async def once_raw(terminal: int) -> None:
    """Wait until each key is sent at once: what was typed before is thrown away."""
    while termios.tcgetattr(terminal)[3] & termios.ICANON:
        await anyio.lowlevel.checkpoint()


async def take(count: int, terminal: int, *data: bytes) -> list[str]:
    taken: list[str] = []

    async def press() -> None:
        await once_raw(terminal)
        for each in data:
            os.write(terminal, each)
            await anyio.sleep(0.01)  # so that they are read one by one, if they can be

    async with anyio.create_task_group() as group, aclosing(keys.pressed()) as pressed:
        with anyio.fail_after(TIMEOUT_S):
            group.start_soon(press)
            async for key in pressed:
                taken.append(key)
                if len(taken) == count:
                    break
    return taken


async def test_keys_come_as_they_are_pressed(terminal: int) -> None:
    """Even many at once: no arrow is lost between two reads."""
    wanted = [" ", *["left"] * 50, "q"]
    assert await take(52, terminal, b" " + b"\x1b[D" * 50 + b"q") == wanted
    assert await take(3, terminal, b"\x1b", b"[C\x1b[", b"Aq") == ["right", "up", "q"]
    assert await take(2, terminal, b"\x1b", b"q") == ["\x1b", "q"]


async def test_the_terminal_is_as_it_was_afterwards(terminal: int) -> None:
    """However it ends: closed, cancelled, or with a closed terminal."""
    before = termios.tcgetattr(sys.stdin.fileno())
    await take(1, terminal, b" ")
    assert termios.tcgetattr(sys.stdin.fileno()) == before
    with anyio.move_on_after(0.01):
        async with aclosing(keys.pressed()) as pressed:
            async for _ in pressed:
                pytest.fail("nobody pressed a key")
    assert termios.tcgetattr(sys.stdin.fileno()) == before


async def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piped input is no keyboard; a terminal may be closed while a process ignores SIGHUP."""
    monkeypatch.setattr(sys, "stdin", StringIO("q"))
    async with aclosing(keys.pressed()) as pressed:
        assert [key async for key in pressed] == []
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as stdin, anyio.fail_after(TIMEOUT_S):
        monkeypatch.setattr(sys, "stdin", stdin)
        async with anyio.create_task_group() as group:
            group.start_soon(_until_the_end)
            await once_raw(ours)
            os.close(ours)


async def test_a_job_in_the_background_leaves_the_terminal_alone(
    terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another job has the terminal; using it would stop this one."""
    before = termios.tcgetattr(sys.stdin.fileno())
    monkeypatch.setattr(os, "tcgetpgrp", lambda fd: os.getpgrp() + 1)  # pyright: ignore
    async with aclosing(keys.pressed()) as pressed:
        assert [key async for key in pressed] == []
    assert termios.tcgetattr(sys.stdin.fileno()) == before


async def _until_the_end() -> None:
    async with aclosing(keys.pressed()) as pressed:
        async for _ in pressed:
            pass


@pytest.fixture
def show(tmp_path: Path) -> Generator[Terminal]:
    """A replay of a minute on a terminal."""
    path = recorded(tmp_path, 600)
    with on_a_terminal("replay", str(path), *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as terminal:
        yield terminal


def test_a_person_steers_a_replay(show: Terminal) -> None:
    """Space, arrows, comma, point and q do what the help line says, and the terminal is restored."""
    before = show.settings()
    show.wait_for(r"space pause · ← → 5 s · , \. a frame · ↑ ↓ speed · q quit")
    assert show.is_raw
    show.press(" ")
    show.wait_for(rf"⏸ 0:0\d\.\d / 0:59\.9 .*{TIMES}1\b")
    show.press("right", "right")
    at_s = float(show.wait_for(r"⏸ 0:(1\d\.\d) /")[1])
    show.press("left")
    show.wait_for(rf"⏸ 0:0{at_s - 5:.1f} /")
    show.press(".", ".", ",")
    show.wait_for(rf"⏸ 0:0({at_s - 5 + 0.05:.1f}|{at_s - 5 + 0.1:.1f}|{at_s - 4.8:.1f}) /")
    for key, speed in (("up", "2"), ("up", "5"), ("down", "2"), ("down", "1"), ("down", r"0\.5")):
        show.press(key)
        show.wait_for(rf"{TIMES}{speed}\b")
    show.press(" ")
    show.wait_for("▶ 0:")
    show.press("q")
    assert show.end() == 0
    assert "published" in show.text
    assert show.settings() == before


@pytest.mark.parametrize("by_key", [False, True])
def test_an_interrupt_restores_the_terminal(show: Terminal, by_key: bool) -> None:
    """SIGINT, or Ctrl-C on the terminal itself, ends the replay in order."""
    before = show.settings()
    show.wait_for("q quit")
    assert show.is_raw
    if by_key:
        show.press("\x03")
    else:
        show.process.send_signal(signal.SIGINT)
    assert show.end() == 0
    assert show.settings() == before
