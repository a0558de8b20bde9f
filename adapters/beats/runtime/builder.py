"""How a kernel is put together from the adapters that there are."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from beats.config.settings import KernelSettings, ProfileSettings
from beats.kernel.clock import SystemClock
from beats.kernel.errors import StartError
from beats.kernel.ports import Context, Sink, Source
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kit.bounds import queue_bounds
from beats.proto.codec import StreamCodec
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters
from beats.runtime.view import RuntimeView

__all__ = ["SINKS", "SOURCES", "Builder", "InstalledAdapters", "assemble", "kernel_options"]


def _plain(profile: ProfileSettings) -> dict[str, object]:
    """The sources and sinks as plain values; what is secret is a row of stars."""
    groups = {"sources": profile.sources, "sinks": profile.sinks}
    return {
        group: {name: settings.model_dump(mode="json") for name, settings in parts.items()}
        for group, parts in groups.items()
    }


def kernel_options(settings: KernelSettings) -> KernelOptions:
    """The kernel's options as the settings say them."""
    return KernelOptions(
        shutdown_timeout_s=settings.shutdown_timeout_s,
        backoff=Backoff(settings.restart_initial_s, settings.restart_max_s),
        max_topics=settings.max_topics,
        when_sources_end=settings.when_sources_end,
    )


@contextmanager
def _importing(what: str) -> Generator[None]:
    """Say which sink or source cannot be built when its adapter cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise StartError(f"{what}: {error}") from error


class Builder:
    """Makes the parts of a profile for one kernel; no I/O."""

    def __init__(
        self, profile: ProfileSettings, kernel: Kernel | None = None, outside: RuntimeView | None = None
    ) -> None:
        """Build for a kernel, a new one when None; `outside` when there is more than that kernel."""
        self._clock: Final = SystemClock()
        self.kernel: Final = kernel or Kernel(
            StreamCodec(), clock=self._clock, options=kernel_options(profile.kernel)
        )
        self._outside: Final = outside or RuntimeView(
            self.kernel.bus.send_control, self.kernel.commands, self.kernel.stats
        )
        self._profile: Final = profile
        self._about: Final = _plain(profile)

    def sink(self, name: str) -> Sink:
        """The sink of a name.

        Raises:
            StartError: its adapter cannot be imported.
        """
        settings = self._profile.sinks[name]
        with _importing(f"sink {name!r}"):
            return SINKS.find(settings.type).build(settings, self._context(name))

    def source(self, name: str) -> Source:
        """The source of a name; raises as `sink`."""
        settings = self._profile.sources[name]
        with _importing(f"source {name!r}"):
            return SOURCES.find(settings.type).build(settings, self._context(name))

    def add_all(self) -> None:
        """Give the kernel all of them."""
        for name, settings in self._profile.sinks.items():
            bounds = queue_bounds(settings.queue)
            self.kernel.add_sink(name, self.sink(name), bounds, required=settings.required)
        for name in self._profile.sources:
            self.kernel.add_source(name, self.source(name))

    def _context(self, name: str) -> Context:
        outside = self._outside
        return Context(
            name,
            self._profile.profile,
            self._clock,
            outside.control,
            outside.commands,
            self._about,
            outside.stats,
            self.kernel.publisher.last_values,
        )


def assemble(profile: ProfileSettings) -> Kernel:
    """A kernel with the profile's sources and sinks; no I/O."""
    builder = Builder(profile)
    builder.add_all()
    return builder.kernel
