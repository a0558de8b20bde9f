"""The sources of a kernel: run together, and each added, changed or removed while the others run."""

from collections.abc import Callable, Iterator
from typing import Final

import anyio
from anyio.abc import TaskGroup

from beats.kernel.ports import Source
from beats.kernel.publisher import Publisher
from beats.kernel.run.commands import Commands
from beats.kernel.run.components import SourcePart
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import SourceStats


class Sources:
    """Lives in the kernel's event loop; `stats` and iteration are for any thread."""

    def __init__(
        self, commands: Commands, publisher: Publisher, backoff: Backoff, when_all_ended: Callable[[], object]
    ) -> None:
        """Begin with none; `when_all_ended` is called when the last one that runs has ended by itself."""
        self._commands: Final = commands
        self._publisher: Final = publisher
        self.backoff = backoff
        """The pauses between attempts, for parts that are added from now on."""
        self._when_all_ended: Final = when_all_ended
        self._parts: dict[str, SourcePart] = {}
        self._group: TaskGroup | None = None

    def __iter__(self) -> Iterator[SourcePart]:
        return iter(tuple(self._parts.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def stats(self) -> tuple[SourceStats, ...]:
        """The counters of all."""
        return tuple(part.stats() for part in self)

    def add(self, name: str, source: Source) -> None:
        """Add a source; one that is added while the kernel runs starts at once.

        Raises:
            ValueError: there is a source of this name.
        """
        if name in self._parts:
            raise ValueError(f"there is a source {name!r} already")
        part = SourcePart(name, source, self._publisher, self.backoff)
        self._parts = {**self._parts, name: part}
        self._commands.add(part, source)
        if self._group is not None:
            self._group.start_soon(self._supervise, part, name=f"source {name}")

    async def remove(self, name: str) -> None:
        """End a source; one that does not end in time publishes nothing more.

        Raises:
            KeyError: there is no source of this name.
        """
        part = self._parts[name]
        self._parts = {key: each for key, each in self._parts.items() if each is not part}
        self._commands.remove(part)
        if self._group is None:
            part.supervisor.cancel()
        elif not await part.supervisor.ended_by_cancel():
            part.abandon()

    async def run(self, stop: anyio.Event) -> None:
        """Run all until told to stop."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                for part in self:
                    group.start_soon(self._supervise, part, name=f"source {part.name}")
                await stop.wait()
            finally:
                self._group = None
                for part in self:
                    part.supervisor.stop()
            group.cancel_scope.cancel()

    async def _supervise(self, part: SourcePart) -> None:
        await part.supervisor.supervise()
        if part in tuple(self) and all(each.supervisor.finished.is_set() for each in self):
            self._when_all_ended()
