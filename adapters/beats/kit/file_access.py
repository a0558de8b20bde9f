"""Looks whether a file could be read or written, without opening it."""

import os
from pathlib import Path

from beats.kernel.resources import Input, Output


def why_unreadable(resource: Input) -> str | None:
    """Why something cannot be read, and what would be right; None when it can."""
    what = {"file": "a file", "folder": "a folder", "any": "a file or folder"}[resource.kind]
    path = resource.path
    try:
        is_folder = path.is_dir()
        if not path.exists():
            return f"does not exist: name {what} that can be read"
    except OSError as error:  # a folder on the way to it is closed to us
        return f"cannot be read ({error.strerror}): name {what} that can be"
    if is_folder and resource.kind == "file":
        return "is a folder: name a file"
    if not is_folder and resource.kind == "folder":
        return "is no folder: name one"
    if is_folder and resource.endings and not _holds(resource):
        below = ", nor does a folder below it" if resource.is_deep else ""
        endings = " or ".join(resource.endings)
        return f"holds no file whose name ends with {endings}{below}: name another folder, or a file"
    if not os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK):
        return f"cannot be read (Permission denied): let user {os.geteuid()} read it, or name another"
    return None


def why_unwritable(resource: Output) -> str | None:
    """Why a file cannot be written, and what would be right; None when it can."""
    path = resource.path
    try:
        if path.is_dir():
            return "is a folder: name a file in it"
        if resource.is_new and path.exists():
            return "exists, and nothing is ever overwritten: move it away, or choose another name"
        folder = _nearest_there(path.parent)
        if not folder.is_dir():
            return f"cannot be made: {folder} is no folder"
    except OSError as error:
        return f"cannot be written ({error.strerror}): choose another folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"cannot be written: folder {folder} is closed to user {os.geteuid()}: choose another"
    return None


def _holds(resource: Input) -> bool:
    closed: list[OSError] = []
    for _, folders, names in os.walk(resource.path, onerror=closed.append):
        if any(name.endswith(resource.endings) for name in names):
            return True
        if not resource.is_deep:
            folders.clear()
    return bool(closed)  # of the folder itself it is said next; one below it may hold such a file


def _nearest_there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: those below it would be made."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path())
