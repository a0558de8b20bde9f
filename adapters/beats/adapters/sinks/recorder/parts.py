"""The files of one recording, one after the other; synchronous, for a worker thread."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from beats.adapters.sinks.recorder.counters import Counters
from beats.adapters.sinks.recorder.manifest import Manifest
from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.retention import Keep, Retention
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.envelope import Envelope
from beats.kernel.last_values import LastValues
from beats.kernel.ports import Context
from beats.kernel.stats import Loss
from beats.recordings.format import FILE, LOG_OFFSET, TOTALS
from beats.recordings.walltime import Jump
from beats.recordings.writing import Line, RecordingFile

_log: Final = logging.getLogger(__name__)
_ANY_SIZE: Final = 2**62
_MOST_NOTES: Final = 100
"""Notes that may wait for a file to be written to; a person's changes come far more slowly."""


class Parts:
    """Writes envelopes into a file, and begins the next when that one is large or old enough.

    No envelope is lost or doubled between two files. When a write fails, `abandon` says what is
    in none, and `open` begins a new one.
    """

    def __init__(
        self,
        settings: RecorderSettings,
        context: Context,
        tally: Counters | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is opened yet. What is put on disk is added to the tally."""
        self.path: Path | None = None
        """The file that is open, or was last, by the name that it has when it is whole."""
        self._settings = settings
        self._context: Final = context
        self._tally: Final = tally or Counters()
        self._monotonic: Final = monotonic
        self._ledger = Manifest()
        self._ring = Retention(context.name, context.profile)
        self._names: Names | None = None
        self._file: RecordingFile | None = None
        self._rest: Sequence[Envelope] = ()
        """What was given to `write` and not yet to a file, when it has failed."""
        self._next_ns: int | None = None
        """When the first of what was given to `write`, and not yet to a file, came onto the bus."""
        self._counted_bytes = 0
        self._opened_s = 0.0
        self._since_s = 0.0
        self._last_ns = 0
        self._jumps_told_ns = 0
        """Until when jumps of the wall clock are in the file that is open, or are of no concern to it."""
        self._state: Final = LastValues()
        self._losses: list[Loss] = []
        self._notes: Final[deque[tuple[str, Mapping[str, str]]]] = deque(maxlen=_MOST_NOTES)

    def begin_with(self, state: Iterable[Envelope], log_unix_ns: int) -> None:
        """Have the first file begin with a state, as of a time on the bus."""
        self.know(state)
        self._last_ns = log_unix_ns

    def know(self, values: Iterable[Envelope]) -> None:
        """Take note of last values that are in no file: the next one begins with them."""
        self._state.note(values)

    def pass_over(self, envelopes: Sequence[Envelope]) -> None:
        """Take note of what is not recorded: what is, begins with the state that it leaves."""
        if envelopes:
            self.begin_with(envelopes, envelopes[-1].published_unix_ns)

    def renew(self, last_values: Sequence[Envelope] = ()) -> None:
        """Let what is opened next be the first part of another recording; nothing may be open.

        Args:
            last_values: those of the whole bus at that time; what was taken note of when there are none.
        """
        if last_values:
            self._state.clear()
            self._state.note(last_values)
        self._ledger, self._names, self._losses = Manifest(), None, []

    def take_over(self, other: "Parts") -> None:
        """Go on with the recording of another, which has ended: what is opened next is a further part."""
        self.begin_with(other._state.in_order(), other._last_ns)
        self._ledger, self._losses, self._ring = other._ledger, other._losses, other._ring
        self._notes.extend(other._notes)

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to; any thread may ask."""
        return self._file is not None

    @property
    def oldest_unflushed_ns(self) -> int | None:
        """When the oldest envelope that is in memory only came onto the bus; any thread may ask."""
        file = self._file
        for envelope in () if file is None else file.unflushed[:1]:
            return envelope.published_unix_ns
        return self._next_ns

    @property
    def flush_in_s(self) -> float | None:
        """Seconds until what is in memory must be flushed; None when nothing is."""
        if self._file is None or not (self._file.unflushed or self._losses):
            return None
        return max(0.0, self._since_s + self._settings.flush_interval_s - self._monotonic())

    def adjust(self, settings: RecorderSettings) -> None:
        """Go on with other settings, which differ in what is adjustable; any thread may call it."""
        self._settings = settings

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write metadata with the next flush; any thread may call it."""
        self._notes.append((name, content))

    def open(self) -> None:
        """Begin the next file, with the state so far.

        Raises:
            OSError: it cannot be made, or the disk has too little left; the error names it.
        """
        now_ns, steady_ns = self._context.clock.read()
        if self._names is None:
            settings, profile = self._settings, self._context.profile
            self._names = Names(settings.path, profile, now_ns, is_counted=settings.waits_to_be_told)
        path = self._names.free(self._ledger.parts + 1)
        ahead_ns = now_ns - steady_ns
        about = self._ledger.about(self._settings, self._context, now_ns)
        self._file = RecordingFile(
            path,
            {**about, FILE: self._names.in_root(path), LOG_OFFSET: str(ahead_ns)},
            self._settings.compression,
            min_free_bytes=self._settings.min_free_bytes,
            ahead_ns=ahead_ns,
            carried=[_carried(envelope, self._last_ns) for envelope in self._state.in_order()],
        )
        self._counted_bytes = 0
        self._jumps_told_ns = self._last_ns
        self._count(self._file)
        self._ledger.parts += 1
        self.path = path
        self._opened_s = self._since_s = self._monotonic()
        _log.info("sink %r: recording to %s", self._context.name, path)

    def write(self, batch: Sequence[Envelope], losses: Iterable[Loss] = ()) -> None:
        """Append envelopes in their order, and flush what has waited long enough.

        Raises:
            OSError: the disk does not take it; only `abandon` is left to be called.
        """
        self._note(losses)
        written = 0
        try:
            while written < len(batch):
                self._next_ns = batch[written].published_unix_ns
                file = self._ready_for(batch[written])
                if not (file.unflushed or self._losses):
                    self._since_s = self._monotonic()
                written = file.write(batch, written, self._settings.rotate_bytes or _ANY_SIZE)
                self._next_ns = batch[written].published_unix_ns if written < len(batch) else None
                if file.chunk_is_full:
                    self._flush(file)
        except OSError:
            self._rest = batch[written:]
            raise
        if self._settings.fsync == "always" and self._file is not None:
            self._flush(self._file)
            self._file.sync()
        elif self.flush_in_s == 0:
            self.flush()

    def flush(self) -> None:
        """Bring what is in memory to the file.

        Raises:
            OSError: the disk does not take it; only `abandon` is left to be called.
        """
        if self._file is not None:
            self._flush(self._file)

    def sync(self) -> None:
        """Have the disk take what was flushed; another thread may write meanwhile.

        Raises:
            OSError: the disk does not.
        """
        if (file := self._file) is not None:
            file.sync()

    def close(self, losses: Iterable[Loss] = ()) -> None:
        """Finish the file that is open, if one is, and delete what the ring has too much.

        Raises:
            OSError: it cannot be finished; only `abandon` is left to be called.
        """
        self._note(losses)
        if (file := self._file) is None:
            return
        self._flush(file)
        file.add_metadata(TOTALS, self._ledger.totals(file.messages))
        self.path = path = file.close(sync=self._settings.fsync != "never")
        self._file = None
        self._count(file, files=1)
        _log.info("sink %r: %s is finished: %d messages", self._context.name, path, file.messages)
        assert self._names is not None
        keep = Keep(self._settings.keep_parts, self._settings.keep_bytes)
        self._ring.prune(self._names, self._ledger.identity, keep)

    def abandon(self) -> list[Envelope]:
        """After a failure, finish the file as well as that is possible, and raise nothing of the disk's.

        Returns:
            What was given to `write` and is in no file.
        """
        file, self._file = self._file, None
        rest, self._rest = [*self._rest], ()
        self._next_ns = None
        if file is None:
            return rest
        unflushed = [*file.unflushed]
        try:
            if not (file.has_failed or file.is_closed):
                file.add_metadata(TOTALS, self._ledger.totals(file.messages))
            file.close(sync=self._settings.fsync != "never")
        except OSError as error:
            _log.error("sink %r: %s could not be finished: %s", self._context.name, file.path, error)
        self._count(file, files=int(file.has_name))
        if file.has_failed:
            return unflushed + rest
        self._delivered(unflushed)
        return rest

    def _ready_for(self, envelope: Envelope) -> RecordingFile:
        """The file that an envelope belongs into."""
        file, settings = self._file, self._settings
        if file is not None:
            age_s = self._monotonic() - self._opened_s
            is_large = 0 < settings.rotate_bytes <= file.size_bytes + len(envelope.encoded)
            is_old = 0 < settings.rotate_s <= age_s
            if not ((is_large or is_old) and file.messages) and file.has_channel_for(envelope.topic):
                return file
            self.close()
        self.open()
        assert self._file is not None
        return self._file

    def _flush(self, file: RecordingFile) -> None:
        if not file.is_in_place():
            file.fail()
            raise FileNotFoundError(
                f"{file.path} was removed or moved while it was written, with {file.messages} messages "
                "in it: leave it alone until it is finished"
            )
        flushed = file.flush()
        self._delivered(flushed)
        self._count(file)
        self._tell_jumps(file, flushed)
        self._since_s = self._monotonic()
        if self._losses:
            file.add_losses(self._losses)
            self._losses = []
        while self._notes:
            file.add_metadata(*self._notes.popleft())

    def _tell_jumps(self, file: RecordingFile, flushed: Sequence[Envelope]) -> None:
        """Write where the wall clock was set since the file's first message, or the state before it."""
        if not self._jumps_told_ns and flushed:
            self._jumps_told_ns = flushed[0].published_unix_ns
        for step in self._context.clock.steps() if self._jumps_told_ns else ():
            if step.steady_unix_ns > self._jumps_told_ns:
                file.add_jump(Jump(*step))
                self._jumps_told_ns = step.steady_unix_ns

    def _delivered(self, envelopes: Sequence[Envelope]) -> None:
        """Take note of what is in a file: the next part begins with the state that it leaves."""
        self._ledger.record(len(envelopes))
        self._tally.add(envelopes=len(envelopes))
        self._state.note(envelopes)
        if envelopes:
            self._last_ns = envelopes[-1].published_unix_ns

    def _count(self, file: RecordingFile, *, files: int = 0) -> None:
        """Add what was put on disk since the last call, and files that have their end and their name."""
        added_bytes, self._counted_bytes = file.written_bytes - self._counted_bytes, file.written_bytes
        self._tally.add(written_bytes=added_bytes, files=files)

    def _note(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            if not self._losses:
                self._since_s = self._monotonic()
            self._losses.append(loss)
            self._ledger.lose(loss)


def _carried(envelope: Envelope, log_unix_ns: int) -> Line:
    """A message of the state, as of the last one before the file, so that no tool sees it hours early."""
    captured_ns = envelope.captured_unix_ns
    return Line(envelope.topic, envelope.sequence, log_unix_ns, captured_ns, envelope.encoded)
