"""A ring on disk: older recordings give way to newer ones."""

import glob
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.recordings import PART_SUFFIX
from beats.adapters.recordings.output import is_being_written
from beats.adapters.recordings.reading import Recording
from beats.kernel.errors import InputError

_log: Final = logging.getLogger(__name__)


class Member(NamedTuple):
    """A finished file of the ring."""

    path: Path
    size_bytes: int
    modified_ns: int


class Ring:
    """Deletes the oldest files that a recorder wrote, never anything else.

    A file is the recorder's own when its name is of the recorder's template and its metadata name the same
    sink and profile. One that was left behind by a run that was killed counts too; one that is being
    written does not.
    """

    def __init__(self, sink: str, profile: str, keep_parts: int | None, keep_bytes: int | None) -> None:
        """Say whose files are kept, and how many."""
        self._sink: Final = sink
        self._profile: Final = profile
        self._keep_parts: Final = keep_parts
        self._keep_bytes: Final = keep_bytes

    def prune(self, pattern: str) -> list[Path]:
        """Delete what is too much, the oldest first; returns what was deleted."""
        if self._keep_parts is None and self._keep_bytes is None:
            return []
        members = sorted(self._members(pattern), key=lambda member: (member.modified_ns, member.path))
        total_bytes = sum(member.size_bytes for member in members)
        gone: list[Path] = []
        while members and self._is_too_much(len(members), total_bytes):
            oldest = members.pop(0)
            total_bytes -= oldest.size_bytes
            try:
                oldest.path.unlink()
            except OSError as error:
                _log.warning("sink %r: %s cannot be deleted: %s", self._sink, oldest.path, error.strerror)
            else:
                gone.append(oldest.path)
                _log.info("sink %r: deleted %s, the oldest of its recordings", self._sink, oldest.path)
        return gone

    def _is_too_much(self, parts: int, total_bytes: int) -> bool:
        # One is always kept: the newest may be larger than the bound, and is better than nothing.
        if parts <= 1:
            return False
        too_many = self._keep_parts is not None and parts > self._keep_parts
        return too_many or (self._keep_bytes is not None and total_bytes > self._keep_bytes)

    def _members(self, pattern: str) -> Iterator[Member]:
        for name in (*glob.glob(pattern), *glob.glob(pattern + PART_SUFFIX)):  # noqa: PTH207 - it may be absolute
            path = Path(name)
            try:
                found = path.stat()
                if self._is_own(path) and not is_being_written(path):
                    yield Member(path, found.st_size, found.st_mtime_ns)
            except (OSError, InputError):
                continue  # it went away, or is no recording

    def _is_own(self, path: Path) -> bool:
        with Recording(path) as recording:
            about = recording.about()
        return (about.get("sink"), about.get("profile")) == (self._sink, self._profile)
