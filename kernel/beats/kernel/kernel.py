"""Runs sources and sinks in one task group, and ends them in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import anyio
from anyio.abc import TaskGroup, TaskStatus

from beats.kernel.bus import Bus
from beats.kernel.clock import SystemClock
from beats.kernel.doorbell import Doorbell
from beats.kernel.envelope import Kind
from beats.kernel.errors import StartError
from beats.kernel.lane import LaneBounds
from beats.kernel.parts import SinkPart, SourcePart
from beats.kernel.ports import Clock, Codec, CommandCheck, Sink, Source, TakesCommands
from beats.kernel.publisher import Publisher
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import Stats
from beats.kernel.supervisor import Backoff, describe


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """How the kernel treats the parts that it runs."""

    shutdown_timeout_s: float = 5.0
    """Longest time that sinks have, at the end, to deliver what waits."""
    backoff: Backoff = field(default_factory=Backoff)
    """Pauses before a failed part is restarted."""
    max_topics: int = 10_000
    """Largest number of topics."""
    when_sources_end: Literal["stop", "stay"] = "stop"
    """What to do when every source has ended; a kernel without sources stays."""


class Kernel:
    """The microkernel: add sinks and sources, then `run` once."""

    def __init__(
        self, codec: Codec, *, clock: Clock | None = None, options: KernelOptions | None = None
    ) -> None:
        """Make an empty kernel; nothing runs yet."""
        self.options: Final = options or KernelOptions()
        self.bus: Final = Bus()
        self.publisher: Final = Publisher(
            self.bus, codec, clock or SystemClock(), max_topics=self.options.max_topics
        )
        self._sinks: Final[dict[str, SinkPart]] = {}
        self._sources: Final[dict[str, SourcePart]] = {}
        self.commands: Final[dict[str, CommandCheck]] = {}
        """The commands that sources take besides those of the wire."""
        self._doorbell: Doorbell | None = None
        self._stop: Final = anyio.Event()
        self._stop_asked = False

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The sinks by name."""
        return {name: part.sink for name, part in self._sinks.items()}

    def add_sink(
        self,
        name: str,
        sink: Sink,
        bounds: LaneBounds | None = None,
        lanes: Mapping[Kind, LaneBounds] | None = None,
    ) -> None:
        """Give a sink a queue on the bus; `run` runs it.

        Raises:
            ValueError: there is a sink of this name.
        """
        if name in self._sinks:
            raise ValueError(f"there is a sink {name!r} already")
        queue = SinkQueue(name, bounds, lanes, keep_losses=True)
        self._sinks[name] = SinkPart(name, sink, queue, self.bus, self.options.backoff)

    def add_source(self, name: str, source: Source) -> None:
        """Add a source; `run` runs it.

        Raises:
            ValueError: there is a source of this name.
        """
        if name in self._sources:
            raise ValueError(f"there is a source {name!r} already")
        part = self._sources[name] = SourcePart(name, source, self.publisher, self.options.backoff)
        if isinstance(source, TakesCommands):
            self.commands.update(source.commands)
            self.bus.connect("control", part.obey)

    def stop(self) -> None:
        """Ask for an orderly end; returns at once. Any thread may call it, also before `run`."""
        self._stop_asked = True
        if (doorbell := self._doorbell) is not None:
            doorbell.ring(self._stop.set)

    def stats(self) -> Stats:
        """All counters; each queue's are of one instant. Any thread may call it."""
        return Stats(
            self.publisher.published,
            self.publisher.published_frames,
            tuple(part.stats() for part in self._sources.values()),
            tuple(part.stats() for part in self._sinks.values()),
        )

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Start the sinks, then the sources; end when told to, or when the sources have ended.

        At the end the sources are cancelled, the sinks have `shutdown_timeout_s` to deliver what waits,
        and what they could not deliver is counted and reported. Cancellation skips the waiting.

        Raises:
            StartError: a sink could not open what it needs; no source was started, nothing is left open.
        """
        self._doorbell = Doorbell()
        if self._stop_asked:
            self._stop.set()
        try:
            async with anyio.create_task_group() as group:
                try:
                    await self._start_sinks(group)
                    if not self._start_errors():
                        task_status.started()
                        if not self._stop.is_set():
                            await self._run_sources()
                finally:
                    self.publisher.close()
                    for part in self._sinks.values():
                        part.close()
                with anyio.move_on_after(0 if self._start_errors() else self.options.shutdown_timeout_s):
                    for part in self._sinks.values():
                        await part.supervisor.finished.wait()
                group.cancel_scope.cancel()
        finally:
            self._doorbell = None
            for part in self._sinks.values():
                part.release()
        if failed := self._start_errors():
            reasons = "; ".join(f"sink {name!r} could not start: {describe(e)}" for name, e in failed.items())
            raise StartError(reasons) from next(iter(failed.values()))

    async def _start_sinks(self, group: TaskGroup) -> None:
        """Return when each sink has opened what it needs or has failed, or when told to stop."""
        for part in self._sinks.values():
            part.queue.attach(self._doorbell)
            group.start_soon(part.supervisor.supervise, name=f"sink {part.name}")
        async with anyio.create_task_group() as opening:

            async def cut_short() -> None:
                await self._stop.wait()
                opening.cancel_scope.cancel()

            opening.start_soon(cut_short)
            for part in self._sinks.values():
                await part.supervisor.settled.wait()
            opening.cancel_scope.cancel()

    def _start_errors(self) -> dict[str, Exception]:
        errors = {name: part.supervisor.start_error for name, part in self._sinks.items()}
        return {name: error for name, error in errors.items() if error is not None}

    async def _run_sources(self) -> None:
        running = len(self._sources)

        async def supervise(part: SourcePart) -> None:
            nonlocal running
            await part.supervisor.supervise()
            running -= 1
            if not running and self.options.when_sources_end == "stop":
                self._stop.set()

        async with anyio.create_task_group() as group:
            for part in self._sources.values():
                group.start_soon(supervise, part, name=f"source {part.name}")
            await self._stop.wait()
            for part in self._sources.values():
                part.supervisor.stop()
            group.cancel_scope.cancel()
