"""What is told of sources, and of the bus that they publish to."""

from collections.abc import Iterable, Iterator
from typing import Final, get_args

from beats.adapters.http.metrics.family import Family, Rows, counter, gauge
from beats.kernel.run.supervisor import State
from beats.kernel.stats import Playback, SinkStats, SourceStats, Stats

STATES: Final[tuple[str, ...]] = get_args(State)


def states(parts: Iterable[SourceStats | SinkStats]) -> Rows:
    """For each part and each state, 1 for the one that it is in and 0 for the others."""
    for part in parts:
        for state in STATES:
            yield (part.name, state), float(part.state == state)


def _published(stats: Stats) -> Rows:
    yield ("frame",), stats.frames
    yield ("peripheral",), stats.published - stats.frames


def _playing(stats: Stats) -> Iterator[tuple[tuple[str], Playback]]:
    for source in stats.sources:
        if source.playback is not None:
            yield (source.name,), source.playback


FAMILIES: Final[tuple[Family, ...]] = (
    counter(
        "beats_published_envelopes",
        "Envelopes put on the bus, by sources and by the program that embeds Beats.",
        ("kind",),
        _published,
    ),
    counter(
        "beats_source_published_envelopes",
        "Envelopes put on the bus by a source.",
        ("source",),
        lambda stats: (((source.name,), source.published) for source in stats.sources),
    ),
    gauge(
        "beats_source_state",
        "1 for the state that a source is in, 0 for the others.",
        ("source", "state"),
        lambda stats: states(stats.sources),
    ),
    counter(
        "beats_source_restarts",
        "Attempts to run a source after the first.",
        ("source",),
        lambda stats: (((source.name,), source.restarts) for source in stats.sources),
    ),
    gauge(
        "beats_source_position_seconds",
        "Where a source is that plays something, from the beginning.",
        ("source",),
        lambda stats: ((labels, playback.position_s) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_duration_seconds",
        "How long it is what a source plays.",
        ("source",),
        lambda stats: ((labels, playback.duration_s) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_speed_ratio",
        "Speed at which a source plays: 1 is as recorded, +Inf as fast as the sinks take it.",
        ("source",),
        lambda stats: ((labels, playback.speed) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_paused",
        "1 while a source that plays something is paused.",
        ("source",),
        lambda stats: ((labels, float(playback.paused)) for labels, playback in _playing(stats)),
    ),
    counter(
        "beats_source_loops",
        "How often a source that plays something has begun again.",
        ("source",),
        lambda stats: ((labels, playback.loops) for labels, playback in _playing(stats)),
    ),
)
