"""How a kernel is put together from the adapters that there are."""

from beats.adapters.bounds import queue_bounds
from beats.adapters.installed import SINKS, SOURCES, InstalledAdapters
from beats.config.settings import ProfileSettings
from beats.kernel.clock import SystemClock
from beats.kernel.kernel import Kernel, KernelOptions
from beats.kernel.ports import Context
from beats.kernel.supervisor import Backoff
from beats.proto.codec import StreamCodec

__all__ = ["SINKS", "SOURCES", "InstalledAdapters", "assemble"]


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
