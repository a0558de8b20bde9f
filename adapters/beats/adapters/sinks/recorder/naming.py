"""Names of a recording's files: from a template, never one that is taken."""

import errno
import glob
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Final

from beats.recordings import PART_SUFFIX, SUFFIX

MOST_BESIDE: Final = 100_000
"""How many recordings may share a name but for its number."""
_KNOWN: Final = ("profile", "start", "part")


def check_template(template: str) -> None:
    """Accept a template whose placeholders are known and can be filled in, and that names a recording.

    Raises:
        ValueError: it is another; says why.
    """
    for _, name, _, _ in Formatter().parse(template):
        if name is not None and name not in _KNOWN:
            raise ValueError(
                f"unknown placeholder {{{name}}}: known are {{profile}}, {{start:%Y%m%d}} and {{part:03}}"
            )
    try:
        path = Names(template, "profile", 0).path(1)
    except RuntimeError:
        raise ValueError("names the home folder of a user that this machine does not know") from None
    if path.name.endswith(PART_SUFFIX):
        raise ValueError(f"{PART_SUFFIX} is added while the file is written: leave it out")
    if template.endswith(os.sep):
        raise ValueError("names a folder: add a file's name, such as {start:%Y%m%d-%H%M%S}-{part:03}.mcap")
    if path.suffix != SUFFIX:
        raise ValueError(f"the name of a recording ends with {SUFFIX}, by which it is found again")


class Names:
    """The names of one recording's files."""

    def __init__(self, template: str, profile: str, start_unix_ns: int, *, is_counted: bool = False) -> None:
        """Take what they are made of.

        Args:
            template: with placeholders.
            profile: the profile's name.
            start_unix_ns: when the recording began.
            is_counted: whether any name that is taken gets a number, for a recorder that makes a file
                whenever it is told to.
        """
        self._is_counted: Final = is_counted
        self._template: Final = template
        # A profile's name cannot lead to another folder.
        self._profile: Final = re.sub(r"[^\w.-]", "_", profile)
        self._start: Final = datetime.fromtimestamp(start_unix_ns / 1e9).astimezone()
        whole = Path(template).expanduser().parts
        # A field may hold slashes, and begins in the part of the path in which it begins.
        fixed = next((index for index, each in enumerate(whole) if "{" in each), len(whole) - 1)
        self.root: Final = Path(*whole[:fixed])
        """The folder below which all files of this template are, whatever their time and part."""
        fields = {name for _, name, _, _ in Formatter().parse(template)}
        self._has_part: Final = "part" in fields
        self._has_start: Final = "start" in fields

    @property
    def is_fixed(self) -> bool:
        """Whether every recording would have this one name."""
        return not self._has_part and not self._has_start

    def path(self, part: int) -> Path:
        """The name of a part, by the template alone."""
        filled = self._template.format(profile=self._profile, start=self._start, part=part)
        return Path(filled).expanduser()

    def free(self, part: int) -> Path:
        """A name for a part that is not taken; what is in the way is left as it is.

        A name with the part's number in it is counted on. One with the time in it, and any for a further
        part or a recorder that waits to be told, is meant to be new, so a number is added: `name-2.mcap`.
        Any other belongs to one recording.

        Raises:
            FileExistsError: that recording exists, or all numbers are taken.
        """
        path = self.path(part)
        for path in self._candidates(part):
            if not is_taken(path):
                return path
        why = "a recording is never overwritten: move this one away, or put {start:%Y%m%d-%H%M%S} into path"
        if path.exists():
            raise FileExistsError(errno.EEXIST, why, str(path))
        unfinished = part_of(path)
        why = f"this one is unfinished (`beats recover {unfinished}` makes it whole), and {why}"
        raise FileExistsError(errno.EEXIST, why, str(unfinished))

    def in_root(self, path: Path) -> str:
        """The name of a file below `root`, by which it is known again wherever that is."""
        return path.relative_to(self.root).as_posix()

    def pattern(self) -> str:
        """A pattern, as of a shell, for the names that recordings of this template have at any time.

        It fits others, too: only what a file says of itself tells whether it is of this template.
        """
        parts: list[str] = []
        for literal, name, spec, _ in Formatter().parse(self._template):
            parts.append(glob.escape(literal))
            if name == "start":  # a `*` never stands for a slash
                parts.append("/".join("*" for _ in format(self._start, spec or "").split("/")))
            elif name is not None:
                parts.append(glob.escape(self._profile) if name == "profile" else "*")
        path = Path("".join(parts)).expanduser()
        return str(path if self._has_part else path.with_name(f"{path.stem}*{path.suffix}"))

    def files(self) -> Iterator[Path]:
        """All files, finished or not, that have a name of this template at any time."""
        pattern = self.pattern()
        for each in (pattern, pattern + PART_SUFFIX):
            yield from map(Path, glob.iglob(each, include_hidden=True))  # noqa: PTH207 - it may be absolute

    def _candidates(self, part: int) -> Iterator[Path]:
        if self._has_part:
            yield from (self.path(number) for number in range(part, part + MOST_BESIDE))
            return
        path = self.path(part)
        yield path
        if self._has_start or self._is_counted or part > 1:
            yield from (path.with_stem(f"{path.stem}-{number}") for number in range(2, MOST_BESIDE))


def is_taken(path: Path) -> bool:
    """Whether there is a recording of this name, finished or not."""
    return path.exists() or part_of(path).exists()


def part_of(path: Path) -> Path:
    """The name of a recording while it is written."""
    return path.with_name(path.name + PART_SUFFIX)
