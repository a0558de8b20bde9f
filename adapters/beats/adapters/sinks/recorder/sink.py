"""The recorder sink: records continuously, on command, or the last seconds as snapshots."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from beats.adapters.sinks.recorder.disk import Counters, DiskWatch
from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.adapters.sinks.recorder.snapshots import Snapshots
from beats.adapters.sinks.recorder.writer import Writer
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import Batches, Context

_log: Final = logging.getLogger(__name__)


def _check_record(fields: Mapping[str, Any]) -> dict[str, object]:
    """`recording`: true or false; toggles when left out."""
    recording = fields.get("recording")
    if recording is not None and not isinstance(recording, bool):
        raise ValueError(f"recording is {recording!r:.40}, not true or false")
    return {"recording": recording}


_RECORD: Final[Mapping[str, CommandCheck]] = MappingProxyType({"record": _check_record})
_SNAPSHOT: Final[Mapping[str, CommandCheck]] = MappingProxyType({"snapshot": lambda _: {}})
_NONE: Final[Mapping[str, CommandCheck]] = MappingProxyType({})


class RecorderSink:
    """The interface of a recorder for the kernel, the page and other threads."""

    def __init__(self, settings: RecorderSettings, context: Context) -> None:
        self._settings = settings
        self._context: Final = context
        self._counters: Final = Counters()
        self._disk: Final = DiskWatch(Names(settings.path, context.profile, 0).path(1))
        self._work: Final = (
            Writer(settings, context, self._counters, self._disk)
            if settings.snapshot_s is None
            else Snapshots(settings, settings.snapshot_s, context, self._counters, self._disk)
        )

    @property
    def path(self) -> Path | None:
        """The file that is being written, or was written last, by its name once it is whole."""
        return self._work.parts.path if isinstance(self._work, Writer) else self._work.path

    @property
    def holds_snapshot(self) -> bool:
        """Whether it holds the last seconds instead of recording."""
        return isinstance(self._work, Snapshots)

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """The commands that its settings allow."""
        if self._settings.idle:
            return _RECORD
        return _SNAPSHOT if self.holds_snapshot else _NONE

    def command(self, control: Control) -> None:
        """Carry out a command soon; never waits, and any thread may call it."""
        if isinstance(self._work, Snapshots):
            self._work.tell()
            return
        recording = control.fields.get("recording")
        is_new = self._work.tell(None if recording is None else bool(recording))
        told = "record" if self._work.switch.wanted else "stop"
        level = logging.INFO if is_new else logging.DEBUG
        _log.log(level, "sink %r: told to %s by %s", self._context.name, told, control.client.remote)

    def take_over(self, predecessor: object) -> None:
        """Continue a recording of the predecessor, if both record on command."""
        if not (isinstance(predecessor, RecorderSink) and isinstance(self._work, Writer)):
            return
        before = predecessor._work
        if isinstance(before, Writer) and self._settings.idle and predecessor._settings.idle:
            self._work.take_over(before)

    def adjust(self, settings: RecorderSettings) -> None:
        """Apply other adjustable settings."""
        self._settings = settings
        self._work.adjust(settings)

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write metadata into the recording with the next flush."""
        if isinstance(self._work, Writer):
            self._work.parts.note(name, content)

    def metrics(self) -> Mapping[str, float]:
        """The sink's metrics, which `SINK.metrics` explains. Any thread may call this; it accesses no disk.

        `idle` is there only with that setting, `held_s` and `held_bytes` only with `snapshot_s`, `free_bytes`
        from the first look at the disk.
        """
        work, counters = self._work, self._counters
        metrics: dict[str, float] = {
            "written_bytes_total": counters.written_bytes,
            "written_envelopes_total": counters.envelopes,
            "files_total": counters.files,
        }
        if isinstance(work, Snapshots):
            metrics |= {"recording": int(work.is_writing), "unflushed_age_s": 0.0}
            metrics |= {"held_s": work.held.seconds, "held_bytes": work.held.size_bytes}
        else:
            metrics |= {"recording": int(work.parts.is_open), "unflushed_age_s": self._age_s(work)}
            if self._settings.idle:
                metrics["idle"] = int(not work.switch.wanted)
        if (free_bytes := self._disk.free_bytes) is not None:
            metrics["free_bytes"] = free_bytes
        return metrics

    async def run(self, queue: Batches) -> None:
        """Take everything until the queue ends. An open file is always finished.

        Raises:
            OSError: a file cannot be created or written, or the disk has too little space. What is in no file
                was given back to the queue; the next call starts a new file with it.
        """
        await self._work.run(queue)

    async def snapshot(self) -> Path:
        """Write what is held to a new file, and return its path.

        Raises:
            LookupError: nothing is held.
            OSError: the file cannot be written.
        """
        if isinstance(self._work, Snapshots):
            return await self._work.write()
        raise LookupError(f"sink {self._context.name!r} has no envelopes in memory yet")

    def _age_s(self, writer: Writer) -> float:
        oldest_ns = writer.parts.oldest_unflushed_ns
        return 0.0 if oldest_ns is None else max(0, self._context.clock.steady_unix_ns() - oldest_ns) / 1e9
