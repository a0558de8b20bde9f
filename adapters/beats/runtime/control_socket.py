"""The control socket of a running `beats`: a Unix socket that only its own user can open.

A request is one line of JSON, `{"command": NAME}`. The answer is one line of JSON too: what the command
returned, or `{"error": TEXT}`.
"""

import json
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from errno import EACCES
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, cast

import anyio
from anyio.abc import SocketStream, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

Answer = Mapping[str, object]
Handler = Callable[[], Awaitable[Answer]]

_MOST_BYTES: Final = 65536
_TIMEOUT_S: Final = 30.0
_SUFFIX: Final = ".sock"

_log: Final = logging.getLogger(__name__)


class Instance(NamedTuple):
    """A running `beats`."""

    pid: int
    socket_path: Path


class NoInstanceError(LookupError):
    """No instance matches, or several do; the message lists those that run."""


def runtime_folder() -> Path:
    """The folder of the sockets, which belongs to this user alone."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) / "beats" if given else Path(tempfile.gettempdir()) / f"beats-{os.getuid()}"


async def serve(
    handlers: Mapping[str, Handler], *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Answer requests until cancelled; if the socket cannot be created, log a warning and return.

    Args:
        handlers: what to call for a request, by command.
        task_status: told when the socket listens, or cannot.
    """
    path = runtime_folder() / f"{os.getpid()}{_SUFFIX}"
    try:
        _own_folder(path.parent)
        path.unlink(missing_ok=True)  # left by a killed process with the same pid
        listener = await anyio.create_unix_listener(path, mode=0o600)
    except OSError as error:
        why = error.strerror or error
        _log.warning("`beats snapshot` and `beats reload` will not find this run: %s: %s", path, why)
        task_status.started()
        return
    task_status.started()
    try:
        await listener.serve(partial(_answer, handlers))
    finally:
        with anyio.CancelScope(shield=True):
            await listener.aclose()
        with suppress(OSError):
            path.unlink()


def instances() -> list[Instance]:
    """The running instances of this user; sockets of dead ones are removed.

    Raises:
        OSError: the folder of the sockets does not belong to this user alone.
    """
    if runtime_folder().exists():
        _own_folder(runtime_folder())
    found: list[Instance] = []
    for path in sorted(runtime_folder().glob(f"[0-9]*{_SUFFIX}")):
        with suppress(OSError, ValueError, OverflowError):  # a name with more digits than any pid
            pid = int(path.stem)
            if _is_dead(pid):
                path.unlink()
                continue
            with _connected(path):  # refused while an instance is about to listen
                found.append(Instance(pid, path))
    return found


def ask(command: str, pid: int | None = None) -> Answer:
    """Send a command to an instance, and wait for its answer.

    Args:
        command: its name.
        pid: of the instance; None for the only one.

    Raises:
        NoInstanceError: no instance matches, or several do.
        RuntimeError: the command failed; says why.
        OSError: the instance does not answer, or the folder of the sockets is not this user's alone.
    """
    with _connected(_the_one(pid).socket_path) as connection:
        connection.sendall(json.dumps({"command": command}).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer: object = json.loads(lines.readline(_MOST_BYTES) or b"null")
    if not isinstance(answer, dict):
        raise RuntimeError("it gave no answer")  # noqa: TRY004 - the other side is wrong, not a type
    said = cast("dict[str, object]", answer)
    if "error" in said:
        raise RuntimeError(str(said["error"]))
    return said


def _the_one(pid: int | None) -> Instance:
    running = instances()
    wanted = [each for each in running if pid in (None, each.pid)]
    if len(wanted) == 1:
        return wanted[0]
    if not running:
        raise NoInstanceError("no beats of this user runs on this machine")
    pids = ", ".join(str(each.pid) for each in running)
    if pid is None:
        raise NoInstanceError(f"several run ({pids}): say which with --pid")
    raise NoInstanceError(f"no beats has pid {pid}; these run: {pids}")


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # a process of another user has the pid now
        return False
    return False


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _own_folder(folder: Path) -> None:
    """Create the folder, or check that only this user owns it and can access it.

    Raises:
        OSError: it cannot be created, or another user can access it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(EACCES, "other users can access this folder", str(folder))


async def _answer(handlers: Mapping[str, Handler], stream: SocketStream) -> None:
    async with stream:
        with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            answer = await _outcome(handlers, stream)
            await stream.send(json.dumps(answer).encode() + b"\n")


async def _outcome(handlers: Mapping[str, Handler], stream: SocketStream) -> Answer:
    try:
        with anyio.fail_after(_TIMEOUT_S):
            line = await BufferedByteReceiveStream(stream).receive_until(b"\n", _MOST_BYTES)
        request: object = json.loads(line)
    except (ValueError, RecursionError, anyio.DelimiterNotFound, TimeoutError):
        return {"error": "the request is not a line of JSON"}
    command = cast("dict[str, object]", request).get("command") if isinstance(request, dict) else None
    if not isinstance(command, str) or command not in handlers:
        return {"error": f"unknown command; known are {', '.join(handlers)}"}
    try:
        return await handlers[command]()
    except (LookupError, OSError) as error:
        return {"error": str(error)}
    except Exception as error:  # a failed command must not end the stream
        _log.exception("%s failed", command)
        return {"error": f"{type(error).__name__}: {error}"}
