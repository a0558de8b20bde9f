"""What can be read by plain HTTP, by path: health, counters, metrics, last values, pictures, and the page."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

from anyio import CapacityLimiter, to_thread

from beats.adapters.http import assets
from beats.adapters.http.access import Rights
from beats.adapters.http.last_values import last_values
from beats.adapters.http.players.players import MJPEG, STILLS, Players
from beats.adapters.http.reply import Reply, document, text
from beats.adapters.http.sharing import share
from beats.kernel.capabilities import Address
from beats.kernel.ports import Context
from beats.kernel.stats import Stats
from beats.kit.process import process
from beats.kit.stats_json import plain

if TYPE_CHECKING:
    from beats.adapters.http.metrics.exposition import Metrics


class Visit(NamedTuple):
    """A plain request that was let in."""

    path: str
    """The path, without the query."""
    rights: Rights
    has_room: bool = True
    """Whether one more viewer could be let in."""
    accept: str = ""
    """Accepted types of the answer (RFC 9110, section 12.5.1); empty for any."""
    if_none_match: str = ""
    """What the browser has cached (RFC 9110, section 13.1.2)."""
    accept_encoding: str = ""
    """Accepted compressions (RFC 9110, section 12.5.3)."""
    query: str = ""
    """The query, without its `?`."""
    token: str = ""
    """What was presented with the request."""


class ViewerPage(NamedTuple):
    """What a server that has the page knows about its viewers."""

    locked: Callable[[], bool]
    """Whether a token is needed to watch."""
    emojis: Callable[[], Sequence[str]]
    """What `emoji_update` may name."""
    frame_ancestors: Callable[[], Sequence[str]]
    """Origins of web pages that may embed the page."""
    commands: Sequence[str]
    """The control messages that the server takes from viewers."""
    for_others: Callable[[int], Address | None]
    """Where other machines reach the server that listens on a port; None if only this machine can."""


class Site:
    """Answers requests, for one sink."""

    def __init__(self, context: Context, players: Players, page: ViewerPage | None = None) -> None:
        self._context: Final = context
        self._players: Final = players
        self._page: Final = page
        self._quick: Final[Mapping[str, Callable[[Visit], Reply]]] = {
            "/livez": lambda visit: document({"status": "alive"}),
            "/readyz": lambda visit: ready(has_room=visit.has_room),
            "/healthz": lambda visit: health(context.stats(clients=False)),
            "/api/session": lambda visit: document(session(context, visit.rights, page)),
        }
        self._slow: Final[dict[str, Callable[[Visit], Reply]]] = {
            "/api/stats": lambda visit: document(everything(context)),
            "/api/last": lambda visit: last_values(context, visit.query),
            "/metrics": lambda visit: self._metrics.reply(visit.accept),
        }
        if page is not None:
            for_others = page.for_others
            more: Mapping[str, Callable[[Visit], Reply]] = {
                "/api/share": lambda visit: document(share(visit.query, visit.token, for_others)),
            }
            self._slow.update(more)
        self._one_at_a_time: CapacityLimiter | None = None

    def has(self, path: str) -> bool:
        """Whether there is something at a path."""
        paths = (*self._quick, *self._slow, *STILLS, MJPEG)
        return self.is_open(path) or path in paths

    def is_open(self, path: str) -> bool:
        """Whether a path needs no token: the page, which is the same for everyone, or the index."""
        return path == "/" if self._page is None else assets.find(path) is not None

    async def answer(self, visit: Visit) -> Reply:
        """The answer to a request for a path that it has."""
        if self._page is not None and (found := assets.find(visit.path, locked=self._page.locked())):
            ancestors = self._page.frame_ancestors()
            return assets.serve(found, visit.if_none_match, visit.accept_encoding, ancestors)
        if visit.path in self._quick:
            return self._quick[visit.path](visit)
        if visit.path in STILLS:
            return await self._players.still(visit.path, visit.query, visit.if_none_match)
        if visit.path not in self._slow:
            return self._index()
        # With thousands of viewers these take a tenth of a second, which the stream must not wait for.
        if self._one_at_a_time is None:
            self._one_at_a_time = CapacityLimiter(1)
        return await to_thread.run_sync(self._slow[visit.path], visit, limiter=self._one_at_a_time)

    def _index(self) -> Reply:
        paths, pictures = ", ".join([*self._quick, *self._slow]), ", ".join([MJPEG, *STILLS])
        return text(
            HTTPStatus.OK,
            f"Beats {version('beats')}: health and counters at {paths}; pictures at {pictures}. "
            "There is no WebSocket stream here.",
        )

    @cached_property
    def _metrics(self) -> "Metrics":
        # Imported on first use: the library behind it is large, and most installations never ask.
        from beats.adapters.http.metrics.exposition import Metrics

        return Metrics(self._context)


def ready(*, has_room: bool) -> Reply:
    """Readiness: whether one more viewer can be let in. If not, a load balancer sends it elsewhere."""
    if has_room:
        return document({"status": "ready"})
    return document({"status": "full"}, HTTPStatus.SERVICE_UNAVAILABLE)


def health(stats: Stats) -> Reply:
    """Health: whether every sink runs, and the names of those that do not."""
    failing = {
        sink.name: {"state": sink.state, "restarts": sink.restarts, "last_error": sink.last_error}
        for sink in stats.sinks
        if sink.state != "running"
    }
    if not failing:
        return document({"status": "ok"})
    return document({"status": "failing", "sinks": failing}, HTTPStatus.SERVICE_UNAVAILABLE)


def everything(context: Context) -> Mapping[str, object]:
    """All of `Stream.stats()`, and what the process costs; asks every sink for its viewers."""
    cost = process()._asdict()
    return {
        **_head(context),
        "uptime_s": cost.pop("uptime_s"),
        "process": cost,
        "stats": plain(context.stats()),
    }


def session(context: Context, rights: Rights, page: ViewerPage | None) -> Mapping[str, object]:
    """What the page asks for repeatedly; costs the same however many viewers there are.

    `time_unix_ns` is the server's clock at the time of the answer: half-way between request and answer, the
    viewer's clock showed the same instant (RFC 5905, section 8). `commands` are those of the server and of
    the running sources and sinks.
    """
    stats = context.stats(clients=False)
    parts = plain(stats)
    figures = {sink["name"]: sink["figures"] for sink in parts["sinks"]}
    return {
        **_head(context),
        "rights": {"steer": rights.steer and page is not None},
        "commands": [] if page is None else [*page.commands, *context.commands],
        "emojis": [] if page is None else list(page.emojis()),
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
