"""Which adapters there are, and how a kernel is put together from them."""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel

from beats.adapters.bounds import queue_bounds
from beats.config.settings import ProfileSettings
from beats.kernel.clock import SystemClock
from beats.kernel.kernel import Kernel, KernelOptions
from beats.kernel.plugins import Catalogue
from beats.kernel.ports import Context, SinkKind, SourceKind
from beats.kernel.supervisor import Backoff
from beats.proto.codec import StreamCodec

SINKS: Final = Catalogue("beats.adapters.sinks", "SINK", SinkKind, "beats.sinks")
SOURCES: Final = Catalogue("beats.adapters.sources", "SOURCE", SourceKind, "beats.sources")


class InstalledAdapters:
    """Tells the settings' validation which adapters there are, and which settings they take."""

    def names(self, group: Literal["sources", "sinks"]) -> Sequence[str]:
        """The adapters of a group; none is imported."""
        return (SINKS if group == "sinks" else SOURCES).names()

    def settings(self, group: Literal["sources", "sinks"], type_name: str) -> type[BaseModel]:
        """The typed settings of an adapter.

        Raises:
            LookupError: there is no such adapter.
            ImportError: it needs a package that is not installed.
        """
        kind = SINKS.find(type_name) if group == "sinks" else SOURCES.find(type_name)
        return kind.settings


def _plain(profile: ProfileSettings) -> dict[str, object]:
    """The sources and sinks as plain values; what is secret is a row of stars."""
    groups = {"sources": profile.sources, "sinks": profile.sinks}
    return {
        group: {name: settings.model_dump(mode="json") for name, settings in parts.items()}
        for group, parts in groups.items()
    }


def assemble(profile: ProfileSettings) -> Kernel:
    """A kernel with the profile's sources and sinks; no I/O."""
    settings = profile.kernel
    options = KernelOptions(
        shutdown_timeout_s=settings.shutdown_timeout_s,
        backoff=Backoff(settings.restart_initial_s, settings.restart_max_s),
        max_topics=settings.max_topics,
        when_sources_end=settings.when_sources_end,
    )
    clock = SystemClock()
    kernel = Kernel(StreamCodec(), clock=clock, options=options)

    about = _plain(profile)

    def context(name: str) -> Context:
        return Context(name, profile.profile, clock, kernel.bus.send_control, kernel.commands, about)

    for name, sink in profile.sinks.items():
        kernel.add_sink(name, SINKS.find(sink.type).build(sink, context(name)), *queue_bounds(sink.queue))
    for name, source in profile.sources.items():
        kernel.add_source(name, SOURCES.find(source.type).build(source, context(name)))
    return kernel
