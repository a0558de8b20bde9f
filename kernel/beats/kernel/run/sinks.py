"""The sinks of a kernel: started together, and each added, changed or removed while the others run."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup

from beats.kernel.errors import StartError
from beats.kernel.ports import Sink
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.commands import Commands
from beats.kernel.run.components import SinkPart
from beats.kernel.run.supervisor import Backoff, describe
from beats.kernel.stats import SinkStats
from beats.kernel.waker import Waker


class Sinks:
    """Lives in the kernel's event loop; `stats` and iteration are for any thread."""

    def __init__(self, commands: Commands, publisher: Publisher, backoff: Backoff) -> None:
        """Begin with none."""
        self._commands: Final = commands
        self._publisher: Final = publisher
        self.backoff = backoff
        """The pauses between attempts, for parts that are added from now on."""
        self._parts: dict[str, SinkPart] = {}
        self._group: TaskGroup | None = None
        self._waker: Waker | None = None
        self._first: tuple[SinkPart, ...] = ()
        self._closing = False
        self._changes: Final[defaultdict[str, anyio.Lock]] = defaultdict(anyio.Lock)

    def __iter__(self) -> Iterator[SinkPart]:
        return iter(tuple(self._parts.values()))

    def __getitem__(self, name: str) -> SinkPart:
        return self._parts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def stats(self, *, clients: bool = True) -> tuple[SinkStats, ...]:
        """The counters of all, with or without those of their clients."""
        return tuple(part.stats(clients=clients) for part in self)

    def add(self, name: str, sink: Sink, bounds: QueueBounds | None, *, required: bool = True) -> SinkPart:
        """Give a sink a queue on the bus; if it is not required, it is tried again when it cannot start.

        Raises:
            ValueError: there is a sink of this name.
        """
        if name in self._parts:
            raise ValueError(f"there is a sink {name!r} already")
        queue = self._new_queue(name, bounds)
        with self._publisher.held():  # or it would get one kind from an earlier moment than the other
            part = SinkPart(name, sink, queue, self._publisher, self.backoff, must_start=required)
        self._commands.add(part, sink)
        self._parts = {**self._parts, name: part}
        return part

    def start(self, group: TaskGroup, waker: Waker) -> None:
        """Run all, and those that are added later, in a task group."""
        self._group, self._waker = group, waker
        group.start_soon(self._notice_the_end)
        self._first = tuple(self)
        for part in self._first:
            self._supervise(part)

    def errors(self) -> dict[str, Exception]:
        """Why sinks that were there from the beginning could not start."""
        errors = {part.name: part.supervisor.start_error for part in self if part in self._first}
        return {name: error for name, error in errors.items() if error is not None}

    async def add_now(self, name: str, sink: Sink, bounds: QueueBounds, *, required: bool = True) -> None:
        """Add a sink while the kernel runs; returns when it has opened what it needs.

        One that is not required stays when it cannot start, and is tried again. Cancellation leaves it out.

        Raises:
            ValueError: there is a sink of this name.
            StartError: it is required and could not start, or the kernel does not run; it is not there then.
        """
        self._check_running(name)
        part = self.add(name, sink, bounds, required=required)
        try:
            await self._run(part)
        except BaseException:
            part.supervisor.cancel()
            part.finish()
            part.queue.discard("shutdown")  # unreported: it never was a sink that could lose something
            self._forget(part)
            raise

    async def remove(self, name: str, timeout_s: float) -> None:
        """Let a sink deliver what waits, for so long, and end it; what it could not deliver is counted.

        Raises:
            KeyError: there is no sink of this name.
        """
        async with self._changes[name]:
            part = self._parts[name]
            with self._publisher.held():  # or it would miss one kind from an earlier moment than the other
                part.finish()
            try:
                await self._ended(part, timeout_s)
            except BaseException:
                part.supervisor.cancel()
                raise
            finally:
                self._forget(part)

    async def replace(
        self,
        name: str,
        sink: Sink,
        bounds: QueueBounds,
        timeout_s: float,
        *,
        hand_over: bool,
    ) -> None:
        """Put another sink in the place of one, with no envelope lost or doubled between the two.

        When it is cancelled, the predecessor runs again, as after an error.

        Args:
            name: of both.
            sink: the successor.
            bounds: of its queue; where it is handed over, from when the successor has opened what it needs.
            timeout_s: how long the predecessor may take to end.
            hand_over: whether the successor gets what waits, and what comes meanwhile; else the
                predecessor delivers all that came before this call.

        Raises:
            KeyError: there is no sink of this name.
            StartError: the successor could not start; the predecessor runs again, and has what waited.
        """
        async with self._changes[name]:
            old = self._parts[name]
            self._check_running(name)
            new = (self._take_over if hand_over else self._cut)(old, sink, bounds)
            try:
                await self._ended(old, timeout_s)
                if new.queue is not old.queue:
                    old.release()
                self._put(new)
                await self._run(new)
            except BaseException:
                await self._fall_back(old, new, timeout_s)
                raise

    def close(self) -> None:
        """Let all deliver what waits, and end; change nothing more."""
        self._closing = True
        for part in self:
            part.close()

    async def finished(self) -> None:
        """Until all have ended, those included that a change under way still brings."""
        for change in tuple(self._changes.values()):
            async with change:
                pass
        for part in self:
            await part.supervisor.finished.wait()

    def release(self) -> None:
        """After all have ended: count and report what was not delivered."""
        self._waker = None
        for part in self:
            part.release()

    def _new_queue(self, name: str, bounds: QueueBounds | None) -> SinkQueue:
        queue = SinkQueue(name, bounds, keep_losses=True, clock=self._publisher.clock)
        queue.attach(self._waker)
        return queue

    def _take_over(self, old: SinkPart, sink: Sink, bounds: QueueBounds) -> SinkPart:
        """A part that goes on with the queue of another."""
        old.hand_over()
        return old.successor(sink, self.backoff, bounds=bounds)

    def _cut(self, old: SinkPart, sink: Sink, bounds: QueueBounds) -> SinkPart:
        """A part that gets what is published from now on, and not the other."""
        queue = self._new_queue(old.name, bounds)
        with self._publisher.held():  # nothing is published between the two
            new = SinkPart(old.name, sink, queue, self._publisher, self.backoff)
            old.finish()
        return new

    async def _notice_the_end(self) -> None:
        """Cancelled with all that runs in the task group: from then on nothing can be started in it."""
        try:
            await anyio.sleep_forever()
        finally:
            self._group = None

    def _check_running(self, name: str) -> None:
        if self._closing or self._group is None:
            raise self._not_running(name)

    def _supervise(self, part: SinkPart) -> None:
        if self._group is None:
            raise self._not_running(part.name)
        if self._closing:
            part.close()
        part.queue.attach(self._waker)
        self._group.start_soon(part.supervisor.supervise, name=f"sink {part.name}")

    async def _run(self, part: SinkPart) -> None:
        """Run a part until it has opened what it needs."""
        self._supervise(part)
        await part.supervisor.settled.wait()
        if (error := part.supervisor.start_error) is not None:
            raise StartError(f"sink {part.name!r} could not start: {describe(error)}") from error

    async def _fall_back(self, old: SinkPart, new: SinkPart, timeout_s: float) -> None:
        """Run the predecessor again, with the queue of its successor."""
        before = (old, new) if self._parts[old.name] is new else (old,)
        # It ran once, so a failure now is no reason to end anything.
        again = new.successor(old.sink, self.backoff, must_start=False)
        self._put(again)
        if self._group is None:
            again.release()
            return
        if new.queue is not old.queue:
            new.queue.rebound(old.queue.bounds)
        self._group.start_soon(self._run_again, again, before, timeout_s, name=f"sink {old.name}")
        with anyio.move_on_after(timeout_s):
            await again.supervisor.settled.wait()

    async def _run_again(self, again: SinkPart, before: Sequence[SinkPart], timeout_s: float) -> None:
        """Run a part when those before it have left its sink and its queue."""
        for part in before:
            await self._ended(part, timeout_s)
            if part.sink is again.sink:
                await part.supervisor.finished.wait()
            if part.queue is not again.queue:
                part.release()
        if self._closing:
            again.close()
        await again.supervisor.supervise()

    async def _ended(self, part: SinkPart, timeout_s: float) -> None:
        """Until a part has ended; cancelled when it takes too long, and given up when that does not help."""
        finished = part.supervisor.finished
        if self._group is None or part.lease.cut:
            return
        with anyio.move_on_after(timeout_s):
            await finished.wait()
        if not (finished.is_set() or await part.supervisor.ended_by_cancel()):
            part.abandon()

    def _put(self, part: SinkPart) -> None:
        """Give a part the place of the one that has its name."""
        before = self._parts[part.name]
        self._commands.add(part, part.sink)  # first, so that what both take is never out
        self._commands.remove(before)
        self._parts = {name: part if name == part.name else each for name, each in self._parts.items()}

    def _forget(self, part: SinkPart) -> None:
        part.release()
        self._commands.remove(part)
        self._parts = {name: each for name, each in self._parts.items() if each is not part}

    @staticmethod
    def _not_running(name: str) -> StartError:
        return StartError(f"sink {name!r} could not start: the kernel does not run")
