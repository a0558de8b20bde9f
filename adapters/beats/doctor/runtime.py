"""Where other commands find a running Beats: `beats reload`, `beats snapshot`."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from beats.doctor.findings import Finding
from beats.runtime.control_socket import runtime_folder

_SUBJECT: Final = "runtime folder"
_LONGEST_BYTES: Final = 103
"""Of a socket's path: `sun_path` holds 104 bytes on macOS, 108 on Linux (unix(7)), with a zero at the end."""
_NAME_CHARACTERS: Final = len("/4194304.sock")
_WITHOUT: Final = "`beats reload` and `beats snapshot` will not find a run: "


def running() -> list[int]:
    """The processes of this user's that left a socket there and are alive; nothing is touched."""
    found: list[int] = []
    for path in sorted(runtime_folder().glob("[0-9]*.sock")):
        with suppress(OSError, ValueError, OverflowError):
            os.kill(int(path.stem), 0)
            found.append(int(path.stem))
    return found


def folder_for_sockets(pids: list[int]) -> Iterator[Finding]:
    """Whether there is a folder for the socket, and who is in it.

    Args:
        pids: who runs.
    """
    folder = runtime_folder()
    if (why := why_not(folder)) is not None:
        yield Finding(_SUBJECT, "warning", *why)
        return
    runs = f"running now: process {', '.join(map(str, pids))}" if pids else "none runs now"
    yield Finding(_SUBJECT, "ok", f"`beats reload` and `beats snapshot` find a run in {folder}; {runs}")


def why_not(folder: Path) -> tuple[str, str] | None:
    """Why a run could not be found in a folder, and what to do; None when it could."""
    if len(os.fsencode(folder)) + _NAME_CHARACTERS > _LONGEST_BYTES:
        return f"{_WITHOUT}the path {folder} is too long for a socket", "set XDG_RUNTIME_DIR to a shorter one"
    try:
        about = folder.lstat()
    except FileNotFoundError:
        above = next(each for each in folder.parents if each.exists())
        if os.access(above, os.W_OK | os.X_OK):
            return None
        return f"{_WITHOUT}{folder} cannot be made in {above}", "set XDG_RUNTIME_DIR to a folder of your own"
    except OSError as error:
        return f"{_WITHOUT}{folder}: {error.strerror}", "set XDG_RUNTIME_DIR to a folder of your own"
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        return (
            f"{_WITHOUT}{folder} is not a folder of this user alone",
            "remove it, or `chmod 700` it if it is yours, or set XDG_RUNTIME_DIR",
        )
    return None
