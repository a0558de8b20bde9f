"""A ring on disk: older recordings give way to newer ones."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.sinks.recorder.naming import Names
from beats.kernel.errors import InputError
from beats.recordings import PART_SUFFIX
from beats.recordings.format import DERIVED, FILE
from beats.recordings.output import is_being_written
from beats.recordings.reading import Recording

_log: Final = logging.getLogger(__name__)


class Keep(NamedTuple):
    """How much a ring holds; None for no bound."""

    parts: int | None
    size_bytes: int | None

    def is_too_much(self, parts: int, size_bytes: int) -> bool:
        """Whether the oldest must give way."""
        # One is always kept: the newest may be larger than the bound, and is better than nothing.
        if parts <= 1:
            return False
        too_many = self.parts is not None and parts > self.parts
        return too_many or (self.size_bytes is not None and size_bytes > self.size_bytes)


class Member(NamedTuple):
    """A file of the ring."""

    path: Path
    size_bytes: int
    modified_ns: int
    recording: str
    part: int
    started_s: float
    """When it was begun, by the wall clock as it was set last while the file was written."""


class Retention:
    """Deletes the oldest files that a recorder wrote, never anything else.

    A file is the recorder's own when it says of itself that this sink and profile wrote it, and under which
    name below the template's root, and still has that name. So a copy, a renamed file, and what `beats cut`
    and `beats recover` made of one are left alone. One that a killed run left behind counts; one that is
    being written does not.

    Which is older is said by the files, not by the file system, whose times change when files are copied; and
    what this run wrote is newer than all else, whatever the wall clock showed.
    """

    def __init__(self, sink: str, profile: str) -> None:
        """Say whose files these are."""
        self._sink: Final = sink
        self._profile: Final = profile
        self._written: dict[str, None] = {}
        """The recordings of this run that are in the ring, in their order."""
        self._has_warned = False

    def prune(self, names: Names, recording: str, keep: Keep) -> list[Path]:
        """Delete what is too much, the oldest first; returns what was deleted.

        Args:
            names: of the recording.
            recording: the identity of the one of which a part was just finished.
            keep: how much is kept.
        """
        if keep == Keep(None, None):
            return []
        self._written.pop(recording, None)
        self._written[recording] = None
        members = self._sorted(self._members(names))
        present = {member.recording for member in members}
        self._written = {each: None for each in self._written if each in present or each == recording}
        total_bytes = sum(member.size_bytes for member in members)
        gone: list[Path] = []
        while keep.is_too_much(len(members), total_bytes):
            oldest = members.pop(0)
            total_bytes -= oldest.size_bytes
            if self._delete(oldest, members[-1]):
                gone.append(oldest.path)
                _remove_empty(oldest.path.parent, names.root)
        return gone

    def _delete(self, oldest: Member, newest: Member) -> bool:
        try:
            oldest.path.unlink()
        except OSError as error:
            _log.warning("sink %r: %s cannot be deleted: %s", self._sink, oldest.path, error.strerror)
            return False
        if oldest.started_s > newest.started_s or oldest.modified_ns > newest.modified_ns:
            _log.warning(
                "sink %r: deleted %s, the oldest of its recordings, although its time is after that of %s: "
                "the clock was set, or the file was copied",
                self._sink,
                oldest.path,
                newest.path,
            )
        else:
            _log.info("sink %r: deleted %s, the oldest of its recordings", self._sink, oldest.path)
        return True

    def _sorted(self, members: Iterable[Member]) -> list[Member]:
        """From the oldest to the newest: by recording, and then by part."""
        found = list(members)
        ranks = {recording: rank for rank, recording in enumerate(self._written)}
        starts: dict[str, float] = {}
        for member in found:
            starts[member.recording] = min(member.started_s, starts.get(member.recording, member.started_s))
        return sorted(
            found,
            key=lambda each: (
                ranks.get(each.recording, -1),
                starts[each.recording],
                each.recording,
                each.part,
                each.path,
            ),
        )

    def _members(self, names: Names) -> Iterator[Member]:
        why_not: Counter[str] = Counter()
        for path in names.files():
            try:
                with Recording(path) as recording:
                    member = self._member(recording, names)
                if isinstance(member, Member) and not is_being_written(path):
                    yield member
                elif isinstance(member, str):
                    why_not[member] += 1
            except (OSError, InputError):
                continue  # it went away, or is no recording
        for why, count in why_not.items():
            if not self._has_warned:
                _log.warning("sink %r: %d of its recordings are left alone: %s", self._sink, count, why)
        self._has_warned = self._has_warned or bool(why_not)

    def _member(self, recording: Recording, names: Names) -> Member | str | None:
        """The file as a member; or why it is none although this recorder wrote what is in it."""
        about = recording.about()
        if (about.get("sink"), about.get("profile")) != (self._sink, self._profile):
            return None
        if not recording.is_ours or DERIVED in about:
            return None
        if FILE not in about:
            return "they do not say which name they had, so they may be copies; delete them yourself"
        path = recording.path
        if about[FILE] != names.in_root(path.with_name(path.name.removesuffix(PART_SUFFIX))):
            return None
        found = path.stat()
        return Member(
            path,
            found.st_size,
            found.st_mtime_ns,
            about.get("recording", ""),
            _number(about.get("part", "")),
            _seconds(about.get("started", "")) + recording.wall_time().last_ahead_ns / 1e9,
        )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder of dates in which nothing is left, and those above it up to the root."""
    with suppress(OSError):  # something is in it
        while folder != root and root in folder.parents:
            folder.rmdir()
            folder = folder.parent
