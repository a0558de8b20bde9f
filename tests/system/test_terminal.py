"""`beats top` and `beats tap` before a real run, on terminals of two sizes, as a person sees them."""

import json
import signal
import subprocess
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from beats.kernel.envelope import Peripheral
from tests.adapters.sources.replay.recordings import recorded
from tests.cli.screen import ALTERNATE, on_a_screen
from tests.support import PORT_0, Program, beats, called, watching

SIZES: Final = pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 50)])
RECORDER: Final = ("--set", "sinks.recorder.type=recorder", "--set", "sinks.recorder.min_free_bytes=0")
SLOW: Final = ("--set", "sources.demo.fps=10")
"""Enough pictures for a terminal to be drawn on."""


@pytest.fixture
def on_air(tmp_path: Path) -> Generator[Program]:
    """The demo, seen by a browser and a recorder."""
    with beats("run", *PORT_0, *RECORDER, *SLOW, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        yield program


def authority(program: Program) -> str:
    return program.url.removeprefix("ws://")


@SIZES
def test_top_shows_a_run_at_a_glance(on_air: Program, tmp_path: Path, columns: int, lines: int) -> None:
    """Who it is, what it publishes, who takes it, whether it records, and who watches; nothing wrapped."""
    place = authority(on_air)
    with (
        ExitStack() as viewers,
        on_a_screen("top", place, cwd=tmp_path, columns=columns, lines=lines) as screen,
    ):
        for _ in range(3):
            viewers.enter_context(watching(on_air.url))
        screen.wait_for(r"^127\.0\.0\.1:\d+ +live +[\d.]{3,}")
        screen.wait_for(rf"^beats [\d.]+  default  {place}  up \d+ s$")
        screen.wait_for(
            r"^\d[\d.]* frames/s  \d[\d.]* updates/s  3 viewers  cpu \d+ %  memory \d+ MB  \d+ files$"
        )
        screen.wait_for(r"^demo +running +\d[\d.]* ")
        screen.wait_for(r"^browser +running +\d[\d.]* ")
        screen.wait_for(r"^  3 viewers +\d[\d.]* ")
        screen.wait_for(r"^recorder +running +\d[\d.]* ")
        screen.wait_for(r"^  recording  written \d[\d.]* [kM]B \(")
        seen = screen.lines()
        words = [line.split()[0] for line in seen if line and not line.startswith(" ")]
        named = ["source", "demo", "sink", "browser", "recorder", "viewer"]
        assert [word for word in words[2:] if not word.startswith("127.")] == [*named, "?"]
        assert sum(line.startswith("127.") for line in seen) == 3
        assert ("why dropped" in screen.text()) == (columns == 200)
        screen.press("q")
        assert screen.end() == 0


def test_top_survives_a_server_that_is_killed(tmp_path: Path) -> None:
    """It says so, shows what was last, and goes on by itself with the next one on that port."""
    with beats("run", *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        place = authority(program)
        port = place.rpartition(":")[2]
        with on_a_screen("top", place, "--interval", "0.2", cwd=tmp_path) as screen:
            screen.wait_for(r"^demo +running +\d")
            program.signal(signal.SIGKILL)
            assert program.end() == -signal.SIGKILL
            screen.wait_for(r"^silent for \d+ s: Connection refused; a")
            assert "demo " in screen.text()
            settings = ("--set", f"sinks.browser.port={port}", "--set", "sources.demo.type=demo")
            with beats("run", *settings, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as again:
                assert authority(again) == place
                screen.wait_for(r"^\? keys  q quit$")
                screen.wait_for(r"^demo +running +\d")
                screen.press("\x03")
                assert screen.end() == 0
                assert ALTERNATE not in screen.modes()


def test_top_shows_a_replay(tmp_path: Path) -> None:
    """Where it is, and that it is paused."""
    path = recorded(tmp_path, 600)
    with beats("replay", str(path), *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        with on_a_screen("top", program.url, "--interval", "0.2", cwd=tmp_path) as screen:
            screen.wait_for(r"^  ▶ .* \d+ s of 59 s  speed 1$")
            with watching(program.url) as viewer:
                viewer.connection.send(
                    json.dumps({"kind": "control", "command": "replay_pause", "paused": True})
                )
                screen.wait_for(r"^  ⏸ .* \d+ s of 59 s  speed 1$")
            screen.press("q")
            assert screen.end() == 0
        assert program.interrupt() == 0


def test_both_need_the_token(tmp_path: Path) -> None:
    """With another one they end with what the server says; with the right one they work."""
    secret = ("--set", "sinks.browser.token=secret")
    with beats("run", *PORT_0, *secret, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        for command in (("top", program.url, "--once"), ("tap", program.url, "--count", "1")):
            code, out, err = called(*command, cwd=tmp_path, BEATS_TOKEN="wrong")
            assert (code, out) == (1, "")
            assert "HTTP 401: This stream needs a token" in err
            assert "secret" not in err
            assert called(*command, cwd=tmp_path, BEATS_TOKEN="secret")[0] == 0


@SIZES
def test_tap_draws_the_frame_as_it_is(tmp_path: Path, columns: int, lines: int) -> None:
    """Every pixel in its place and colour, larger where there is room, with what is said of it below."""
    colours = [(12 * x, 12 * y, 255 - 12 * x) for y in range(20) for x in range(20)]
    image = Image.frombytes("RGB", (20, 20), b"".join(map(bytes, colours)))
    (tmp_path / "pictures").mkdir()
    image.save(tmp_path / "pictures" / "1.png")
    factor = 1 if lines == 24 else 3
    with (
        beats("run", "pictures", *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program,
        on_a_screen("tap", program.url, cwd=tmp_path, columns=columns, lines=lines) as screen,
    ):
        screen.wait_for(r"^frame \d+  20 x 20  \d+ B  age ")
        seen = screen.lines()
        top = next(number for number, line in enumerate(seen) if line.startswith("▀"))
        height = 10 * factor
        assert seen[top : top + height] == ["▀" * 20 * factor] * height
        assert seen[top + height].startswith("frame ")
        for row in range(height):
            for column, (above, below) in enumerate(screen.colours(top + row)[: 20 * factor]):
                for colour, y in ((above, 2 * row), (below, 2 * row + 1)):
                    assert colour == bytes(colours[y // factor * 20 + column // factor]).hex()
        screen.press("q")
        assert screen.end() == 0
        assert screen.has_cursor


def test_tap_shows_lines_above_the_picture(on_air: Program, tmp_path: Path) -> None:
    """Each whole in one line of the terminal; when its size changes, all is drawn again."""
    with on_a_screen("tap", on_air.url, cwd=tmp_path) as screen:
        before = screen.settings()
        screen.wait_for(r"^\d\d:\d\d:\d\d\.\d{3} peripheral/accel-1 +\d+ +\d+ B +[\d.]+ ms +\{\"x\":")
        screen.wait_for(r"^frame \d+  64 x 64  ")
        seen = [line for line in screen.lines() if line]
        kinds = "".join("P" if line[0] == "▀" else "f" if line.startswith("frame ") else "l" for line in seen)
        assert kinds.strip("l").strip("P") == "f", kinds
        screen.resize(100, 30)
        screen.until(
            lambda: True if screen.lines()[-1].startswith("frame ") or "▀" * 38 in screen.text() else None
        )
        screen.wait_for(r"^frame \d+  64 x 64  ")
        screen.press("\x03")
        assert screen.end() == 0
        assert screen.settings() == before
        assert screen.has_cursor


def test_what_is_tapped_can_be_put_on_air_again(tmp_path: Path) -> None:
    """`beats tap --json | beats run --stdin`: the second run's viewers get the same updates."""
    line = {"id": "knob-1", "data": {"rotation": [3, "ä"]}, "tags": ["input"], "captured_unix_ns": 5}
    with beats("run", "--stdin", *PORT_0, cwd=tmp_path, stdin=subprocess.PIPE) as first:
        first.write(json.dumps(line))
        tapping = ("tap", first.url, "--json", "--kinds", "peripheral", "--count", "1")
        code, out, err = called(*tapping, cwd=tmp_path)
        assert (code, err) == (0, "")
        first.close_input()
    with beats("run", "--stdin", *PORT_0, cwd=tmp_path, stdin=subprocess.PIPE) as second:
        with watching(second.url) as viewer:
            second.write(out.strip())
            found = viewer.next()
        assert isinstance(found.message, Peripheral)
        assert (found.message.data, found.captured_unix_ns) == (line["data"], 5)
        assert [tag.name for tag in found.message.tags] == ["input"]
        second.close_input()
        assert second.end() == 0
        assert "skipped" not in second.err.text()


def test_what_top_prints_agrees_with_the_run(on_air: Program, tmp_path: Path) -> None:
    """As JSON: everything that `Stream.stats()` has; as a table: the same names."""
    code, out, _ = called("top", on_air.url, "--once", "--json", cwd=tmp_path)
    found = json.loads(out)
    assert code == 0
    assert [sink["name"] for sink in found["stats"]["sinks"]] == ["browser", "recorder"]
    assert found["process"]["pid"] == on_air.process.pid
    code, out, _ = called("top", on_air.url, "--once", "--interval", "0.2", cwd=tmp_path)
    assert code == 0
    for name in ("demo", "browser", "recorder"):
        assert f"\n{name} " in out
