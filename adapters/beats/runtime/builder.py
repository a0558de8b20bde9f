"""Builds the sinks and sources of a profile for a kernel."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from beats.config.settings import KernelSettings, ProfileSettings, TransformSettings
from beats.kernel.capabilities import CommandCheck
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.ports import Context, Sink, Source, TakeStats
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kit.bounds import queue_bounds
from beats.pictures.publishing import PixelPublisher
from beats.proto.codec import StreamCodec
from beats.runtime.registry import SINKS, SOURCES
from beats.transforms.chain import Chain
from beats.transforms.source import Outlet, TransformedPixels, transformed


class RuntimeView(NamedTuple):
    """What sinks see of a run that has several processes, in place of the kernel's own."""

    control: Callable[[Control], None]
    """Passes on a client's command; never raises."""
    commands: Mapping[str, CommandCheck]
    """The commands accepted at present, each with its check."""
    stats: TakeStats
    """The counters of all processes."""


def kernel_options(settings: KernelSettings) -> KernelOptions:
    """The options of the kernel that the settings give."""
    return KernelOptions(
        shutdown_timeout_s=settings.shutdown_timeout_s,
        backoff=Backoff(settings.restart_initial_s, settings.restart_max_s),
        max_topics=settings.max_topics,
        when_sources_end=settings.when_sources_end,
    )


@contextmanager
def _importing(what: str) -> Generator[None]:
    """Turn an ImportError into a StartError that names the sink or source."""
    try:
        yield
    except ImportError as error:
        raise StartError(f"{what}: {error}") from error


class Builder:
    """Builds the sinks and sources of a profile for one kernel; no I/O."""

    def __init__(
        self,
        profile: ProfileSettings,
        kernel: Kernel | None = None,
        view: RuntimeView | None = None,
        stats: TakeStats | None = None,
        pixels: PixelPublisher | None = None,
    ) -> None:
        """Build for a kernel, by default a new one.

        `view` is what adapters see, by default that kernel; `stats` replaces only its counters. `pixels` is
        that of the kernel, if it has one.
        """
        self._clock: Final = SystemClock()
        self.kernel: Final = kernel or Kernel(
            StreamCodec(), clock=self._clock, options=kernel_options(profile.kernel)
        )
        self._view: Final = view or RuntimeView(
            self.kernel.bus.send_control, self.kernel.commands, stats or self.kernel.stats
        )
        if pixels is None:
            pixels = PixelPublisher(self.kernel.publisher, profile.pixels)
            self.kernel.before_close(pixels.finish)
        self.pixels: Final = pixels
        """What publishes pixels, for the program and for sources."""
        self._profile: Final = profile
        self._settings: Final = {
            group: {name: settings.model_dump(mode="json") for name, settings in adapters.items()}
            for group, adapters in (("sources", profile.sources), ("sinks", profile.sinks))
        }

    def sink(self, name: str) -> Sink:
        """Build the sink with this name.

        Raises:
            StartError: its adapter cannot be imported.
        """
        settings = self._profile.sinks[name]
        with _importing(f"sink {name!r}"):
            return SINKS.find(settings.type).build(settings, self._context(name))

    def source(self, name: str) -> Source:
        """Build the source with this name; raises as `sink`."""
        settings = self._profile.sources[name]
        context = self._context(name)
        with _importing(f"source {name!r}"):
            kind = SOURCES.find(settings.type)
            if settings.transforms == TransformSettings():
                return kind.build(settings, context)
            outlet = Outlet(name, Chain(settings.transforms), self.kernel.publisher, self.pixels)
            services = {PixelPublisher: TransformedPixels(outlet)}
            return transformed(kind.build(settings, replace(context, services=services)), outlet)

    def add_all(self) -> None:
        """Add all sinks and sources to the kernel."""
        for name, settings in self._profile.sinks.items():
            bounds = queue_bounds(settings.queue)
            self.kernel.add_sink(name, self.sink(name), bounds, required=settings.required)
        for name in self._profile.sources:
            self.kernel.add_source(name, self.source(name))

    def _context(self, name: str) -> Context:
        return Context(
            name,
            self._profile.profile,
            self._clock,
            self._view.control,
            self._view.commands,
            self._settings,
            self._view.stats,
            self.kernel.publisher.last_values,
            partial(self.kernel.publisher.publish_async, by=f"sink {name!r}"),
            {PixelPublisher: self.pixels},
        )
