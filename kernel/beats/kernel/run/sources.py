"""The sources of a kernel: run together; each can be added or removed while the others run."""

from collections.abc import Callable, Iterator
from typing import Final

import anyio
from anyio.abc import TaskGroup

from beats.kernel.ports import Source
from beats.kernel.publisher import Publisher
from beats.kernel.run.commands import Commands
from beats.kernel.run.components import SourceComponent
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import SourceStats


class Sources:
    """Lives in the kernel's event loop; `stats` and iteration are for any thread."""

    def __init__(
        self, commands: Commands, publisher: Publisher, backoff: Backoff, when_all_ended: Callable[[], object]
    ) -> None:
        """Start with none; `when_all_ended` is called when the last running source has ended by itself."""
        self._commands: Final = commands
        self._publisher: Final = publisher
        self.backoff = backoff
        """The pauses between attempts, for sources that are added from now on."""
        self._when_all_ended: Final = when_all_ended
        self._components: dict[str, SourceComponent] = {}
        self._group: TaskGroup | None = None

    def __iter__(self) -> Iterator[SourceComponent]:
        return iter(tuple(self._components.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def stats(self) -> tuple[SourceStats, ...]:
        """The counters of all."""
        return tuple(component.stats() for component in self)

    def add(self, name: str, source: Source) -> None:
        """Add a source; it starts at once if the kernel is running.

        Raises:
            ValueError: there is a source of this name.
        """
        if name in self._components:
            raise ValueError(f"there is already a source {name!r}")
        component = SourceComponent(name, source, self._publisher, self.backoff)
        self._components = {**self._components, name: component}
        self._commands.add(component, source)
        if self._group is not None:
            self._group.start_soon(self._supervise, component, name=f"source {name}")

    async def remove(self, name: str) -> None:
        """End a source; if it does not end in time, what it still publishes is refused.

        Raises:
            KeyError: there is no source of this name.
        """
        component = self._components[name]
        self._components = {key: each for key, each in self._components.items() if each is not component}
        self._commands.remove(component)
        if self._group is None:
            component.supervisor.cancel()
        elif not await component.supervisor.ended_by_cancel():
            component.abandon()

    async def run(self, stop: anyio.Event) -> None:
        """Run all until `stop` is set."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                for component in self:
                    group.start_soon(self._supervise, component, name=f"source {component.name}")
                await stop.wait()
            finally:
                self._group = None
                for component in self:
                    component.supervisor.stop()
            group.cancel_scope.cancel()

    async def _supervise(self, component: SourceComponent) -> None:
        await component.supervisor.supervise()
        if component in tuple(self) and all(each.supervisor.finished.is_set() for each in self):
            self._when_all_ended()
