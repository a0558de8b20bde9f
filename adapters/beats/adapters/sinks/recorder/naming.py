"""Names of a recording's files: from a template, and never one that is taken."""

import errno
import glob
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Final

from beats.recordings import SUFFIX, UNFINISHED_SUFFIX
from beats.recordings.unfinished import unfinished

MOST_BESIDE: Final = 100_000
"""The most recordings whose names differ only in their number."""
_KNOWN: Final = ("profile", "start", "part")


def check_template(template: str) -> None:
    """Check that all placeholders of a template are known, and that it names a recording.

    Raises:
        ValueError: the template is wrong; says why.
    """
    for _, name, _, _ in Formatter().parse(template):
        if name is not None and name not in _KNOWN:
            raise ValueError(
                f"unknown placeholder {{{name}}}: use {{profile}}, {{start:%Y%m%d}} or {{part:03}}"
            )
    try:
        path = Names(template, "profile", 0).path(1)
    except RuntimeError:
        raise ValueError("names the home folder of an unknown user") from None
    if path.name.endswith(UNFINISHED_SUFFIX):
        raise ValueError(f"{UNFINISHED_SUFFIX} is added while the file is written: leave it out")
    if template.endswith(os.sep):
        raise ValueError("names a folder: add a file's name, such as {start:%Y%m%d-%H%M%S}-{part:03}.mcap")
    if path.suffix != SUFFIX:
        raise ValueError(f"the name of a recording must end with {SUFFIX}, so that it is found again")


class Names:
    """The names of one recording's files."""

    def __init__(self, template: str, profile: str, start_unix_ns: int, *, is_counted: bool = False) -> None:
        """Set the values of the placeholders.

        Args:
            template: with placeholders.
            profile: the name of the profile.
            start_unix_ns: when the recording began.
            is_counted: whether to add a number to any name that is taken, for a recorder that starts files on
                command.
        """
        self._is_counted: Final = is_counted
        self._template: Final = template
        # The name of a profile must not lead to another folder.
        self._profile: Final = re.sub(r"[^\w.-]", "_", profile)
        self._start: Final = datetime.fromtimestamp(start_unix_ns / 1e9).astimezone()
        whole = Path(template).expanduser().parts
        # A placeholder may contain slashes; it belongs to the component in which it begins.
        fixed = next((index for index, each in enumerate(whole) if "{" in each), len(whole) - 1)
        self.root: Final = Path(*whole[:fixed])
        """The folder that contains all files of this template, whatever their time and part."""
        fields = {name for _, name, _, _ in Formatter().parse(template)}
        self._has_part: Final = "part" in fields
        self._has_start: Final = "start" in fields

    @property
    def is_fixed(self) -> bool:
        """Whether every recording would have the same name."""
        return not self._has_part and not self._has_start

    def path(self, part: int) -> Path:
        """The name of a part by the template."""
        filled = self._template.format(profile=self._profile, start=self._start, part=part)
        return Path(filled).expanduser()

    def free(self, part: int) -> Path:
        """A name for a part that is not taken.

        If the template has the number of the part, the next free number is used. If it has the time, and for
        further parts and recorders that wait for a command, a number is added: `name-2.mcap`. Any other name
        belongs to a single recording.

        Raises:
            FileExistsError: that recording exists, or all numbers are taken.
        """
        path = self.path(part)
        for path in self._candidates(part):
            if not is_taken(path):
                return path
        raise taken(path)

    def in_root(self, path: Path) -> str:
        """The name of a file below `root`, which identifies it even if `root` is moved."""
        return path.relative_to(self.root).as_posix()

    def pattern(self) -> str:
        """A shell pattern for the names of this template at any time.

        Other files may match, too; only their metadata tell whether they are of this template.
        """
        pieces: list[str] = []
        for literal, name, spec, _ in Formatter().parse(self._template):
            pieces.append(glob.escape(literal))
            if name == "start":  # a `*` does not match a slash
                pieces.append("/".join("*" for _ in format(self._start, spec or "").split("/")))
            elif name is not None:
                pieces.append(glob.escape(self._profile) if name == "profile" else "*")
        path = Path("".join(pieces)).expanduser()
        return str(path if self._has_part else path.with_name(f"{path.stem}*{path.suffix}"))

    def files(self) -> Iterator[Path]:
        """All files, finished or not, whose names match this template at any time."""
        pattern = self.pattern()
        for each in (pattern, pattern + UNFINISHED_SUFFIX):
            yield from map(Path, glob.iglob(each, include_hidden=True))  # noqa: PTH207 - it may be absolute

    def _candidates(self, part: int) -> Iterator[Path]:
        if self._has_part:
            yield from (self.path(number) for number in range(part, part + MOST_BESIDE))
            return
        path = self.path(part)
        yield path
        if self._has_start or self._is_counted or part > 1:
            yield from (path.with_stem(f"{path.stem}-{number}") for number in range(2, MOST_BESIDE))


def taken(path: Path) -> FileExistsError:
    """The error for a name that is taken; says by what, and what to do."""
    why = "a recording is never overwritten: move it away, or put {start:%Y%m%d-%H%M%S} into the name"
    if path.exists():
        return FileExistsError(errno.EEXIST, why, str(path))
    found = unfinished(path)
    why = f"this one is unfinished (`beats recover {found}` makes it whole), and {why}"
    return FileExistsError(errno.EEXIST, why, str(found))


def is_taken(path: Path) -> bool:
    """Whether there is a recording of this name, finished or not."""
    return path.exists() or unfinished(path).exists()
