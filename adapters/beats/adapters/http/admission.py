"""Decides on each request before it is answered: its origin, its token, and whether there is room."""

import logging
from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

import anyio
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from beats.adapters.http.access import Denied, Rights, Tokens, authorise
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.limits import WrongTokens
from beats.adapters.http.origins import OriginPolicy
from beats.adapters.http.players.choice import parse_picture
from beats.adapters.http.players.player import head
from beats.adapters.http.players.players import MJPEG, Players
from beats.adapters.http.query import InvalidQuery
from beats.adapters.http.reply import Reply, refusal, text
from beats.adapters.http.request import RequestTarget, joined, options, parse_target, tokens_of
from beats.adapters.http.settings import ServerSettings
from beats.adapters.http.site import Site, Visit
from beats.kernel.ports import Context
from beats.kit.descriptors import Descriptors
from beats.kit.secrets import secret_of
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

WRONG_TOKEN_DELAY_S: Final = 0.3
"""How long the answer to a wrong token is delayed."""
_MOST_TOKENS: Final = 2
"""One in a header and one in the query; further ones are guesses, and are not checked."""

S = TypeVar("S", bound=ServerSettings)


class Admission(Generic[S]):
    """Answers plain requests."""

    def __init__(self, settings: S, context: Context, players: Players, site: Site) -> None:
        self.refused: int = 0
        """Requests to become a viewer that were refused."""
        self.rejected_tokens = 0
        """Requests with an invalid token, or with any token that came too soon after several of those."""
        self.name: Final = context.name
        self.descriptors: Final = Descriptors(context.name)
        self.settings: S = settings
        self._log: Final = ThrottledLog(log, f"sink {context.name!r}")
        self._players: Final = players
        self._site: Final = site
        self._viewers: Final[Counter[str]] = Counter()
        """How many there are, by address."""
        self._tokens = Tokens(None, None)
        self._wrong_tokens: Final = WrongTokens()
        self.origins: Final = OriginPolicy(context.name, settings)

    def open(self) -> None:
        """Read the token files.

        Raises:
            OSError: a token file cannot be read; says which.
            ValueError: a token file is empty.
        """
        self.adjust(self.settings)

    def adjust(self, settings: S) -> None:
        """Use other settings from now on; token files are read again.

        Raises:
            OSError, ValueError: as `open`; everything stays as it was.
        """
        self._tokens = self.tokens(settings)
        self.settings = settings
        self.origins.adjust(settings)

    def tokens(self, settings: S) -> Tokens:
        """The tokens that settings ask for."""
        return Tokens(secret_of("token", settings.token, settings.token_file), None)

    @property
    def locked(self) -> bool:
        """Whether a token is needed."""
        return self._tokens.watch is not None

    def has_room(self, connection: HttpConnection) -> bool:
        """Whether there is room for one more viewer."""
        is_full = self._viewers.total() >= self.settings.max_clients
        return not (is_full or self.descriptors.are_short(connection.descriptor))

    def full(self, connection: HttpConnection) -> Denied | None:
        """Why there is no place for this connection as a viewer's; None when there is."""
        if not self.has_room(connection):
            return Denied(HTTPStatus.SERVICE_UNAVAILABLE, "This stream has as many viewers as it may have.")
        if self._viewers[connection.remote_host] >= self.settings.max_clients_per_address:
            return Denied(HTTPStatus.TOO_MANY_REQUESTS, "Too many viewers from this address.")
        return None

    def take_place(self, address: str) -> None:
        """A viewer from this address was let in."""
        self._viewers[address] += 1

    def free_place(self, address: str) -> None:
        """Free the place of a client that has left."""
        self._viewers[address] -= 1
        if not self._viewers[address]:
            del self._viewers[address]

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer in place of a handshake; None lets the client in."""
        assert isinstance(connection, HttpConnection)
        if not connection.idle():
            await connection.gone()
            return _nothing()
        if not connection.asks_for_stream(request):
            reply = await self.plain_reply(connection, request)
            if reply is None:
                return _nothing()
            await connection.answer(reply.encoded(with_body=connection.line.method != "HEAD"))
            return _nothing()
        denied = await self.admit(connection, request)
        await connection.gone_if_ended()  # also when it is let in: the library may still find a fault in it
        return None if denied is None else _response(refusal(denied))

    async def admit(self, connection: HttpConnection, request: Request) -> Denied | None:
        """Admit a client that asks for the stream, or return why it is refused."""
        raise NotImplementedError

    async def plain_reply(self, connection: HttpConnection, request: Request) -> Reply | None:
        """The answer to a request that is no handshake; None when the connection is a player's, or gone."""
        if connection.line.method == "OPTIONS":
            return options()
        target = parse_target(request.path)
        if target is None or not self._site.has(target.path):
            path = request.path.partition("?")[0]
            return text(HTTPStatus.NOT_FOUND, f"There is nothing at {path!r:.200}; start at '/'.")
        is_open = self._site.is_open(target.path)
        rights = Rights(steer=False) if is_open else await self._reader(connection, request, target)
        if isinstance(rights, Denied):
            self.refused += target.path == MJPEG
            return refusal(rights)
        origins, referers = request.headers.get_all("Origin"), request.headers.get_all("Referer")
        shared = {} if is_open else self.origins.shared(origins, referers, connection.local)
        query = urlsplit(request.path).query
        if target.path == MJPEG:
            reply = await self._play(connection, query, shared)
            self.refused += reply is not None and reply.status >= HTTPStatus.BAD_REQUEST
            return reply
        visit = Visit(
            target.path,
            rights,
            self.has_room(connection),
            joined(request, "Accept"),
            joined(request, "If-None-Match"),
            joined(request, "Accept-Encoding"),
            query,
            next(iter(tokens_of(request, target.tokens)), ""),
        )
        reply = await self._site.answer(visit)
        return reply._replace(headers={**shared, **reply.headers})

    async def _play(self, connection: HttpConnection, query: str, shared: dict[str, str]) -> Reply | None:
        """Make a connection a player's; the answer, if that is not possible or was not asked for."""
        try:
            choice = parse_picture(query, "jpeg", paced=True)
        except InvalidQuery as error:
            return text(HTTPStatus.BAD_REQUEST, f"{error}.")
        if denied := self.full(connection):
            return refusal(denied)
        is_probe = connection.line.method == "HEAD"
        if not is_probe:
            await connection.gone_if_ended()
            if connection.transport.is_closing():
                return None
        if reply := self._players.refusal(choice):
            return reply
        if is_probe:
            return head(shared, chunked=False)
        address = connection.remote_host
        self._players.admit(connection, choice, shared, partial(self.free_place, address))
        self.take_place(address)
        return None

    async def _reader(
        self, connection: HttpConnection, request: Request, target: RequestTarget
    ) -> Rights | Denied:
        """The rights of a request for something that is not open to all."""
        origins, hosts = request.headers.get_all("Origin"), request.headers.get_all("Host")
        if denied := self.origins.foreign(origins, connection.local):
            return denied
        if not self.locked and (denied := self.origins.misdirected(hosts, origins, connection.local)):
            return denied
        return await self.rights(connection, request, target.tokens)

    async def rights(
        self, connection: HttpConnection, request: Request, in_query: tuple[str, ...]
    ) -> Rights | Denied:
        """The rights that a request's tokens give, checked no faster than anyone may guess."""
        presented, address = tokens_of(request, in_query)[:_MOST_TOKENS], connection.remote_host
        now_s = anyio.current_time()
        if presented and not self._wrong_tokens.may_try(address, now_s):
            self.rejected_tokens += 1
            await anyio.sleep(WRONG_TOKEN_DELAY_S)
            why = "Too many wrong tokens came from this address: try again in a few seconds."
            return Denied(HTTPStatus.TOO_MANY_REQUESTS, why)
        rights = authorise(self._tokens, presented)
        if isinstance(rights, Denied) and presented:
            self.rejected_tokens += 1
            if self._wrong_tokens.add(address, presented, now_s):
                self._log.add("addresses with invalid tokens", f"an invalid token came from {address}")
            await anyio.sleep(WRONG_TOKEN_DELAY_S)
        return rights


def _response(reply: Reply) -> Response:
    """A reply for the library to send, which ends the connection after it."""
    headers = Headers(Connection="close")
    headers["Content-Type"] = reply.content_type
    headers["Content-Length"] = str(len(reply.body))
    for name, value in reply.headers.items():
        headers[name] = value
    return Response(reply.status, reply.status.phrase, headers, reply.body)


def _nothing() -> Response:
    """Return a response that is never sent: without one, the library would look at a request that is gone."""
    return Response(HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_REQUEST.phrase, Headers())
