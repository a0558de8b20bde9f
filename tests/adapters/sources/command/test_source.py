"""The source `command`, with real programs."""

import io
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image
from pydantic import ValidationError

from beats.adapters.sources.command import CommandSettings
from beats.adapters.sources.command import source as command_source
from beats.adapters.sources.command.source import MESSAGE_BYTES, CommandSource
from beats.kernel.envelope import Frame, Message, Peripheral
from beats.kernel.errors import InputError
from beats.kernel.resources import Program, Resources
from tests.adapters.sinks.websocket.support import until
from tests.adapters.sources.support import Awaited, context
from tests.support import PORT_0, beats, watching
from tests.support import until as wait_until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


WRITE = "import json, os, signal, sys, time\nout = sys.stdout.buffer\n"
"""How each program begins."""


def settings_of(code: str, **settings: Any) -> CommandSettings:
    """Of a program in Python."""
    return CommandSettings.model_validate(
        {"type": "command", "run": [sys.executable, "-c", WRITE + code], **settings}
    )


def source_of(code: str, **settings: Any) -> CommandSource:
    return CommandSource(settings_of(code, **settings), context("cam"))


async def published(source: CommandSource) -> list[Message]:
    """All messages of a program that ends."""
    publish = Awaited()
    with anyio.fail_after(20):
        await source.run(publish)
    return publish.messages


@asynccontextmanager
async def running(source: CommandSource, publish: Awaited | None = None) -> AsyncGenerator[Awaited]:
    """A source that is cancelled at the end of the block."""
    publish = publish or Awaited()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(source.run, publish)
            yield publish
            group.cancel_scope.cancel()


def is_there(pid: int) -> bool:
    """Whether a process runs: one that has ended may not be reaped yet (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_lines_are_published_in_order() -> None:
    """As those of the source jsonl: a wrong one is reported, and the last needs no newline."""
    source = source_of('print(\'{"id": "knob", "data": 1}\\noops\\n{"id": "knob", "data": 2}\', end="")')
    assert await published(source) == [Peripheral("knob", 1), Peripheral("knob", 2)]
    assert source.metrics() == {
        "running": 0,
        "invalid_total": 1,
        "refused_total": 0,
        "messages_total": 0,
    }


async def test_arguments_come_to_the_program_as_they_are() -> None:
    """There is no shell in between that would read them."""
    arguments = ["$HOME", "*", "a b", "; exit 1", "`id`", "> file"]
    run = [sys.executable, "-c", "import json, sys; print(json.dumps({'data': sys.argv[1:]}))", *arguments]
    source = CommandSource(CommandSettings.model_validate({"type": "command", "run": run}), context("cam"))
    [message] = await published(source)
    assert isinstance(message, Peripheral)
    assert message.data == arguments


@pytest.mark.parametrize("codec", ["mjpeg", "png"])
async def test_pictures_of_ffmpeg_pass_through(codec: str) -> None:
    """Each file that it writes is a frame, unchanged and with its size."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    run = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5"]
    run += ["-f", "image2pipe", "-c:v", codec, "-"]
    settings = {"type": "command", "run": run, "format": "pictures", "picture": "cam"}
    source = CommandSource(CommandSettings.model_validate(settings), context())
    frames = await published(source)
    kind = {"mjpeg": "image/jpeg", "png": "image/png"}[codec]
    assert [
        (frame.id, frame.media_type, frame.width, frame.height)
        for frame in frames
        if isinstance(frame, Frame)
    ] == [("cam", kind, 64, 48)] * 5
    assert source.reports.counts == {}


@pytest.mark.parametrize(
    ("mode", "pixel", "colour"),
    [
        ("rgb", b"\x01\x02\x03", (1, 2, 3)),
        ("bgr", b"\x01\x02\x03", (3, 2, 1)),
        ("rgba", b"\x01\x02\x03\x04", (1, 2, 3, 4)),
        ("gray", b"\x07", 7),
    ],
)
async def test_pixels_are_frames_of_a_size(mode: str, pixel: bytes, colour: object) -> None:
    """In any mode, with the newest surviving; a frame that is cut off is reported."""
    pixels = pixel * 12
    code = f"for _ in range(3): out.write({pixels!r})\nout.write(b'x')"
    source = source_of(code, format="pixels", size=[4, 3], mode=mode, picture="cam")
    publish = Awaited()
    with anyio.fail_after(20):
        await source.run(publish)
        await until(lambda: publish.messages)  # encoded in a thread
    frame = publish.messages[0]
    assert isinstance(frame, Frame)
    assert (frame.id, frame.width, frame.height) == ("cam", 4, 3)
    assert Image.open(io.BytesIO(frame.data)).getpixel((3, 2)) == colour


