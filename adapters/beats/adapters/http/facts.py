"""What the page and the terminal read: the counters, and what a viewer may see and do."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from beats.adapters.http.access import Rights
from beats.kernel.ports import Context
from beats.kit.process import process
from beats.kit.stats_json import plain


def everything(context: Context) -> Mapping[str, object]:
    """All that `Stream.stats()` has, and what the process costs; asks every sink for its viewers."""
    cost = process()._asdict()
    return {
        **_head(context),
        "uptime_s": cost.pop("uptime_s"),
        "process": cost,
        "stats": plain(context.stats()),
    }


def session(
    context: Context, rights: Rights, emojis: Sequence[str], commands: Sequence[str]
) -> Mapping[str, object]:
    """What the page needs to know again and again; costs the same however many viewers there are.

    `time_unix_ns` is the server's clock as it answers: half-way between a request and its answer, the
    viewer's clock showed the same instant (RFC 5905, section 8). `commands` are those that the server itself
    takes; those of the running sources and sinks are added.
    """
    stats = context.stats(clients=False)
    parts = plain(stats)
    figures = {sink["name"]: sink["figures"] for sink in parts["sinks"]}
    return {
        **_head(context),
        "rights": {"steer": rights.steer},
        "commands": [*commands, *context.commands],
        "emojis": list(emojis),
        "playback": {source["name"]: source["playback"] for source in parts["sources"] if source["playback"]},
        "recorders": {name: each for name, each in figures.items() if "recording" in each},
        "failed": [part.name for part in stats.failed()],
    }


def _head(context: Context) -> dict[str, object]:
    return {
        "beats": version("beats"),
        "profile": context.profile,
        "sink": context.name,
        "time_unix_ns": context.clock.unix_ns(),
    }
