"""All that runs for one command: a kernel, and perhaps workers that serve its viewers."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from beats.config.settings import ProfileSettings
from beats.kernel.capabilities import Address, Listens
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import sole
from beats.kernel.stats import Stats
from beats.runtime.live import Change, LiveProfile

if TYPE_CHECKING:  # few runs have any
    from beats.workers.pool import WorkerPool
    from beats.workers.start import Workers


class House:
    """What a command shows of what runs, and how it has it changed."""

    def __init__(
        self,
        profile: LiveProfile,
        worker_pool: "WorkerPool | None" = None,
        part: Callable[[ProfileSettings], ProfileSettings] | None = None,
    ) -> None:
        """Take what runs, the workers beside it, and which part of a profile is not theirs."""
        self.profile: Final = profile
        self.kernel: Final[Kernel] = profile.kernel
        self._crew: Final = worker_pool
        self._part: Final = part

    def stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes; any thread may ask."""
        if self._crew is None:
            return self.kernel.stats(clients=clients)
        return self._crew.stats(clients=clients)

    @property
    def addresses(self) -> Mapping[str, Address]:
        """By sink, where viewers connect."""
        own = {
            name: sink.address
            for name, sink in self.kernel.sinks.items()
            if isinstance(sink, Listens) and sink.address is not None
        }
        return {**({} if self._crew is None else self._crew.addresses), **own}

    async def apply(self, settings: ProfileSettings) -> list[Change]:
        """Bring what runs to other settings; workers read them anew themselves."""
        if self._crew is None or self._part is None:
            return await self.profile.apply(settings)
        changes = await self.profile.apply(self._part(settings))
        self._crew.reload()
        return [*changes, Change("workers told to do the same")]


@asynccontextmanager
async def house(settings: ProfileSettings, workers: "Workers | None") -> AsyncGenerator[House]:
    """Everything but the kernel itself runs while the block lasts; the kernel is for the caller to run.

    Raises:
        StartError: the workers, or the broker between them and the kernel, cannot start.
    """
    if workers is None:
        yield House(LiveProfile(settings))
        return
    from beats.workers.start import worker_pool

    try:
        async with worker_pool(settings, workers) as begun:
            yield House(*begun)
    except ExceptionGroup as errors:  # each task group on the way wraps what passes through it
        raise sole(errors) from None
