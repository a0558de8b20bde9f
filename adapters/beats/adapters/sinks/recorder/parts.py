"""The files of one recording, one after the other; synchronous, for a worker thread."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from beats.adapters.sinks.recorder.disk import Counters
from beats.adapters.sinks.recorder.manifest import Manifest
from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.retention import Keep, Retention
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.envelope import Envelope
from beats.kernel.last_values import LastValues
from beats.kernel.ports import Context
from beats.kernel.stats import Loss
from beats.recordings.format import FILE, LOG_OFFSET, TOTALS, RecordedMessage
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import RecordingFile

_log: Final = logging.getLogger(__name__)
_ANY_SIZE: Final = 2**62
_MOST_NOTES: Final = 100
"""The most notes that wait for a file; a person makes far fewer changes."""


class Parts:
    """Writes envelopes into a file, and starts the next one when it is large or old enough.

    No envelope is lost or doubled between two files. When a write fails, `abandon` returns what is in no
    file, and `open` starts a new one.
    """

    def __init__(
        self,
        settings: RecorderSettings,
        context: Context,
        counters: Counters | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is opened yet. What is written is added to the counters."""
        self.path: Path | None = None
        """The file that is open, or was last, by its name once it is whole."""
        self._settings = settings
        self._context: Final = context
        self._counters: Final = counters or Counters()
        self._monotonic: Final = monotonic
        self._manifest = Manifest()
        self._retention = Retention(context.name, context.profile)
        self._names: Names | None = None
        self._file: RecordingFile | None = None
        self._rest: Sequence[Envelope] = ()
        """After a failure: the envelopes that `write` was given and that are not in a file yet."""
        self._next_ns: int | None = None
        """When the first envelope passed to `write`, and not yet to a file, came onto the bus."""
        self._counted_bytes = 0
        self._opened_s = 0.0
        self._since_s = 0.0
        self._last_ns = 0
        self._jumps_until_ns = 0
        """Jumps of the wall clock up to this time are in the open file, or came before it."""
        self._state: Final = LastValues()
        self._losses: list[Loss] = []
        self._notes: Final[deque[tuple[str, Mapping[str, str]]]] = deque(maxlen=_MOST_NOTES)

    def begin_with(self, state: Iterable[Envelope], log_unix_ns: int) -> None:
        """Set the state at the beginning of the first file, and its time on the bus."""
        self.know(state)
        self._last_ns = log_unix_ns

    def know(self, values: Iterable[Envelope]) -> None:
        """Add last values that are in no file: the next one begins with them."""
        self._state.note(values)

    def pass_over(self, envelopes: Sequence[Envelope]) -> None:
        """Skip envelopes that are not recorded; the next file begins with the state after them."""
        if envelopes:
            self.begin_with(envelopes, envelopes[-1].published_unix_ns)

    def renew(self, last_values: Sequence[Envelope] = ()) -> None:
        """Start another recording with the next file; no file may be open.

        Args:
            last_values: those of the whole bus at that time; if empty, the known state is used.
        """
        if last_values:
            self._state.clear()
            self._state.note(last_values)
        self._manifest, self._names, self._losses = Manifest(), None, []

    def take_over(self, other: "Parts") -> None:
        """Continue the recording of another instance, which has ended: the next file is a further part."""
        self.begin_with(other._state.in_order(), other._last_ns)
        self._manifest, self._losses, self._retention = other._manifest, other._losses, other._retention
        self._notes.extend(other._notes)

    @property
    def is_open(self) -> bool:
        """Whether a file is open; any thread may ask."""
        return self._file is not None

    @property
    def oldest_unflushed_ns(self) -> int | None:
        """When the oldest envelope that is only in memory came onto the bus; any thread may ask."""
        file = self._file
        for envelope in () if file is None else file.unflushed[:1]:
            return envelope.published_unix_ns
        return self._next_ns

    @property
    def flush_in_s(self) -> float | None:
        """Seconds until the next flush is due; None when there is nothing to flush."""
        if self._file is None or not (self._file.unflushed or self._losses):
            return None
        return max(0.0, self._since_s + self._settings.flush_interval_s - self._monotonic())

    def adjust(self, settings: RecorderSettings) -> None:
        """Apply settings that differ in adjustable values only; any thread may call it."""
        self._settings = settings

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write metadata with the next flush; any thread may call it."""
        self._notes.append((name, content))

    def open(self) -> None:
        """Start the next file with the current state.

        Raises:
            OSError: it cannot be created, or the disk has too little space; the error names it.
        """
        now_ns, steady_ns = self._context.clock.read()
        if self._names is None:
            settings, profile = self._settings, self._context.profile
            self._names = Names(settings.path, profile, now_ns, is_counted=settings.waits_to_be_told)
        path = self._names.free(self._manifest.parts + 1)
        ahead_ns = now_ns - steady_ns
        about = self._manifest.about(self._settings, self._context, now_ns)
        self._file = RecordingFile(
            path,
            {**about, FILE: self._names.in_root(path), LOG_OFFSET: str(ahead_ns)},
            self._settings.compression,
            min_free_bytes=self._settings.min_free_bytes,
            ahead_ns=ahead_ns,
            carried=[_carried(envelope, self._last_ns) for envelope in self._state.in_order()],
        )
        self._counted_bytes = 0
        self._jumps_until_ns = self._last_ns
        self._count(self._file)
        self._manifest.parts += 1
        self.path = path
        self._opened_s = self._since_s = self._monotonic()
        _log.info("sink %r: recording to %s", self._context.name, path)

    def write(self, batch: Sequence[Envelope], losses: Iterable[Loss] = ()) -> None:
        """Append envelopes in their order, and flush when it is due.

        Raises:
            OSError: the disk rejects it; only `abandon` may be called.
        """
        self._add_losses(losses)
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
            self._file.output.sync()
        elif self.flush_in_s == 0:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory to the file.

        Raises:
            OSError: the disk rejects it; only `abandon` may be called.
        """
        if self._file is not None:
            self._flush(self._file)

    def sync(self) -> None:
        """Wait until the disk has what was flushed; another thread may write meanwhile.

        Raises:
            OSError: the disk reports a failure.
        """
        if (file := self._file) is not None:
            file.output.sync()

    def close(self, losses: Iterable[Loss] = ()) -> None:
        """Finish the open file, if there is one, and delete old files that exceed the bounds.

        Raises:
            OSError: the file cannot be finished; only `abandon` may be called then.
        """
        self._add_losses(losses)
        if (file := self._file) is None:
            return
        self._flush(file)
        file.add_metadata(TOTALS, self._manifest.totals(file.messages))
        self.path = path = file.close(sync=self._settings.fsync != "never")
        self._file = None
        self._count(file, files=1)
        _log.info("sink %r: %s is finished: %d messages", self._context.name, path, file.messages)
        assert self._names is not None
        keep = Keep(self._settings.keep_parts, self._settings.keep_bytes)
        self._retention.prune(self._names, self._manifest.identity, keep)

    def abandon(self) -> list[Envelope]:
        """Finish the file as far as possible after a failure; errors of the disk are logged.

        Returns:
            What was passed to `write` and is in no file.
        """
        file, self._file = self._file, None
        rest, self._rest = [*self._rest], ()
        self._next_ns = None
        if file is None:
            return rest
        unflushed = [*file.unflushed]
        try:
            if not (file.has_failed or file.is_closed):
                file.add_metadata(TOTALS, self._manifest.totals(file.messages))
            file.close(sync=self._settings.fsync != "never")
        except OSError as error:
            _log.error("sink %r: %s could not be finished: %s", self._context.name, file.output.path, error)
        self._count(file, files=int(file.output.has_name))
        if file.has_failed:
            return unflushed + rest
        self._delivered(unflushed)
        return rest

    def _ready_for(self, envelope: Envelope) -> RecordingFile:
        """The file for an envelope; starts a new one if necessary."""
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
        if not file.output.is_in_place():
            file.has_failed = True
            raise FileNotFoundError(
                f"{file.output.path} was removed or moved while it was being written, with "
                f"{file.messages} messages in it: do not touch it until it is finished"
            )
        flushed = file.flush()
        self._delivered(flushed)
        self._count(file)
        self._write_jumps(file, flushed)
        self._since_s = self._monotonic()
        if self._losses:
            file.add_losses(self._losses)
            self._losses = []
        while self._notes:
            file.add_metadata(*self._notes.popleft())

    def _write_jumps(self, file: RecordingFile, flushed: Sequence[Envelope]) -> None:
        """Record where the wall clock was set since the first message of the file, or the state before it."""
        if not self._jumps_until_ns and flushed:
            self._jumps_until_ns = flushed[0].published_unix_ns
        for step in self._context.clock.steps() if self._jumps_until_ns else ():
            if step.steady_unix_ns > self._jumps_until_ns:
                file.add_jump(ClockJump(*step))
                self._jumps_until_ns = step.steady_unix_ns

    def _delivered(self, envelopes: Sequence[Envelope]) -> None:
        """Count envelopes that are in a file; the next part begins with the state after them."""
        self._manifest.record(len(envelopes))
        self._counters.add(envelopes=len(envelopes))
        self._state.note(envelopes)
        if envelopes:
            self._last_ns = envelopes[-1].published_unix_ns

    def _count(self, file: RecordingFile, *, files: int = 0) -> None:
        """Count the bytes written since the last call, and finished files."""
        added_bytes, self._counted_bytes = (
            file.output.written_bytes - self._counted_bytes,
            file.output.written_bytes,
        )
        self._counters.add(written_bytes=added_bytes, files=files)

    def _add_losses(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            if not self._losses:
                self._since_s = self._monotonic()
            self._losses.append(loss)
            self._manifest.lose(loss)


def _carried(envelope: Envelope, log_unix_ns: int) -> RecordedMessage:
    """A message of the state, dated as the last one before the file, so that no tool shows it hours early."""
    captured_ns, encoded = envelope.captured_unix_ns, envelope.encoded
    return RecordedMessage(envelope.topic, envelope.sequence, log_unix_ns, captured_ns, encoded)
