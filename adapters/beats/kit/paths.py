"""Paths: as people write them, whether they can be read, written or run, and whether a file has changed."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from beats.kernel.resources import Input, Output, Program


def expanded(path: Path | str) -> Path:
    """The path with `~` expanded; unchanged, as in a shell, if there is no such user or home folder."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


def named_files(settings: object, *keys: str) -> tuple[Input, ...]:
    """The files that some settings name, of those that are given."""
    paths = ((key, getattr(settings, key)) for key in keys)
    return tuple(Input(key, path) for key, path in paths if path is not None)


def why_absent(path: Path) -> str | None:
    """Why a path does not exist, as the end of a sentence; None if it does."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except (OSError, ValueError) as error:  # ValueError: it contains a NUL
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return None


def why_unreadable(resource: Input) -> str | None:
    """Why an input cannot be read, and what to give; None if it can. Reads no more than its first bytes."""
    what = {"any": "a file or folder"}.get(resource.kind, f"a {resource.kind}")
    path = resource.path
    try:
        is_folder = path.is_dir()
        if not path.exists():
            return f"does not exist: name {what} that can be read"
    except OSError as error:  # no permission for a folder above it
        return f"cannot be read ({error.strerror}): name {what} that can be"
    if is_folder and resource.kind == "file":
        return "is a folder: name a file"
    if resource.kind == "device" and not path.is_char_device():
        return "is not a device: name one, such as /dev/video0"
    if not is_folder and resource.kind == "folder":
        return "is not a folder: name one"
    if is_folder and resource.endings and not _holds(resource):
        below = ", nor does a folder below it" if resource.is_deep else ""
        endings = " or ".join(resource.endings)
        return f"holds no file whose name ends with {endings}{below}: name another folder, or a file"
    if not os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK):
        return f"cannot be read (Permission denied): let user {os.geteuid()} read it, or name another"
    if resource.begins_with and path.is_file():
        return why_of_another_format(resource)
    return None


def why_of_another_format(resource: Input) -> str | None:
    """Why a file does not begin as its format does; None if it does."""
    try:
        with resource.path.open("rb") as file:
            begin = file.read(len(resource.begins_with))
    except OSError as error:
        return f"cannot be read ({error.strerror}): name another"
    if not begin and resource.may_be_empty:
        return None
    if not begin:
        return f"is empty: name a {resource.is_called}"
    if begin != resource.begins_with:
        return f"is not a {resource.is_called}: it begins in another way; name one"
    return None


def why_unwritable(resource: Output) -> str | None:
    """Why a file cannot be written, and what to give instead; None if it can. Opens nothing."""
    path = resource.path
    try:
        if path.is_dir():
            return "is a folder: name a file in it"
        if resource.is_new and path.exists():
            return "exists, and files are never overwritten: move it away, or choose another name"
        folder = _nearest_there(path.parent)
        if not folder.is_dir():
            return f"cannot be created: {folder} is not a folder"
    except OSError as error:
        return f"cannot be written ({error.strerror}): choose another folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"cannot be written: user {os.geteuid()} has no permission for folder {folder}: choose another"
    return None


def program_path(program: Program) -> str | None:
    """Where a program is; None if it is not there."""
    name = program.name
    if os.sep in name:
        name = str(expanded(program.folder or Path()) / expanded(name))
    return shutil.which(name, path=program.path)


def why_not_a_program(program: Program) -> str | None:
    """Why a program cannot be run, as the end of a sentence, and what to do; None if it can."""
    if program.folder is not None and not expanded(program.folder).is_dir():
        return f"cannot run in {str(program.folder)!r}, which is not a folder: name one"
    if program_path(program) is not None:
        return None
    if os.sep in program.name:
        return "is no file that can be run: name one"
    return "is not in PATH: install it, or give its whole path"


class Stamp(NamedTuple):
    """Identity, size and times of a file; differs after each change, also if another file takes the name.

    Times advance in steps of 4 or 10 ms on Linux: two changes within a step that keep the size look like one.
    """

    device: int
    inode: int
    size_bytes: int
    modified_unix_ns: int
    changed_unix_ns: int
    """When the inode changed: this shows a change even if a program resets the other time."""


def stamp_of(about: os.stat_result) -> Stamp:
    """The stamp from the result of `stat`."""
    return Stamp(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def stamp(path: Path) -> Stamp | str:
    """The stamp of a file, or why there is none."""
    try:
        return stamp_of(path.stat())
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:  # it contains a NUL
        return str(error)


def _holds(resource: Input) -> bool:
    closed: list[OSError] = []
    for _, folders, names in os.walk(resource.path, onerror=closed.append):
        if any(name.endswith(resource.endings) for name in names):
            return True
        if not resource.is_deep:
            folders.clear()
    return bool(closed)  # the caller reports a closed folder; one below it may hold such a file


def _nearest_there(folder: Path) -> Path:
    """The folder, or the nearest existing one above it: those below it would be created."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path())
