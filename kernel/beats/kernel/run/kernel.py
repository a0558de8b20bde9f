"""The kernel: runs sources and sinks in one task group, and ends them in order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import anyio
from anyio.abc import TaskStatus

from beats.kernel.bus import Bus
from beats.kernel.capabilities import CommandCheck
from beats.kernel.clock import SystemClock
from beats.kernel.errors import StartError
from beats.kernel.ports import Clock, Codec, Sink, Source
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.commands import Commands
from beats.kernel.run.sinks import Sinks
from beats.kernel.run.sources import Sources
from beats.kernel.run.supervisor import Backoff, describe
from beats.kernel.stats import Stats
from beats.kernel.waker import Waker


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """Times and limits of the kernel."""

    shutdown_timeout_s: float = 5.0
    """Longest time in seconds that sinks have at the end to deliver what waits."""
    backoff: Backoff = field(default_factory=Backoff)
    """Pauses before a failed source or sink is restarted."""
    max_topics: int = 10_000
    """Largest number of topics."""
    when_sources_end: Literal["stop", "stay"] = "stop"
    """What to do when every source has ended; a kernel without sources stays."""


class Kernel:
    """The microkernel: add sinks and sources, then `run` once."""

    def __init__(
        self, codec: Codec, *, clock: Clock | None = None, options: KernelOptions | None = None
    ) -> None:
        """Create a kernel without sinks and sources; nothing runs yet."""
        self.options = options or KernelOptions()
        self.bus: Final = Bus()
        clock = clock or SystemClock()
        self._started_unix_ns: Final = clock.unix_ns()
        self.publisher: Final = Publisher(self.bus, codec, clock, max_topics=self.options.max_topics)
        self._commands: Final = Commands(self.bus)
        self._sinks: Final = Sinks(self._commands, self.publisher, self.options.backoff)
        self._sources: Final = Sources(
            self._commands, self.publisher, self.options.backoff, self._sources_ended
        )
        self._before_close: Final[list[Callable[[float], Awaitable[object]]]] = []
        self._waker: Waker | None = None
        self._event_loop = ""
        self._stop: Final = anyio.Event()
        self._stop_asked = False

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The sinks by name."""
        return {component.name: component.sink for component in self._sinks}

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """The commands that sources and sinks take now, besides those of the wire."""
        return self._commands.known

    def add_sink(
        self, name: str, sink: Sink, bounds: QueueBounds | None = None, *, required: bool = True
    ) -> None:
        """Give a sink a queue on the bus; `run` runs it.

        If a sink that is not required cannot start, the kernel starts without it and retries it.

        Raises:
            ValueError: there is a sink of this name already.
        """
        self._sinks.add(name, sink, bounds, required=required)

    def add_source(self, name: str, source: Source) -> None:
        """Add a source; `run` runs it, or it starts at once if the kernel is running.

        Raises:
            ValueError: there is a source of this name.
        """
        self._sources.add(name, source)

    async def add_sink_now(
        self, name: str, sink: Sink, bounds: QueueBounds, *, required: bool = True
    ) -> None:
        """Add a sink while the kernel runs; see `Sinks.add_now`."""
        await self._sinks.add_now(name, sink, bounds, required=required)

    async def remove_sink(self, name: str) -> None:
        """Remove a sink while the kernel runs; it has `shutdown_timeout_s` to deliver what waits."""
        await self._sinks.remove(name, self.options.shutdown_timeout_s)

    async def replace_sink(self, name: str, sink: Sink, bounds: QueueBounds, *, hand_over: bool) -> None:
        """Replace a sink while the kernel runs; see `Sinks.replace`."""
        timeout_s = self.options.shutdown_timeout_s
        await self._sinks.replace(name, sink, bounds, timeout_s, hand_over=hand_over)

    def rebound_sink(self, name: str, bounds: QueueBounds) -> None:
        """Change the bounds of a sink's queue; see `SinkQueue.rebound`."""
        self._sinks[name].rebound(bounds)

    async def remove_source(self, name: str) -> None:
        """End a source while the kernel runs."""
        await self._sources.remove(name)

    def hurry(self) -> tuple[list[str], list[str]]:
        """Restart at once what has failed and pauses; returns the names of these sinks and sources."""
        sinks = [component.name for component in self._sinks if component.supervisor.hurry()]
        return sinks, [component.name for component in self._sources if component.supervisor.hurry()]

    def reconfigure(self, options: KernelOptions) -> None:
        """Change the options; new pauses between restarts hold for what is added from now on."""
        self.options = options
        self.publisher.max_topics = options.max_topics
        self._sinks.backoff = self._sources.backoff = options.backoff

    def before_close(self, deliver: Callable[[float], Awaitable[object]]) -> None:
        """Await `deliver` at the end, when the sources have ended and before the bus closes.

        For a producer that publishes later what it was given. `deliver` gets the longest time that it may
        take, in seconds: `shutdown_timeout_s`. A kernel that is cancelled leaves it out.
        """
        self._before_close.append(deliver)

    def stop(self) -> None:
        """Ask for an orderly end, and return at once. Any thread may call it, also before `run`."""
        self._stop_asked = True
        if (waker := self._waker) is not None:
            waker.ring(self._stop.set)

    def stats(self, *, clients: bool = True) -> Stats:
        """All counters, those of each queue at one instant. Any thread may call it.

        Args:
            clients: whether to ask sinks for their clients, of which there may be thousands.
        """
        return Stats(
            self.publisher.published,
            self.publisher.published_frames,
            self._sources.stats(),
            self._sinks.stats(clients=clients),
            self.publisher.topics,
            self.publisher.given_up,
            self.publisher.pictures,
            self._event_loop,
            self._started_unix_ns,
        )

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Start the sinks, then the sources; end after `stop`, or when the sources have ended.

        At the end the sources are cancelled, the sinks have `shutdown_timeout_s` to deliver what waits,
        and what they could not deliver is counted and reported. Cancellation skips the waiting.

        Raises:
            StartError: a required sink could not open what it needs; no source was started, and nothing is
                left open.
        """
        with Waker() as waker:
            await self._run(waker, task_status)
        if failed := self._sinks.errors():
            reasons = "; ".join(f"sink {name!r} could not start: {describe(e)}" for name, e in failed.items())
            raise StartError(reasons) from next(iter(failed.values()))

    async def _run(self, waker: Waker, task_status: TaskStatus[None]) -> None:
        self._waker = waker
        self._event_loop = waker.event_loop
        if self._stop_asked:
            self._stop.set()
        try:
            async with anyio.create_task_group() as group:
                try:
                    self._sinks.start(group, waker)
                    self.publisher.hand_over_to(waker)
                    await self._opened()
                    if not self._sinks.errors():
                        task_status.started()
                        if not self._stop.is_set():
                            await self._sources.run(self._stop)
                        for deliver in self._before_close:
                            await deliver(self.options.shutdown_timeout_s)
                finally:
                    self.publisher.close()
                    self._sinks.close()
                with anyio.move_on_after(0 if self._sinks.errors() else self.options.shutdown_timeout_s):
                    await self._sinks.finished()
                group.cancel_scope.cancel()
        finally:
            self._waker = None
            self.publisher.hand_over_to(None)
            self._sinks.release()

    async def _opened(self) -> None:
        """Wait until each sink has opened what it needs or has failed, or until `stop` is called."""
        async with anyio.create_task_group() as opening:

            async def cut_short() -> None:
                await self._stop.wait()
                opening.cancel_scope.cancel()

            opening.start_soon(cut_short)
            for component in self._sinks:
                await component.supervisor.settled.wait()
            opening.cancel_scope.cancel()

    def _sources_ended(self) -> None:
        if self.options.when_sources_end == "stop":
            self._stop.set()
