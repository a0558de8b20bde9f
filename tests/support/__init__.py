"""What tests of several parts use: pictures, viewers, and the real command as a process."""

import http.client
import importlib
import io
import json
import logging
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self, cast
from urllib.parse import urlsplit

import pytest
from PIL import Image
from typer.testing import CliRunner
from websockets.sync.client import ClientConnection, connect

from beats.kernel.envelope import Sealed
from beats.kernel.stats import QueueStats
from beats.proto.codec import StreamCodec
from beats.runtime.control_socket import instances

TIMEOUT_S: Final = 20.0
"""Longest wait for anything; what is waited for takes milliseconds."""
CODEC: Final = StreamCodec()
BEATS: Final = (sys.executable, "-m", "beats")
PORT_0: Final = ("--set", "sinks.browser.port=0")

_KEPT_VARIABLES: Final = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START")


def picture(form: str, width: int = 1, height: int = 1, shade: int = 0) -> bytes:
    """A whole file of one grey, in a format by its name, such as `jpeg`."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (shade,) * 3).save(file, form)
    return file.getvalue()


def tiny_png(grey: int = 0) -> bytes:
    """A whole PNG file of one grey pixel; another one for each value up to 65535."""
    header = struct.pack(">IIBBBBB", 1, 1, 16, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0" + struct.pack(">H", grey))
    chunks = [(b"IHDR", header), (b"IDAT", pixel), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def png_of(image: Image.Image, **options: object) -> bytes:
    """The PNG file of a picture, by Pillow."""
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def clean_environment(**variables: str) -> dict[str, str]:
    """No BEATS_ variable, and nothing that says how wide or colourful a terminal is, but `variables`."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONWARNINGS": "error", **variables}


def install_adapter(
    folder: Path, group: str, name: str, code: str, monkeypatch: pytest.MonkeyPatch | None = None
) -> None:
    """Make `folder`, once it is on the module path, look like an installed package with one adapter.

    Args:
        folder: where its files go.
        group: `sinks` or `sources`.
        name: the adapter's; its module is `beats_<name>`.
        code: the module's text.
        monkeypatch: puts the folder on this process's path; another one is given it as PYTHONPATH.
    """
    folder.mkdir(exist_ok=True)
    (folder / f"beats_{name}.py").write_text(code)
    about = folder / f"beats_{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: beats-{name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[beats.{group}]\n{name} = beats_{name}\n")
    if monkeypatch is not None:
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        # One of another test may have this name: what it loaded must not stand in for this one.
        monkeypatch.delitem(sys.modules, f"beats_{name}", raising=False)
        importlib.invalidate_caches()


STUCK_SINK: Final = """
import anyio
from beats.config.settings import SinkSettings
from beats.kernel.ports import SinkKind


class StuckSettings(SinkSettings):
    pass


class StuckSink:
    def __init__(self, settings, context):
        pass

    async def run(self, queue):
        await queue.take(1)
        await anyio.sleep_forever()


SINK = SinkKind(settings=StuckSettings, sink=StuckSink, summary="takes one envelope and never returns")
"""
"""An adapter that cannot drain."""


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that no event tells of."""
    end_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s, "it does not come about"
        time.sleep(0.01)


def is_exact(queue: QueueStats) -> bool:
    """Whether every envelope is accounted for, and every drop has a reason."""
    explained = sum(drop.items for drop in queue.drops) == queue.dropped.items
    return explained and queue.offered == queue.taken.plus(queue.dropped).plus(queue.waiting)


class Viewer:
    """A client written with the plain `websockets` library; keeps all that it was sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection: Final = connection
        self.raw: Final[list[bytes]] = []
        self.seen: Final[list[Sealed]] = []

    def next(self) -> Sealed:
        """Wait for the next envelope."""
        message = self.connection.recv(timeout=TIMEOUT_S)
        assert isinstance(message, bytes), "the stream is binary"
        self.raw.append(message)
        self.seen.append(CODEC.decode(message))
        return self.seen[-1]

    def take(self, count: int) -> list[Sealed]:
        """Wait for so many envelopes."""
        return [self.next() for _ in range(count)]

    def until(self, wanted: Callable[[Sealed], bool]) -> Sealed:
        """Wait for an envelope."""
        while not wanted(found := self.next()):
            pass
        return found

    def topics(self) -> dict[str, list[int]]:
        """The sequence numbers of each topic, in the order in which they came."""
        found: dict[str, list[int]] = {}
        for envelope in self.seen:
            found.setdefault(envelope.topic, []).append(envelope.sequence)
        return found

    @property
    def is_gap_free(self) -> bool:
        """Whether no number of any topic is missing, and all came in order."""
        topics = self.topics().values()
        return all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in topics)

    @property
    def is_rising(self) -> bool:
        """Whether the numbers of each topic came in order, each once."""
        return all(numbers == sorted(set(numbers)) for numbers in self.topics().values())

    def by_place(self) -> dict[tuple[str, int], bytes]:
        """The bytes of each envelope by topic and number."""
        both = zip(self.seen, self.raw, strict=True)
        return {(envelope.topic, envelope.sequence): raw for envelope, raw in both}


@contextmanager
def watching(url: str, **options: Any) -> Generator[Viewer]:
    """A viewer that is connected; `options` are the library's."""
    # max_queue=None: it reads on although the test does not, and so never fails to see the close frame.
    usual = {"open_timeout": TIMEOUT_S, "close_timeout": TIMEOUT_S, "max_size": None, "max_queue": None}
    opening = cast("Callable[..., ClientConnection]", connect)
    with opening(url, **usual, proxy=None, **options) as connection:
        yield Viewer(connection)


