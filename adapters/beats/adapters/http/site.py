"""Which path leads to what."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from anyio import CapacityLimiter, to_thread

from beats.adapters.http import assets, facts, health
from beats.adapters.http.access import Rights
from beats.adapters.http.reply import Reply, document, text
from beats.kernel.ports import Context

if TYPE_CHECKING:
    from beats.adapters.http.metrics.exposition import Metrics

METHODS: Final = ("GET", "HEAD", "OPTIONS")
_MOST_FIELDS: Final = 16


class Visit(NamedTuple):
    """A plain request that was let in."""

    path: str
    """Without the query."""
    rights: Rights
    if_none_match: str
    """What the browser has already (RFC 9110, section 13.1.2); empty for nothing."""
    accept: str
    """What the answer may be (RFC 9110, section 12.5.1); empty for anything."""
    has_room: bool
    """Whether one more viewer could be let in."""
    accept_encoding: str = ""
    """How the answer may be compressed (RFC 9110, section 12.5.3); empty for not at all."""


class Address(NamedTuple):
    """The target of a request (RFC 9112, section 3.2)."""

    path: str
    tokens: tuple[str, ...]
    """What the query presents as tokens."""
    origins: tuple[str, ...] = ()
    """What the query names as the origins of pages."""


def parse_target(target: str) -> Address | None:
    """The path of a target, and the tokens and origins in its query; None when it cannot be read."""
    try:
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    tokens, origins = (
        tuple(value for name, value in query if name == wanted) for wanted in ("token", "origin")
    )
    return Address(parts.path, tokens, origins)


def asks_for_reason(accept: str) -> bool:
    """Whether a request for the stream's address wants to be told in text how a handshake would be answered.

    Browsers hide from a page why its handshake was refused, so it asks the same address and query again. A
    browser that opens the address asks for HTML, and gets the page.
    """
    types = {item.partition(";")[0].strip().lower() for item in accept.split(",")}
    return "text/plain" in types and "text/html" not in types


def not_allowed(method: str) -> Reply:
    """To a method that nothing here has (RFC 9110, section 15.5.6)."""
    allowed = ", ".join(METHODS)
    return text(
        HTTPStatus.METHOD_NOT_ALLOWED, f"{method:.20} is not possible here; {allowed} are.", Allow=allowed
    )


def too_long(most_bytes: int) -> Reply:
    """To a request that is longer than it may be (RFC 6585, section 5)."""
    return text(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"This request is too long, perhaps because of its cookies: max_header_bytes = {most_bytes}.",
    )


def options() -> Reply:
    """The answer to OPTIONS, which is the same for every path (RFC 9110, section 9.3.7)."""
    return Reply(HTTPStatus.OK, headers={"Allow": ", ".join(METHODS)})


class Site:
    """All that can be had by plain HTTP."""

    def __init__(
        self,
        context: Context,
        emojis: Callable[[], Sequence[str]],
        commands: Sequence[str],
        locked: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare for a sink.

        Args:
            context: what the sink was given.
            emojis: tells what `emoji_update` may name.
            commands: the control messages that the server takes from viewers.
            locked: tells whether a token is needed to watch.
        """
        self._context: Final = context
        self._locked: Final = locked
        self._in_light: Final[Mapping[str, Callable[[Visit], Reply]]] = {
            "/livez": lambda visit: health.alive(),
            "/readyz": lambda visit: health.ready(has_room=visit.has_room),
            "/healthz": lambda visit: health.health(context.stats(clients=False)),
            "/api/session": lambda visit: document(facts.session(context, visit.rights, emojis(), commands)),
        }
        self._in_thread: Final[Mapping[str, Callable[[Visit], Reply]]] = {
            "/api/stats": lambda visit: document(facts.everything(context)),
            "/metrics": lambda visit: self._metrics.reply(visit.accept),
        }
        self._one_at_a_time: CapacityLimiter | None = None

    def knows(self, path: str) -> bool:
        """Whether a path leads anywhere."""
        return self.is_open(path) or path in self._in_light or path in self._in_thread

    def is_open(self, path: str) -> bool:
        """Whether a path needs no token: the page, which is the same for everyone, and asks for one."""
        return assets.find(path) is not None

    async def answer(self, visit: Visit) -> Reply:
        """The answer to a request for a path that it knows."""
        if (found := assets.find(visit.path, locked=self._locked())) is not None:
            return assets.serve(found, visit.if_none_match, visit.accept_encoding)
        if visit.path in self._in_light:
            return self._in_light[visit.path](visit)
        # With thousands of viewers these take a tenth of a second, which the stream must not wait for.
        if self._one_at_a_time is None:
            self._one_at_a_time = CapacityLimiter(1)
        return await to_thread.run_sync(self._in_thread[visit.path], visit, limiter=self._one_at_a_time)

    @cached_property
    def _metrics(self) -> "Metrics":
        # Only now: it loads a library that most never need.
        from beats.adapters.http.metrics.exposition import Metrics

        return Metrics(self._context)