async def test_a_frame_that_is_cut_off_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """With its bytes."""
    await published(source_of("out.write(bytes(5))", format="pixels", size=[4, 3]))
    assert "the output ended within a frame, after 5 of 36 bytes" in caplog.text


@pytest.mark.parametrize(
    ("restart", "code", "error"),
    [
        ("on_failure", "sys.exit('no camera')", (ChildProcessError, "ended with exit code 1: no camera")),
        ("on_failure", "os.kill(os.getpid(), signal.SIGSEGV)", (ChildProcessError, "ended by SIGSEGV")),
        ("on_failure", "", None),
        ("always", "", (ChildProcessError, "ended with exit code 0")),
        ("never", "sys.exit(3)", (InputError, "ended with exit code 3")),
        ("never", "", None),
    ],
)
async def test_the_setting_restart_says_after_what_it_fails(
    restart: str, code: str, error: tuple[type[Exception], str] | None
) -> None:
    """The kernel starts again what fails, but for an InputError; the message has its last words."""
    source = source_of(code, restart=restart)
    if error is None:
        assert await published(source) == []
    else:
        with pytest.raises(error[0], match=error[1]):
            await published(source)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"max_line_bytes": 100}, "line 1 is skipped: it has more than max_line_bytes = 100"),
        ({"format": "pictures", "max_picture_bytes": 1024}, "bytes belong to no PNG, JPEG or WebP file"),
        ({}, "4,000 bytes so far without a line: is its format 'jsonl'?"),
        ({"format": "pictures"}, "4,000 bytes so far without a picture: is its format 'pictures'?"),
        ({"format": "pixels", "size": [99, 99]}, "4,000 bytes so far without a whole frame"),
    ],
)
async def test_an_output_that_is_never_understood_is_reported(
    settings: dict[str, Any], fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the program runs: at the bound, or after some time."""
    monkeypatch.setattr(command_source, "PUZZLED_S", 0.5)
    async with running(source_of("out.write(b'1 2 ' * 1000); out.flush(); time.sleep(99)", **settings)):
        await until(lambda: fault in caplog.text)


async def test_messages_of_the_program_are_logged_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    """A few in full, without control characters; a flood and endless lines are counted."""
    caplog.set_level(logging.INFO)
    code = "sys.stderr.write('\\x1b[31mred\\n' * 999 + 'x' * 100_000 + '\\rlast'); sys.exit(1)"
    with pytest.raises(ChildProcessError, match="exit code 1: last"):
        await published(source_of(code))
    assert "source 'cam':  [31mred\n" in caplog.text
    assert len(caplog.records) < 20
    assert all(len(record.getMessage()) < MESSAGE_BYTES + 100 for record in caplog.records)


async def test_a_cancelled_source_ends_its_program_and_the_children_of_it() -> None:
    """Also those that ignore SIGTERM and SIGPIPE, and write no more."""
    code = (
        "child = os.fork()\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.write(1, json.dumps({'data': os.getpid()}).encode() + b'\\n')\n"
        "time.sleep(1000)"
    )
    source = source_of(code)
    async with running(source) as publish:
        await publish.messages_to_be(2)
        pids = [message.data for message in publish.messages if isinstance(message, Peripheral)]
        assert all(isinstance(pid, int) and is_there(pid) for pid in pids)
        assert source.metrics()["running"] == 1
    # Killed already; the system may take a moment to clear away what has no parent.
    await until(lambda: not any(isinstance(pid, int) and is_there(pid) for pid in pids))


async def test_a_child_with_a_session_of_its_own_is_left_alone() -> None:
    """As a daemon is: it is for the program to end it."""
    code = (
        "is_child = not os.fork()\n"
        "if is_child: os.setsid()\n"
        "os.write(1, json.dumps({'id': str(is_child), 'data': os.getpid()}).encode() + b'\\n')\n"
        "time.sleep(1000)"
    )
    async with running(source_of(code)) as publish:
        await publish.messages_to_be(2)
        pids = {message.id: message.data for message in publish.messages if isinstance(message, Peripheral)}
    program, child = pids["False"], pids["True"]
    assert isinstance(program, int)
    assert isinstance(child, int)
    try:
        assert not is_there(program)
        assert is_there(child)
    finally:
        os.kill(child, signal.SIGKILL)


async def test_a_program_may_end_in_its_own_way(tmp_path: Path) -> None:
    """It gets SIGTERM first, and the time to clean up."""
    code = (
        "def end(*_):\n    time.sleep(0.1); open('ended', 'w').close(); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('{\"data\": 1}', flush=True)\ntime.sleep(1000)"
    )
    async with running(source_of(code, cwd=tmp_path)) as publish:
        await publish.messages_to_be(1)
    assert (tmp_path / "ended").exists()


def test_a_program_ends_when_beats_is_killed(tmp_path: Path) -> None:
    """It writes into a pipe without a reader."""
    code = f"{WRITE}while True: print(json.dumps({{'data': os.getpid()}}), flush=True); time.sleep(0.01)"
    (tmp_path / "config").mkdir()
    profile = f"[sources.it]\ntype = 'command'\nrun = {json.dumps([sys.executable, '-c', code])}\n"
    (tmp_path / "config" / "lab.toml").write_text(profile)
    arguments = ("run", "--profile", "lab", *PORT_0, "--set", "sources.demo.enabled=false")
    with beats(*arguments, cwd=tmp_path, stdin=None) as program:
        with watching(program.url) as viewer:
            message = viewer.next().message
        assert isinstance(message, Peripheral)
        pid = message.data
        assert isinstance(pid, int)
        assert is_there(pid)
        program.signal(signal.SIGKILL)
        program.end()
    wait_until(lambda: not is_there(pid))


class Closed(Awaited):
    """Takes one message, and waits until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = anyio.Event()

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message, and wait."""
        sequence = await super().__call__(message, captured_unix_ns=captured_unix_ns)
        await self.open.wait()
        return sequence


async def test_a_program_that_floods_is_held_back_by_its_pipe(tmp_path: Path) -> None:
    """What it has written when nothing is taken is bounded, and none of it is lost."""
    code = (
        "os.set_blocking(1, False)\n"
        "line, total, full = json.dumps({'data': 'x' * 987}).encode() + b'\\n', 0, 0\n"
        "while full < 5:\n"
        "    try:\n        total += os.write(1, line[total % 1000:]); full = 0\n"
        "    except BlockingIOError:\n        full += 1; time.sleep(0.02)\n"
        "open('total', 'w').write(str(total))\n"
    )
    publish = Closed()
    async with running(source_of(code, cwd=tmp_path), publish):
        await publish.messages_to_be(1)
        await until(lambda: (tmp_path / "total").exists() and (tmp_path / "total").read_text())
        total = int((tmp_path / "total").read_text())
        assert total < 2_000_000
        publish.open.set()
        await publish.messages_to_be(total // 1000)


async def test_folder_and_variables_are_set(tmp_path: Path) -> None:
    """The program has those of Beats as well."""
    code = "print(json.dumps({'data': [os.getcwd(), os.environ['LAB'], 'PATH' in os.environ]}))"
    found = await published(source_of(code, cwd=tmp_path, env={"LAB": "x"}))
    assert found == [Peripheral("", [str(tmp_path), "x", True])]
    assert "'x'" not in repr(settings_of(code, env={"LAB": "x"}))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"run": ["no-such-program"]}, "the program 'no-such-program' is not in PATH: install it"),
        ({"run": ["./nothing"]}, "the program './nothing' is no file that can be run: name one"),
        ({"run": ["ls"], "cwd": Path("nowhere")}, "cannot run in 'nowhere', which is not a folder: name one"),
        ({"run": ["ls"], "env": {"PATH": "/nowhere"}}, "the program 'ls' is not in PATH"),
    ],
)
async def test_a_missing_program_is_named(settings: dict[str, object], fault: str) -> None:
    """The source fails, and is tried again: it may be installed meanwhile."""
    checked = CommandSettings.model_validate({"type": "command", **settings})
    with pytest.raises(FileNotFoundError, match=fault.replace(".", r"\.")):
        await CommandSource(checked, context()).run(Awaited())


async def test_no_descriptor_stays_open() -> None:
    """However the program ends."""
    await published(source_of(""))
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open more of them
    await published(source_of("print(1)"))
    async with running(source_of("print('{\"data\": 1}', flush=True); time.sleep(99)")) as publish:
        await publish.messages_to_be(1)
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"run": []}, "at least 1 item"),
        ({"run": [""]}, "run begins with an empty text"),
        ({"format": "pixels"}, 'size and format = "pixels" belong together'),
        ({"size": [4, 3]}, 'size and format = "pixels" belong together'),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], fault: str) -> None:
    """With what would be right."""
    with pytest.raises(ValidationError, match=fault):
        CommandSettings.model_validate({"type": "command", "run": ["ls"], **settings})


def test_the_program_is_what_it_needs() -> None:
    """In its folder, and in its own PATH."""
    settings = settings_of("", cwd=Path("lab"), env={"PATH": "/opt/bin"})
    program = Program("run", sys.executable, Path("lab"), "/opt/bin")
    assert settings.resources("x") == Resources(programs=(program,))
    assert json.loads(settings.model_dump_json())["env"] == {"PATH": "**********"}