class Output:
    """The lines that a process writes, as they come."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe: Final = pipe
        self._lines: Final[list[str]] = []
        self._more: Final = threading.Condition()
        self._ended = False
        self._thread: Final = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line with a match."""
        found: re.Match[str] | None = None
        looked_at = 0

        def look() -> bool:
            nonlocal found, looked_at
            lines, looked_at = self._lines[looked_at:], len(self._lines)
            found = next((match for line in lines if (match := re.search(pattern, line))), None)
            return found is not None or self._ended

        with self._more:
            assert self._more.wait_for(look, TIMEOUT_S), f"no {pattern!r} in {self._lines}"
        assert found is not None, f"no {pattern!r} in {self._lines}, and nothing more will come"
        return found

    def line(self, index: int, timeout_s: float = TIMEOUT_S) -> str | None:
        """Wait for the line with this index; None when it does not come."""
        with self._more:
            self._more.wait_for(lambda: len(self._lines) > index or self._ended, timeout_s)
            return self._lines[index] if len(self._lines) > index else None

    def so_far(self) -> str:
        """What was written until now."""
        with self._more:
            return "".join(self._lines)

    def text(self) -> str:
        """All that was written, once the process has ended."""
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive(), "something still holds the pipe open"
        return "".join(self._lines)

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._more:
                    self._lines.append(line)
                    self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()


def _hear_sigint() -> None:
    """What a shell runs in the background ignores SIGINT, and so would everything started from there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Answer(NamedTuple):
    """What came over HTTP."""

    status: int
    text: str
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        """As a document."""
        return json.loads(self.text)


def asked(connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask on a connection, which ends then."""
    with closing(connection):
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(), response.headers)


class Program:
    """A process with a session of its own, so that whatever it starts can be found."""

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        stdin: int | None = None,
        *,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Start it; `before` runs in the new process before the program does."""

        def prepare() -> None:
            _hear_sigint()
            before()

        self.process: Final = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
            preexec_fn=prepare,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out: Final = Output(self.process.stdout)
        self.err: Final = Output(self.process.stderr)

    @property
    def url(self) -> str:
        """Where the first sink that listens is; waits for it."""
        try:
            return self.out.wait_for(r"^On air: (?:.* stream )?(wss?://[^)\s]+)")[1]
        except AssertionError as error:
            error.add_note(f"on standard error so far: {self.err.so_far()}")
            raise

    @property
    def port(self) -> int:
        """The port of that sink."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def fetch(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask that sink over HTTP, on a connection of its own."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        return asked(connection, path, method, **headers)

    def write(self, *lines: str) -> None:
        """Write lines to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.writelines(f"{line}\n" for line in lines)
        self.process.stdin.flush()

    def close_input(self) -> None:
        """Say that no line will follow."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send a signal, SIGINT if not told otherwise."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; gives the exit code, negative for a signal."""
        code = self.process.wait(TIMEOUT_S)
        self.out.text()
        self.err.text()
        return code

    def interrupt(self) -> int:
        """Send SIGINT and wait for the end; gives the exit code."""
        self.signal()
        return self.end()

    def leaves_nothing(self) -> bool:
        """Whether no process of its session is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """A test that failed leaves no process behind."""
        if not self.leaves_nothing():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT_S)
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.out.text()
        self.err.text()


def beats(*arguments: str, cwd: Path, stdin: int | None = None, **variables: str) -> Program:
    """Start the real command in a clean environment; a context manager.

    Args:
        arguments: those of `beats`.
        cwd: the current folder.
        stdin: as for `subprocess.Popen`; nothing when None.
        variables: added to the environment.
    """
    return Program([*BEATS, *arguments], cwd, clean_environment(**variables), stdin)


def ran(*arguments: str, cwd: Path, **variables: str) -> tuple[int, str, str]:
    """Run the real command to its end; gives exit code, standard output and standard error."""
    with beats(*arguments, cwd=cwd, stdin=None, **variables) as program:
        return program.end(), program.out.text(), program.err.text()


def called(*arguments: str, cwd: Path, **variables: str) -> tuple[int, str, str]:
    """As `ran`, but in this process, which is much faster; logging is as before afterwards."""
    from beats.cli import app

    root, ours = logging.getLogger(), logging.getLogger("beats")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(cwd)
            result = CliRunner().invoke(
                app, arguments, env=variables, prog_name="beats", catch_exceptions=False
            )
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
    return result.exit_code, result.stdout, result.stderr


def until_it_hears(runtime_folder: Path) -> None:
    """Wait until a Beats with this XDG_RUNTIME_DIR hears commands: it says before that it is on air."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
        until(instances)


def python(code: str, cwd: Path, *, stdin: int | None = None, **variables: str) -> Program:
    """Start a program that embeds Beats; a context manager."""
    return Program([sys.executable, "-c", code], cwd, clean_environment(**variables), stdin)


SHIPPED_PROFILES: Final = (
    "default",
    "desk",
    "edge",
    "headless",
    "home",
    "kiosk",
    "lighting",
    "origin",
    "program",
    "record",
    "replay",
    "screen",
    "sensors",
    "studio",
    "video",
    "wall",
)
"""The profiles that come with Beats."""


def quiet(**sinks: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides for a stream without sources, with the browser on a free port and `sinks` beside it."""
    browser = {"port": 0, **sinks.pop("browser", {})}
    return {"sources": {"demo": {"enabled": False}}, "sinks": {"browser": browser, **sinks}}
