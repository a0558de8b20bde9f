"""Checks what the machine gives a process: processors, timers, open files, a runtime folder."""

import os
import resource
import selectors
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from beats.doctor.findings import Finding
from beats.kit import descriptors
from beats.kit.process import usable_processors
from beats.runtime.control_socket import runtime_folder

_WAITS: Final = 15
_WAIT_S: Final = 0.001
_COARSE_S: Final = 0.005
"""A third of the time between two frames at 60 fps."""


def processors() -> Iterator[Finding]:
    """The number of usable processors."""
    count = usable_processors()
    if count == 1:
        what = "only one, for sources, viewers and everything else on this machine"
        yield Finding("processors", "note", what, "run heavy sources on another machine")
    else:
        yield Finding("processors", "ok", f"{count}")


def timers() -> Iterator[Finding]:
    """Whether the waits of an event loop end in time."""
    yield waited(sorted(_wait_s() for _ in range(_WAITS))[_WAITS // 2])


def waited(seconds: float) -> Finding:
    """The finding for the median duration of waits of 1 ms."""
    what = f"a wait of 1 ms takes {seconds * 1000:.1f} ms"
    if seconds <= _COARSE_S:
        return Finding("timers", "ok", what)
    why = "the machine is busy, or its timers are coarse: stop other programs, or lower the frame rate"
    return Finding("timers", "warning", f"{what}, so frames are uneven", why)


def _wait_s() -> float:
    with selectors.DefaultSelector() as selector:  # as an event loop waits
        begin_s = time.perf_counter()
        selector.select(_WAIT_S)
        return time.perf_counter() - begin_s


def open_files(connections: int) -> Iterator[Finding]:
    """Whether the limit of open files allows as many viewers as the profile does.

    Args:
        connections: the most viewers of all sinks together.
    """
    yield allowed(*resource.getrlimit(resource.RLIMIT_NOFILE), connections)


def allowed(soft: int, hard: int, connections: int) -> Finding:
    """The finding for the limits of RLIMIT_NOFILE."""
    if (short := descriptors.shortage(connections, hard)) is not None:
        return Finding("open files", "warning", *short)
    needed = f"{connections + descriptors.RESERVE:,} needed for the largest number of viewers"
    if soft == resource.RLIM_INFINITY:
        return Finding("open files", "ok", f"any number allowed, {needed}")
    raised = "" if soft == hard else ", which Beats raises at the start"
    return Finding("open files", "ok", f"{soft:,} allowed{raised}, {needed}")


_SUBJECT: Final = "runtime folder"
_LONGEST_BYTES: Final = 103
"""Longest path of a socket: `sun_path` has 104 bytes on macOS, 108 on Linux (unix(7)), with a final zero."""
_NAME_CHARACTERS: Final = len("/4194304.sock")
_WITHOUT: Final = "`beats reload` and `beats snapshot` will not find a run: "
_SET: Final = "set XDG_RUNTIME_DIR to a folder of your own"


def running() -> list[int]:
    """The running processes of this user with a socket in the runtime folder; nothing is changed."""
    found: list[int] = []
    for path in sorted(runtime_folder().glob("[0-9]*.sock")):
        with suppress(OSError, ValueError, OverflowError):
            os.kill(int(path.stem), 0)
            found.append(int(path.stem))
    return found


def folder_for_sockets(pids: list[int]) -> Iterator[Finding]:
    """Whether the folder for control sockets can be used, and by which processes it is.

    Args:
        pids: the running processes.
    """
    folder = runtime_folder()
    if (why := why_not(folder)) is not None:
        yield Finding(_SUBJECT, "warning", *why)
        return
    runs = f"running now: process {', '.join(map(str, pids))}" if pids else "none is running"
    yield Finding(_SUBJECT, "ok", f"`beats reload` and `beats snapshot` find a run in {folder}; {runs}")


def why_not(folder: Path) -> tuple[str, str] | None:
    """Why a folder cannot be used, and what to do; None when it can."""
    if len(os.fsencode(folder)) + _NAME_CHARACTERS > _LONGEST_BYTES:
        return f"{_WITHOUT}the path {folder} is too long for a socket", "set XDG_RUNTIME_DIR to a shorter one"
    try:
        about = folder.lstat()
    except FileNotFoundError:
        above = next(each for each in folder.parents if each.exists())
        if os.access(above, os.W_OK | os.X_OK):
            return None
        return f"{_WITHOUT}{folder} cannot be created in {above}", _SET
    except OSError as error:
        return f"{_WITHOUT}{folder}: {error.strerror}", _SET
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        advice = "remove it, or `chmod 700` it if it is yours, or set XDG_RUNTIME_DIR"
        return f"{_WITHOUT}{folder} can be accessed by other users", advice
    return None
