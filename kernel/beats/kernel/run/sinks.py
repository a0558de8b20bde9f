"""The sinks of a kernel: started together; each can be added, replaced or removed while the others run."""

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
from beats.kernel.run.components import SinkComponent
from beats.kernel.run.supervisor import Backoff, describe
from beats.kernel.stats import SinkStats
from beats.kernel.waker import Waker


class Sinks:
    """Lives in the kernel's event loop; `stats` and iteration are for any thread."""

    def __init__(self, commands: Commands, publisher: Publisher, backoff: Backoff) -> None:
        self._commands: Final = commands
        self._publisher: Final = publisher
        self.backoff = backoff
        """The pauses between attempts, for sinks that are added from now on."""
        self._components: dict[str, SinkComponent] = {}
        self._group: TaskGroup | None = None
        self._waker: Waker | None = None
        self._first: tuple[SinkComponent, ...] = ()
        self._closing = False
        self._changes: Final[defaultdict[str, anyio.Lock]] = defaultdict(anyio.Lock)

    def __iter__(self) -> Iterator[SinkComponent]:
        return iter(tuple(self._components.values()))

    def __getitem__(self, name: str) -> SinkComponent:
        return self._components[name]

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def stats(self, *, clients: bool = True) -> tuple[SinkStats, ...]:
        """The counters of all, with or without those of their clients."""
        return tuple(component.stats(clients=clients) for component in self)

    def add(
        self, name: str, sink: Sink, bounds: QueueBounds | None, *, required: bool = True
    ) -> SinkComponent:
        """Give a sink a queue on the bus. A sink that is not required is retried when it cannot start.

        Raises:
            ValueError: there is a sink of this name.
        """
        if name in self._components:
            raise ValueError(f"there is already a sink {name!r}")
        queue = self._new_queue(name, bounds)
        with self._publisher.held():  # else it would get one kind from an earlier moment than the other
            component = SinkComponent(name, sink, queue, self._publisher, self.backoff, must_start=required)
        self._commands.add(component, sink)
        self._components = {**self._components, name: component}
        return component

    def start(self, group: TaskGroup, waker: Waker) -> None:
        """Run all, and those that are added later, in a task group."""
        self._group, self._waker = group, waker
        group.start_soon(self._watch_group)
        self._first = tuple(self)
        for component in self._first:
            self._supervise(component)

    def errors(self) -> dict[str, Exception]:
        """Why sinks that were added before the start could not start."""
        errors = {
            component.name: component.supervisor.start_error for component in self if component in self._first
        }
        return {name: error for name, error in errors.items() if error is not None}

    async def add_now(self, name: str, sink: Sink, bounds: QueueBounds, *, required: bool = True) -> None:
        """Add a sink while the kernel runs; returns when it has opened what it needs.

        A sink that is not required stays when it cannot start, and is retried. Cancellation removes it.

        Raises:
            ValueError: there is a sink of this name.
            StartError: it is required and could not start, or the kernel does not run; it was not added.
        """
        self._check_running(name)
        component = self.add(name, sink, bounds, required=required)
        try:
            await self._run(component)
        except BaseException:
            component.supervisor.cancel()
            component.finish()
            component.queue.discard("shutdown")  # without a report: it never ran
            self._forget(component)
            raise

    async def remove(self, name: str, timeout_s: float) -> None:
        """End a sink; it has `timeout_s` to deliver what waits, and what it could not deliver is counted.

        Raises:
            KeyError: there is no sink of this name.
        """
        async with self._changes[name]:
            component = self._components[name]
            with self._publisher.held():  # so that the sink gets both kinds up to the same moment
                component.finish()
            try:
                await self._ended(component, timeout_s)
            except BaseException:
                component.supervisor.cancel()
                raise
            finally:
                self._forget(component)

    async def replace(
        self, name: str, sink: Sink, bounds: QueueBounds, timeout_s: float, *, hand_over: bool
    ) -> None:
        """Replace a sink by another, with no envelope lost or doubled between the two.

        Cancellation is handled as an error: the predecessor runs again.

        Args:
            name: the name of both sinks.
            sink: the successor.
            bounds: of the successor's queue. A queue that is handed over gets them when the successor has
                opened what it needs.
            timeout_s: how long the predecessor may take to end.
            hand_over: whether the successor gets what waits, and what comes meanwhile; otherwise the
                predecessor delivers all that came before this call.

        Raises:
            KeyError: there is no sink of this name.
            StartError: the successor could not start; the predecessor runs again, and has what waited.
        """
        async with self._changes[name]:
            old = self._components[name]
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
        """Let all sinks deliver what waits, and end; from now on none is added or replaced."""
        self._closing = True
        for component in self:
            component.close()

    async def finished(self) -> None:
        """Wait until all have ended, including those that a running change still adds."""
        for change in tuple(self._changes.values()):
            async with change:
                pass
        for component in self:
            await component.supervisor.finished.wait()

    def release(self) -> None:
        """Count and report what was not delivered, after all sinks have ended."""
        self._waker = None
        for component in self:
            component.release()

    def _new_queue(self, name: str, bounds: QueueBounds | None) -> SinkQueue:
        queue = SinkQueue(name, bounds, keep_losses=True, clock=self._publisher.clock)
        queue.attach(self._waker)
        return queue

    def _take_over(self, old: SinkComponent, sink: Sink, bounds: QueueBounds) -> SinkComponent:
        """A component that continues with the queue of another."""
        old.hand_over()
        return old.successor(sink, self.backoff, bounds=bounds)

    def _cut(self, old: SinkComponent, sink: Sink, bounds: QueueBounds) -> SinkComponent:
        """A component that gets what is published from now on, in place of the other."""
        queue = self._new_queue(old.name, bounds)
        with self._publisher.held():  # nothing is published between the two
            new = SinkComponent(old.name, sink, queue, self._publisher, self.backoff)
            old.finish()
        return new

    async def _watch_group(self) -> None:
        """Note when the task group is cancelled: from then on nothing can be started in it."""
        try:
            await anyio.sleep_forever()
        finally:
            self._group = None

    def _check_running(self, name: str) -> None:
        if self._closing or self._group is None:
            raise self._not_running(name)

    def _supervise(self, component: SinkComponent) -> None:
        if self._group is None:
            raise self._not_running(component.name)
        if self._closing:
            component.close()
        component.queue.attach(self._waker)
        self._group.start_soon(component.supervisor.supervise, name=f"sink {component.name}")

    async def _run(self, component: SinkComponent) -> None:
        """Run a component until it has opened what it needs."""
        self._supervise(component)
        await component.supervisor.settled.wait()
        if (error := component.supervisor.start_error) is not None:
            raise StartError(f"sink {component.name!r} could not start: {describe(error)}") from error

    async def _fall_back(self, old: SinkComponent, new: SinkComponent, timeout_s: float) -> None:
        """Run the predecessor again, with the queue of its successor."""
        before = (old, new) if self._components[old.name] is new else (old,)
        # It ran before, so it is retried if it fails now.
        again = new.successor(old.sink, self.backoff, must_start=False)
        self._put(again)
        if self._group is None:
            again.release()
            return
        if new.queue is not old.queue:
            new.rebound(old.queue.bounds)
        self._group.start_soon(self._run_again, again, before, timeout_s, name=f"sink {old.name}")
        with anyio.move_on_after(timeout_s):
            await again.supervisor.settled.wait()

    async def _run_again(
        self, again: SinkComponent, before: Sequence[SinkComponent], timeout_s: float
    ) -> None:
        """Run a component once its predecessors have left its sink and its queue."""
        for component in before:
            await self._ended(component, timeout_s)
            if component.sink is again.sink:
                await component.supervisor.finished.wait()
            if component.queue is not again.queue:
                component.release()
        if self._closing:
            again.close()
        await again.supervisor.supervise()

    async def _ended(self, component: SinkComponent, timeout_s: float) -> None:
        """Wait until a component has ended; cancel it after `timeout_s`, and abandon it if that fails."""
        finished = component.supervisor.finished
        if self._group is None or component.lease.cut:
            return
        with anyio.move_on_after(timeout_s):
            await finished.wait()
        if not (finished.is_set() or await component.supervisor.ended_by_cancel()):
            component.abandon()

    def _put(self, component: SinkComponent) -> None:
        """Replace the component of the same name."""
        before = self._components[component.name]
        self._commands.add(
            component, component.sink
        )  # first, so that commands that both take are never refused
        self._commands.remove(before)
        self._components = {**self._components, component.name: component}

    def _forget(self, component: SinkComponent) -> None:
        component.release()
        self._commands.remove(component)
        self._components = {name: each for name, each in self._components.items() if each is not component}

    @staticmethod
    def _not_running(name: str) -> StartError:
        return StartError(f"sink {name!r} could not start: the kernel does not run")
