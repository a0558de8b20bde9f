"""The way in to a running `beats` from the same machine."""

import json
import os
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from beats.runtime import control_socket as instance
from beats.runtime.control_socket import Answer, Handler, Instance, NoInstanceError, ask, instances, serve
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sockets, for this test alone."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "beats"


async def hello() -> Answer:
    return {"hello": "world"}


async def broken() -> Answer:
    raise LookupError("there is none")


async def surprised() -> Answer:
    raise ZeroDivisionError("by nought")


HANDLERS: Mapping[str, Handler] = {"hello": hello, "broken": broken, "surprised": surprised}


def socket_path() -> Path:
    return instance.runtime_folder() / f"{os.getpid()}.sock"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def serve_until_it_gives_up() -> None:
    """It must do so by itself."""

    async def main() -> None:
        with anyio.fail_after(TIMEOUT_S):
            await serve(HANDLERS)

    anyio.run(main)


@asynccontextmanager
async def serving() -> AsyncGenerator[Path]:
    """An instance that answers while the block lasts."""
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(serve, HANDLERS)
            while not await to_thread.run_sync(instances):
                await anyio.lowlevel.checkpoint()
            yield socket_path()
            group.cancel_scope.cancel()


def say(data: bytes, *, close: bool = False) -> object:
    """Send bytes as they are; gives the answer, None when there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(socket_path()))
        connection.sendall(data)
        if close:
            return None
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return json.loads(answer) if answer else None


async def test_a_question_is_answered() -> None:
    """By the only instance, or by the one with the given pid; several clients may ask."""
    async with serving():
        for pid in (None, os.getpid()):
            assert await to_thread.run_sync(ask, "hello", pid) == {"hello": "world"}


async def test_what_cannot_be_done_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets an error; unexpected errors are also logged by the instance."""
    async with serving():
        with pytest.raises(RuntimeError, match="there is none"):
            await to_thread.run_sync(ask, "broken")
        with pytest.raises(RuntimeError, match="unknown command; known are hello, broken, surprised"):
            await to_thread.run_sync(ask, "dance")
        assert caplog.text == ""
        with pytest.raises(RuntimeError, match="ZeroDivisionError: by nought"):
            await to_thread.run_sync(ask, "surprised")
        assert "Traceback" in caplog.text
        assert await to_thread.run_sync(ask, "hello") == {"hello": "world"}


async def test_only_the_user_can_reach_it_and_it_is_gone_afterwards(folder: Path) -> None:
    """Only this user can access folder and socket, and the socket is removed at the end."""
    async with serving() as path:
        assert (mode_of(folder), mode_of(path)) == (0o700, 0o600)
        assert instances() == [Instance(os.getpid(), path)]
    assert names_in(folder) == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\n",
        b"hello",
        b"null\n",
        b"[1]\n",
        b'{"command": 3}\n',
        b'{"command": ["hello"]}\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * 200_000,
        b"x" * 70_000 + b"\n",
    ],
)
async def test_garbage_harms_nothing(garbage: bytes) -> None:
    """It is answered with an error, or not at all, and the next client is served."""
    async with serving():
        try:
            answer = await to_thread.run_sync(say, garbage)
        except (BrokenPipeError, ConnectionResetError):
            answer = None  # it had heard enough
        assert answer is None or (isinstance(answer, dict) and "error" in answer)
        await to_thread.run_sync(lambda: say(garbage[:1000], close=True))
        assert await to_thread.run_sync(ask, "hello") == {"hello": "world"}


async def test_a_silent_client_does_not_delay_others() -> None:
    """Other clients are served meanwhile, and the end does not wait for this one."""
    async with serving() as path:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(path))
            assert await to_thread.run_sync(ask, "hello") == {"hello": "world"}


def test_when_no_instance_runs_the_error_says_so() -> None:
    """Without a folder of sockets, and with an empty one."""
    assert instances() == []
    with pytest.raises(NoInstanceError, match="no beats of this user runs on this machine"):
        ask("hello")
    instance.runtime_folder().mkdir(mode=0o700)
    with pytest.raises(NoInstanceError, match="no beats of this user"):
        ask("hello", 4711)


def listening(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def test_when_several_run_one_must_be_named(folder: Path) -> None:
    """The error names those that run."""
    one, two = sorted(map(str, (os.getpid(), os.getppid())))
    with listening(folder / f"{one}.sock"), listening(folder / f"{two}.sock"):
        with pytest.raises(NoInstanceError, match=rf"several run \({one}, {two}\): say which with --pid"):
            ask("hello")
        with pytest.raises(NoInstanceError, match=f"no beats has pid 0; these run: {one}, {two}"):
            ask("hello", 0)


def test_what_a_killed_run_left_is_removed(folder: Path) -> None:
    """The socket of a dead process is removed; other files are left alone, also under impossible numbers."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    listening(folder / f"{gone.pid}.sock").close()
    kept = {"notes.txt", "mine.sock", "0x1.sock", f"{'9' * 40}.sock"}
    for name in kept:
        (folder / name).touch()
    assert instances() == []
    assert names_in(folder) == sorted(kept)


def test_one_that_is_just_about_to_listen_keeps_its_socket(folder: Path) -> None:
    """Between bind and listen it refuses connections, but must not be taken for dead."""
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(socket_path()))
        assert instances() == []
        bound.listen()
        assert [each.pid for each in instances()] == [os.getpid()]


async def test_a_socket_that_a_killed_process_of_this_number_left_is_replaced(folder: Path) -> None:
    """Pids are reused."""
    listening(folder / f"{os.getpid()}.sock").close()
    async with serving():
        assert await to_thread.run_sync(ask, "hello") == {"hello": "world"}


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o704, 0o711])
def test_a_folder_that_others_can_reach_is_refused(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The run logs a warning and opens no socket, and clients refuse the folder."""
    folder.mkdir()
    folder.chmod(mode)
    serve_until_it_gives_up()
    assert "`beats snapshot` and `beats reload` will not find this run" in caplog.text
    assert "other users can access this folder" in caplog.text
    assert names_in(folder) == []
    with listening(socket_path()), pytest.raises(PermissionError, match="other users can access"):
        ask("hello")


@pytest.mark.parametrize("kind", ["another user's", "a link", "a file"])
def test_what_is_no_folder_of_ours_is_refused(
    folder: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another user may have created it first, or made it a link."""
    if kind == "a file":
        folder.touch()
    elif kind == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir(mode=0o700)
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    serve_until_it_gives_up()
    assert "`beats snapshot` and `beats reload` will not find this run" in caplog.text
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on what is there
        ask("hello")


def test_a_place_that_is_too_long_for_a_socket_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Paths of Unix sockets are limited to about a hundred bytes; the run goes on without one."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 120)))
    serve_until_it_gives_up()
    assert "AF_UNIX path too long" in caplog.text


def test_without_a_runtime_folder_it_is_one_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the folder for temporary files, with the user id in its name."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert instance.runtime_folder() == tmp_path / f"beats-{os.getuid()}"


@pytest.mark.parametrize("answer", [b"", b"[1]\n", b"null\n"])
def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    """The process that listens may be another program, or may have died."""
    with listening(socket_path()) as listener:

        def serve_twice() -> None:
            for _ in range(2):  # it is first looked for, then asked
                with listener.accept()[0] as connection, suppress(OSError):
                    connection.sendall(answer)

        thread = threading.Thread(target=serve_twice)
        thread.start()
        with pytest.raises((RuntimeError, ConnectionError)):
            ask("hello")
        thread.join(TIMEOUT_S)
