"""Opening the files of the settings: none that would be waited for, and text in UTF-8 alone."""

import codecs
import os
import stat
from pathlib import Path
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class IrregularFileError(OSError):
    """What has the name is a FIFO, a socket or a device, and reading it might never end."""


def open_regular(path: str, flags: int) -> int:
    """An opener for `open` that refuses what might never end; the null device is an empty file.

    Raises:
        IrregularFileError: it is something else than a regular file.
        OSError: it cannot be opened.
    """
    # O_NONBLOCK, since a FIFO without a writer is waited for otherwise; it changes nothing for a file.
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if _may_be_endless(os.fstat(fd)):
        os.close(fd)
        raise IrregularFileError("is not a regular file")
    return fd


def _may_be_endless(about: os.stat_result) -> bool:
    if stat.S_ISCHR(about.st_mode):
        return about.st_rdev != Path(os.devnull).stat().st_rdev
    return not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode))  # `open` refuses a folder itself


def not_utf8(error: UnicodeDecodeError) -> str:
    """Why bytes are no UTF-8, and what to do if that can be told."""
    for mark, name in _MARKS:
        if error.object.startswith(mark):
            return f"is {name} text: save it as UTF-8"
    return f"is not UTF-8 text (at byte {error.start})"
