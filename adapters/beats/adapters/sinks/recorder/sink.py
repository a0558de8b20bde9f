"""The recorder sink: records all the time, while told to, or what has just happened."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from beats.adapters.sinks.recorder.commands import commands
from beats.adapters.sinks.recorder.counters import Counters
from beats.adapters.sinks.recorder.disk import Disk
from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.adapters.sinks.recorder.snapshots import Snapshots
from beats.adapters.sinks.recorder.writer import Writer
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import Batches, Context

_log: Final = logging.getLogger(__name__)


class RecorderSink:
    """What the kernel, the page and other threads see of a recorder; others do the work."""

    def __init__(self, settings: RecorderSettings, context: Context) -> None:
        self._settings = settings
        self._context: Final = context
        self._tally: Final = Counters()
        self._disk: Final = Disk(Names(settings.path, context.profile, 0).path(1))
        self._work: Final = (
            Writer(settings, context, self._tally, self._disk)
            if settings.snapshot_s is None
            else Snapshots(settings, settings.snapshot_s, context, self._tally, self._disk)
        )

    @property
    def path(self) -> Path | None:
        """The file that is being written, or was written last, by the name that it has when it is whole."""
        return self._work.parts.path if isinstance(self._work, Writer) else self._work.path

    @property
    def holds_snapshot(self) -> bool:
        """Whether it holds the last seconds in place of recording."""
        return isinstance(self._work, Snapshots)

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """What it can be told: what its settings have it wait for."""
        return commands(self._settings)

    def command(self, control: Control) -> None:
        """Obey soon; never waits, and any thread may call it."""
        if isinstance(self._work, Snapshots):
            self._work.tell()
            return
        recording = control.fields.get("recording")
        is_new = self._work.tell(None if recording is None else bool(recording))
        told = "record" if self._work.switch.wanted else "stop"
        level = logging.INFO if is_new else logging.DEBUG
        _log.log(level, "sink %r: told to %s by %s", self._context.name, told, control.client.remote)

    def take_over(self, predecessor: object) -> None:
        """Go on with what it was told to record, if both wait to be told; else begin as the settings say."""
        if not (isinstance(predecessor, RecorderSink) and isinstance(self._work, Writer)):
            return
        before = predecessor._work
        if isinstance(before, Writer) and self._settings.idle and predecessor._settings.idle:
            self._work.take_over(before)

    def adjust(self, settings: RecorderSettings) -> None:
        """Go on with other bounds and times."""
        self._settings = settings
        self._work.adjust(settings)

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write this into the recording with what is written next."""
        if isinstance(self._work, Writer):
            self._work.parts.note(name, content)

    def metrics(self) -> Mapping[str, float]:
        """How it is doing; any thread may ask, and the disk is not asked for it.

        - `recording`: 1 while a file is open, else 0.
        - `idle`: 1 while it is not told to record, 0 while it is; only with `idle` in its settings. With both
          0 it was told to, and cannot, or not yet: the sink's own state says which.
        - `written_bytes_total`: bytes put on disk, all that files consist of included.
        - `written_envelopes_total`: envelopes that are in a file, without the state that files begin with.
        - `files_total`: files that were finished, those included that end early because a write failed.
        - `unflushed_age_s`: how long ago the oldest envelope came onto the bus that is in memory only, the
          queue left out; 0 when there is none.
        - `free_bytes`: what the disk had left for this user a second ago, or when it last answered; missing
          until then.
        - `held_s`, `held_bytes`: what a recorder with `snapshot_s` holds: the time on the bus from the first
          envelope to the last, and their encoded bytes.
        """
        work, tally = self._work, self._tally
        metrics: dict[str, float] = {
            "written_bytes_total": tally.written_bytes,
            "written_envelopes_total": tally.envelopes,
            "files_total": tally.files,
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
        """Take everything until the queue ends. A file that is open is finished however this ends.

        Raises:
            OSError: a file cannot be made or written, or the disk has too little left. What is in no file
                was given back to the queue; the next call begins a new file with it.
        """
        await self._work.run(queue)

    async def snapshot(self) -> Path:
        """Write what is held to a file of its own, and say which.

        Raises:
            LookupError: nothing is held.
            OSError: the file cannot be written.
        """
        if isinstance(self._work, Snapshots):
            return await self._work.write()
        raise LookupError(f"sink {self._context.name!r} holds nothing yet")

    def _age_s(self, writer: Writer) -> float:
        oldest_ns = writer.parts.oldest_unflushed_ns
        return 0.0 if oldest_ns is None else max(0, self._context.clock.steady_unix_ns() - oldest_ns) / 1e9
