"""Deletes older recordings to make room for newer ones."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.sinks.recorder.naming import Names
from beats.kernel.errors import InputError
from beats.recordings.format import DERIVED, FILE
from beats.recordings.reading import Recording
from beats.recordings.unfinished import finished, is_being_written

_log: Final = logging.getLogger(__name__)


class Keep(NamedTuple):
    """How much to keep; None for no bound."""

    parts: int | None
    size_bytes: int | None

    def is_too_much(self, parts: int, size_bytes: int) -> bool:
        """Whether the oldest file must be deleted."""
        # The newest file is always kept, even if it is larger than the bound.
        if parts <= 1:
            return False
        too_many = self.parts is not None and parts > self.parts
        return too_many or (self.size_bytes is not None and size_bytes > self.size_bytes)


class OwnFile(NamedTuple):
    """A file that this recorder wrote."""

    path: Path
    size_bytes: int
    modified_ns: int
    recording: str
    part: int
    started_s: float
    """When it was started, by the wall clock as it was last set while the file was written."""


class Retention:
    """Deletes the oldest files that a recorder wrote, never anything else.

    A file is the recorder's own if its metadata name this sink and profile, and the name that it still has
    below the template's root. Copies, renamed files and the results of `beats cut` and `beats recover` are
    therefore kept. Files left behind by a killed run count; a file that is being written does not.

    The age comes from the metadata, since copying changes the times of the file system; files of this run are
    newer than all others, whatever the wall clock showed.
    """

    def __init__(self, sink: str, profile: str) -> None:
        """Set the sink and profile whose files these are."""
        self._sink: Final = sink
        self._profile: Final = profile
        self._written: dict[str, None] = {}
        """The recordings of this run that still exist, in their order."""
        self._has_warned = False

    def prune(self, names: Names, recording: str, keep: Keep) -> list[Path]:
        """Delete what exceeds the bounds, the oldest first; returns what was deleted.

        Args:
            names: of the recording.
            recording: the id of the recording whose part was just finished.
            keep: how much to keep.
        """
        if keep == Keep(None, None):
            return []
        self._written.pop(recording, None)
        self._written[recording] = None
        files = self._sorted(self._own_files(names))
        present = {file.recording for file in files}
        self._written = {each: None for each in self._written if each in present or each == recording}
        total_bytes = sum(file.size_bytes for file in files)
        gone: list[Path] = []
        while keep.is_too_much(len(files), total_bytes):
            oldest = files.pop(0)
            total_bytes -= oldest.size_bytes
            if self._delete(oldest, files[-1]):
                gone.append(oldest.path)
                _remove_empty(oldest.path.parent, names.root)
        return gone

    def _delete(self, oldest: OwnFile, newest: OwnFile) -> bool:
        try:
            oldest.path.unlink()
        except OSError as error:
            _log.warning("sink %r: %s cannot be deleted: %s", self._sink, oldest.path, error.strerror)
            return False
        if oldest.started_s > newest.started_s or oldest.modified_ns > newest.modified_ns:
            _log.warning(
                "sink %r: deleted %s, the oldest of its recordings, although it is dated after %s: "
                "the clock was set, or the file was copied",
                self._sink,
                oldest.path,
                newest.path,
            )
        else:
            _log.info("sink %r: deleted %s, the oldest of its recordings", self._sink, oldest.path)
        return True

    def _sorted(self, files: Iterable[OwnFile]) -> list[OwnFile]:
        """The files from the oldest to the newest: by recording, then by part."""
        found = list(files)
        ranks = {recording: rank for rank, recording in enumerate(self._written)}
        starts: dict[str, float] = {}
        for file in found:
            starts[file.recording] = min(file.started_s, starts.get(file.recording, file.started_s))
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

    def _own_files(self, names: Names) -> Iterator[OwnFile]:
        why_not: Counter[str] = Counter()
        for path in names.files():
            try:
                with Recording(path) as recording:
                    own = self._own(recording, names)
                if isinstance(own, OwnFile) and not is_being_written(path):
                    yield own
                elif isinstance(own, str):
                    why_not[own] += 1
            except (OSError, InputError):
                continue  # deleted meanwhile, or not a recording
        for why, count in why_not.items():
            if not self._has_warned:
                _log.warning(
                    "sink %r: %d of its recordings are not counted and kept: %s", self._sink, count, why
                )
        self._has_warned = self._has_warned or bool(why_not)

    def _own(self, recording: Recording, names: Names) -> OwnFile | str | None:
        """The file if it is the recorder's own; as text, why that is unknown; None if it is not."""
        about = recording.about()
        if (about.get("sink"), about.get("profile")) != (self._sink, self._profile):
            return None
        if not recording.is_ours or DERIVED in about:
            return None
        if FILE not in about:
            return "their metadata lack a file name, so they may be copies; delete them yourself"
        path = recording.path
        if about[FILE] != names.in_root(finished(path)):
            return None
        found = path.stat()
        return OwnFile(
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
    """Remove an empty folder, and empty folders above it up to the root."""
    with suppress(OSError):  # it is not empty
        while folder != root and root in folder.parents:
            folder.rmdir()
            folder = folder.parent
