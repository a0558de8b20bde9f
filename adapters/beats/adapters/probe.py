"""Looks whether a file could be read or written, without opening it."""

import os
from pathlib import Path

from beats.kernel.claims import Input, Output


def why_unreadable(claim: Input) -> str | None:
    """Why something cannot be read, and what would be right; None when it can."""
    what = {"file": "a file", "folder": "a folder", "any": "a file or folder"}[claim.kind]
    path = claim.path
    try:
        is_folder = path.is_dir()
        if not path.exists():
            return f"does not exist: name {what} that can be read"
    except OSError as error:  # a folder on the way to it is closed to us
        return f"cannot be read ({error.strerror}): name {what} that can be"
    if is_folder and claim.kind == "file":
        return "is a folder: name a file"
    if not is_folder and claim.kind == "folder":
        return "is no folder: name one"
    if is_folder and claim.endings and not _holds(claim):
        below = ", nor does a folder below it" if claim.is_deep else ""
        endings = " or ".join(claim.endings)
        return f"holds no file whose name ends with {endings}{below}: name another folder, or a file"
    if not os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK):
        return f"cannot be read (Permission denied): let user {os.geteuid()} read it, or name another"
    return None


def why_unwritable(claim: Output) -> str | None:
    """Why a file cannot be written, and what would be right; None when it can."""
    path = claim.path
    try:
        if path.is_dir():
            return "is a folder: name a file in it"
        if claim.is_new and path.exists():
            return "exists, and nothing is ever overwritten: move it away, or choose another name"
        folder = _nearest_there(path.parent)
        if not folder.is_dir():
            return f"cannot be made: {folder} is no folder"
    except OSError as error:
        return f"cannot be written ({error.strerror}): choose another folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"cannot be written: folder {folder} is closed to user {os.geteuid()}: choose another"
    return None


def _holds(claim: Input) -> bool:
    closed: list[OSError] = []
    for _, folders, names in os.walk(claim.path, onerror=closed.append):
        if any(name.endswith(claim.endings) for name in names):
            return True
        if not claim.is_deep:
            folders.clear()
    return bool(closed)  # of the folder itself it is said next; one below it may hold such a file


def _nearest_there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: those below it would be made."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path())
