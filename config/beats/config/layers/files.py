"""Reads the TOML files of the layers: regular files in UTF-8, each value with its line.

The only module that uses dynaconf, which opens and reads the files. Its merging, casting and history are not
used: see docs/decisions/003-dynaconf.md.
"""

import codecs
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import IO, Any, Final

from beats.config.errors import Problem, SettingsError
from beats.config.layers.lines import lines_of
from beats.config.layers.merging import Layer, Level

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class IrregularFileError(OSError):
    """The path names a FIFO, a socket or a device; reading it might never end."""


def open_regular(path: str, flags: int) -> int:
    """An opener for `open` that refuses FIFOs and devices; the null device counts as an empty file.

    Raises:
        IrregularFileError: it is not a regular file.
        OSError: it cannot be opened.
    """
    # Without O_NONBLOCK, opening a FIFO waits for a writer; for a regular file it changes nothing.
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if _may_be_endless(os.fstat(fd)):
        os.close(fd)
        raise IrregularFileError("is not a regular file")
    return fd


def _may_be_endless(about: os.stat_result) -> bool:
    if stat.S_ISCHR(about.st_mode):
        return about.st_rdev != Path(os.devnull).stat().st_rdev
    return not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode))  # `open` itself refuses a folder


def read_layer(level: Level, path: Path) -> Layer:
    """Read a TOML file.

    Raises:
        SettingsError: it cannot be read, or is not TOML.
    """
    try:
        with open(path, "rb", opener=open_regular):
            pass  # fails here, because dynaconf ignores an OSError or turns it into a Python warning
        text, tree = _load(path)
    except UnicodeDecodeError as error:
        message = _not_utf8(error)
    except IrregularFileError as error:
        message = f"{error}: write the settings into one"
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    except RecursionError:
        message = "is nested too deeply"
    except ValueError as error:
        raise SettingsError([_syntax_problem(path, str(error))]) from error
    else:
        return Layer(level, str(path), tree, lines_of(text, tree))
    raise SettingsError([Problem(str(path), "", None, message)])


def _load(path: Path) -> tuple[str, dict[str, object]]:
    """The text of a file, and its content before dynaconf changes any of it."""
    # Imported here, because commands that read no settings use this module too. No type information.
    from dynaconf.loaders.base import BaseLoader  # pyright: ignore[reportMissingTypeStubs]
    from dynaconf.utils import DynaconfDict  # pyright: ignore[reportMissingTypeStubs]

    text = ""

    def parse(file: IO[bytes]) -> list[dict[str, Any]]:
        nonlocal text
        text = file.read().decode("utf-8-sig")  # some editors begin every file with a byte order mark
        return [tomllib.loads(text)]  # in a list, because dynaconf drops an empty table

    loader: Any = BaseLoader(
        obj=DynaconfDict(),
        env="main",
        identifier="toml",
        extensions=(path.suffix,),
        file_reader=parse,
        string_reader=tomllib.loads,
        opener_params={"mode": "rb", "opener": open_regular},
    )
    found: dict[str, list[dict[str, object]]] = loader.get_source_data([str(path)])
    if str(path) not in found:
        raise OSError("the file disappeared while it was read")
    return text, found[str(path)][0]


def _not_utf8(error: UnicodeDecodeError) -> str:
    for mark, name in _MARKS:
        if error.object.startswith(mark):
            return f"is {name} text: save it as UTF-8"
    return f"is not UTF-8 text (at byte {error.start})"


def _syntax_problem(path: Path, message: str) -> Problem:
    """The parser's message; it ends with line and column, where the parser knows them."""
    at = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if at is None:
        return Problem(str(path), "", None, f"is not valid TOML: {message}")
    place = f"{path}:{at[1]}"
    return Problem(place, "", None, f"is not valid TOML: {message[: at.start()]} (column {at[2]})")
