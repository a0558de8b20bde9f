"""The sinks of a kernel: started together, and each added, changed or removed while the others run."""

from collections.abc import Iterator, Mapping
from typing import Final

import anyio
from anyio.abc import TaskGroup

from beats.kernel.bus import Bus
from beats.kernel.doorbell import Doorbell
from beats.kernel.envelope import Kind
from beats.kernel.errors import StartError
from beats.kernel.lane import LaneBounds
from beats.kernel.parts import SinkPart
from beats.kernel.ports import Sink
from beats.kernel.publisher import Publisher
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import SinkStats
from beats.kernel.supervisor import Backoff, describe

_CANCEL_TIMEOUT_S: Final = 1.0
"""How long a sink that was cancelled is waited for: one that hangs must not hang its operator."""


class Sinks:
    """Lives in the kernel's event loop; `stats` and iteration are for any thread."""

    def __init__(self, bus: Bus, publisher: Publisher, backoff: Backoff) -> None:
        """Begin with none."""
        self._bus: Final = bus
        self._publisher: Final = publisher
        self._backoff: Final = backoff
        self._parts: dict[str, SinkPart] = {}
        self._group: TaskGroup | None = None
        self._doorbell: Doorbell | None = None

    def __iter__(self) -> Iterator[SinkPart]:
        return iter(tuple(self._parts.values()))

    def __getitem__(self, name: str) -> SinkPart:
        return self._parts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def stats(self) -> tuple[SinkStats, ...]:
        """The counters of all."""
        return tuple(part.stats() for part in self)

    def add(
        self, name: str, sink: Sink, bounds: LaneBounds | None, lanes: Mapping[Kind, LaneBounds] | None
    ) -> SinkPart:
        """Give a sink a queue on the bus.

        Raises:
            ValueError: there is a sink of this name.
        """
        if name in self._parts:
            raise ValueError(f"there is a sink {name!r} already")
        queue = SinkQueue(name, bounds, lanes, keep_losses=True)
        part = SinkPart(name, sink, queue, self._bus, self._backoff)
        self._parts = {**self._parts, name: part}
        return part

    def start(self, group: TaskGroup, doorbell: Doorbell) -> None:
        """Run all, and those that are added later, in a task group."""
        self._group, self._doorbell = group, doorbell
        for part in self:
            self._supervise(part)

    def errors(self) -> dict[str, Exception]:
        """Why sinks could not start."""
        errors = {part.name: part.supervisor.start_error for part in self}
        return {name: error for name, error in errors.items() if error is not None}

    async def add_now(
        self, name: str, sink: Sink, bounds: LaneBounds, lanes: Mapping[Kind, LaneBounds]
    ) -> None:
        """Add a sink while the kernel runs; returns when it has opened what it needs.

        Raises:
            ValueError: there is a sink of this name.
            StartError: it could not start; it is not there then.
        """
        part = self.add(name, sink, bounds, lanes)
        self._supervise(part)
        await part.supervisor.settled.wait()
        if (error := part.supervisor.start_error) is not None:
            self._forget(part)
            raise StartError(f"sink {name!r} could not start: {describe(error)}") from error

    async def remove(self, name: str, timeout_s: float) -> None:
        """Let a sink deliver what waits, for so long, and end it; what it could not deliver is counted."""
        part = self._parts[name]
        part.disconnect()
        part.close()
        await self._ended(part, timeout_s)
        self._forget(part)

    async def replace(
        self,
        name: str,
        sink: Sink,
        bounds: LaneBounds,
        lanes: Mapping[Kind, LaneBounds],
        timeout_s: float,
        *,
        hand_over: bool,
    ) -> None:
        """Put another sink in the place of one, with no envelope lost or doubled between the two.

        Args:
            name: of both.
            sink: the successor.
            bounds: of its queue.
            lanes: of kinds with bounds of their own.
            timeout_s: how long the predecessor may take to end.
            hand_over: whether the successor gets what waits, and what comes meanwhile; else the
                predecessor delivers all that came before this call.

        Raises:
            StartError: the successor could not start; the predecessor runs again, and has what waited.
        """
        old = self._parts[name]
        old_bounds, old_lanes = old.queue.bounds()
        old.supervisor.stop()
        if hand_over:
            old.queue.hand_over()
            queue, connections = old.queue, old.connections
        else:
            queue = SinkQueue(name, bounds, lanes, keep_losses=True)
            with self._publisher.held():  # nothing is published between the two
                connections = old.connect(queue)
                old.disconnect()
            old.close()
        await self._ended(old, timeout_s)
        if hand_over:
            queue.rebound(bounds, lanes)
        else:
            old.release()
        queue.take_over()
        error = await self._succeed(old, SinkPart(name, sink, queue, self._bus, self._backoff, connections))
        if error is not None:
            queue.rebound(old_bounds, old_lanes)
            # As before: it ran once, so a failure now is no reason to end anything.
            again = SinkPart(name, old.sink, queue, self._bus, self._backoff, connections, must_start=False)
            await self._succeed(old, again)
            raise StartError(f"sink {name!r} could not start anew: {describe(error)}") from error

    def close(self) -> None:
        """Let all deliver what waits, and end."""
        for part in self:
            part.close()

    async def finished(self) -> None:
        """Until all have ended."""
        for part in self:
            await part.supervisor.finished.wait()

    def release(self) -> None:
        """After all have ended: count and report what was not delivered."""
        self._group = self._doorbell = None
        for part in self:
            part.release()

    def _supervise(self, part: SinkPart) -> None:
        assert self._group is not None, "the kernel runs"
        part.queue.attach(self._doorbell)
        self._group.start_soon(part.supervisor.supervise, name=f"sink {part.name}")

    async def _succeed(self, old: SinkPart, new: SinkPart) -> Exception | None:
        """Run a part in the place of another; why it could not start, if so."""
        self._parts = {name: new if name == old.name else part for name, part in self._parts.items()}
        self._supervise(new)
        await new.supervisor.settled.wait()
        return new.supervisor.start_error

    async def _ended(self, part: SinkPart, timeout_s: float) -> None:
        """Until a part has ended; cancelled when it takes too long."""
        with anyio.move_on_after(timeout_s):
            await part.supervisor.finished.wait()
        if not part.supervisor.finished.is_set():
            part.supervisor.cancel()
            with anyio.move_on_after(_CANCEL_TIMEOUT_S):
                await part.supervisor.finished.wait()

    def _forget(self, part: SinkPart) -> None:
        part.release()
        self._parts = {name: each for name, each in self._parts.items() if each is not part}
