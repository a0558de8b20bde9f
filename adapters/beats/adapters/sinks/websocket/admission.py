"""Turns away who may not come in, before the handshake is answered."""

import logging
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Final

import anyio
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from beats.adapters.http.access import Denied, Rights, Tokens, authorise, bearer
from beats.adapters.http.reply import Reply, text
from beats.adapters.http.site import (
    Address,
    Site,
    Visit,
    asks_for_reason,
    options,
    parse_target,
)
from beats.adapters.sinks.websocket.choice import Choice, InvalidChoice, parse_choice
from beats.adapters.sinks.websocket.connection import StreamConnection, is_spoilt
from beats.adapters.sinks.websocket.control import COMMANDS
from beats.adapters.sinks.websocket.guesses import Guesses
from beats.adapters.sinks.websocket.origins import Origins
from beats.adapters.sinks.websocket.rate import Allowance
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.ports import Context
from beats.kit.descriptors import Descriptors
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

WRONG_TOKEN_DELAY_S: Final = 0.3
"""What a wrong token costs the one who guesses."""
_LET_IN: Final = (
    "The stream would let this viewer in. If connections to it fail all the same, a proxy before this server "
    "does not pass on WebSocket upgrades."
)
_MOST_TOKENS: Final = 2
"""One in a header and one in the query: who presents more is guessing, and the others are not looked at."""


class Admission:
    """Looks at each request: its origin, its token, its query, and whether there is room."""

    def __init__(self, settings: WebSocketSettings, context: Context) -> None:
        """Prepare for a sink; reads no file yet."""
        self.refused = 0
        """Requests turned away."""
        self.rejected_tokens = 0
        """Requests with an invalid token, or with any that came too soon after several of those."""
        self.descriptors: Final = Descriptors(context.name)
        self._settings = settings
        self._name: Final = context.name
        self._reports: Final = ThrottledLog(log, f"sink {context.name!r}")
        self._site: Final = Site(context, lambda: self._settings.emojis, COMMANDS, lambda: self.locked)
        self._tokens = Tokens(None, None)
        self._guesses: Final = Guesses()
        self._inside: Final[Counter[str]] = Counter()
        self._origins: Final = Origins(context.name, settings)

    def open(self) -> None:
        """Read the token files.

        Raises:
            OSError: a token file cannot be read; says which.
            ValueError: a token file is empty.
        """
        self.adjust(self._settings)

    def adjust(self, settings: WebSocketSettings) -> None:
        """Look at requests by other settings from now on; the token files are read anew.

        Raises:
            OSError, ValueError: as `open`; everything stays as it was.
        """
        self._tokens = Tokens(
            _token(settings.token, settings.token_file),
            _token(settings.control_token, settings.control_token_file),
        )
        self._settings = settings
        self._origins.adjust(settings)

    @property
    def locked(self) -> bool:
        """Whether a token is needed to watch."""
        return self._tokens.watch is not None

    def allowance(self) -> Allowance:
        """What one who comes now may send."""
        return Allowance(self._settings.max_messages_per_s, anyio.current_time())

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """What to answer in place of a handshake; None lets the client in."""
        assert isinstance(connection, StreamConnection)
        if not connection.idle():
            await connection.gone()
            return _unsent()
        if not connection.asks_for_the_stream(request):
            reply = await self._plain(connection, request)
            await connection.answer(reply.encoded(with_body=connection.line.method != "HEAD"))
            return _unsent()
        response = await self._refusal(connection, request)
        await connection.gone_if_ended()  # also when it may come in: the library may find fault with it yet
        return response

    async def _refusal(self, connection: StreamConnection, request: Request) -> Response | None:
        denied = await self._admit(connection, request)
        if denied is None:
            return None
        self.refused += 1
        log.debug("sink %r: %s turned away: %d", self._name, connection.remote, denied.status)
        reply = _denied(denied)
        headers = Headers(Connection="close")
        headers["Content-Type"] = reply.content_type
        headers["Content-Length"] = str(len(reply.body))
        for name, value in reply.headers.items():
            headers[name] = value
        return Response(reply.status, reply.status.phrase, headers, reply.body)

    async def _plain(self, connection: StreamConnection, request: Request) -> Reply:
        """The answer to a request that is no handshake."""
        if is_spoilt(request, connection.line.version):
            self.refused += 1
            return _denied(self._origins.spoilt(connection.remote_host))
        if connection.line.method == "OPTIONS":
            return options()
        target = parse_target(request.path)
        if target is None or not self._site.knows(target.path):
            path = request.path.partition("?")[0]
            return text(HTTPStatus.NOT_FOUND, f"There is nothing at {path!r:.200}; the page is at '/'.")
        if target.path == "/" and asks_for_reason(_listed(request, "Accept")):
            origins = [*request.headers.get_all("Origin"), *target.origins]
            found = await self._look(connection, request, origins, ("origin",))
            return _denied(found) if isinstance(found, Denied) else text(HTTPStatus.OK, _LET_IN)
        is_open = self._site.is_open(target.path)
        rights = Rights(steer=False) if is_open else await self._reader(connection, request, target)
        if isinstance(rights, Denied):
            return _denied(rights)
        known, accept = _listed(request, "If-None-Match"), _listed(request, "Accept")
        encodings, has_room = _listed(request, "Accept-Encoding"), self._has_room(connection)
        return await self._site.answer(Visit(target.path, rights, known, accept, has_room, encodings))

    def _has_room(self, connection: StreamConnection) -> bool:
        """Whether this connection may become one more viewer's."""
        is_full = self._inside.total() >= self._settings.max_clients
        return not is_full and not self.descriptors.are_short(connection.descriptor)

    async def _reader(
        self, connection: StreamConnection, request: Request, target: Address
    ) -> Rights | Denied:
        """The rights of a request for something that is not open to all."""
        origins, hosts = request.headers.get_all("Origin"), request.headers.get_all("Host")
        if denied := self._origins.foreign(origins, connection.local):
            return denied
        if not self.locked and (denied := self._origins.misdirected(hosts, origins, connection.local)):
            return denied
        return await self._rights(connection, request, target.tokens)

    def leave(self, connection: StreamConnection) -> None:
        """A connection that was let in has ended."""
        if connection.address is not None:
            self._inside[connection.address] -= 1
            if not self._inside[connection.address]:
                del self._inside[connection.address]

    async def _admit(self, connection: StreamConnection, request: Request) -> Denied | None:
        if is_spoilt(request, connection.line.version):
            return self._origins.spoilt(connection.remote_host)
        origins = request.headers.get_all("Origin")
        found = await self._look(connection, request, origins)
        if isinstance(found, Denied):
            return found
        address = connection.remote_host
        self._inside[address] += 1
        connection.admit(address, *found)
        return None

    async def _rights(
        self, connection: StreamConnection, request: Request, tokens: tuple[str, ...]
    ) -> Rights | Denied:
        """What a request's tokens entitle to, looked at no faster than anyone may guess."""
        presented, address = _presented(request, tokens)[:_MOST_TOKENS], connection.remote_host
        now_s = anyio.current_time()
        if presented and not self._guesses.may_look(address, now_s):
            self.rejected_tokens += 1
            await anyio.sleep(WRONG_TOKEN_DELAY_S)
            why = "Too many wrong tokens came from this address: try again in a few seconds."
            return Denied(HTTPStatus.TOO_MANY_REQUESTS, why)
        rights = authorise(self._tokens, presented)
        if isinstance(rights, Denied) and presented:
            self.rejected_tokens += 1
            if self._guesses.add(address, presented, now_s):
                self._reports.add("addresses with invalid tokens", f"an invalid token came from {address}")
            await anyio.sleep(WRONG_TOKEN_DELAY_S)
        return rights

    async def _look(
        self,
        connection: StreamConnection,
        request: Request,
        origins: list[str],
        others: tuple[str, ...] = (),
    ) -> Denied | tuple[Choice, Rights]:
        """Whether the stream lets a viewer in: what it chose and may do, or why not."""
        if denied := self._origins.foreign(origins, connection.local):
            return denied
        try:
            choice, token = parse_choice(request.path, others)
        except InvalidChoice as error:
            return Denied(HTTPStatus.BAD_REQUEST, f"{error}.")
        rights = await self._rights(connection, request, () if token is None else (token,))
        if isinstance(rights, Denied):
            return rights
        if not self._has_room(connection):
            return Denied(HTTPStatus.SERVICE_UNAVAILABLE, "This stream has as many viewers as it may have.")
        if self._inside[connection.remote_host] >= self._settings.max_clients_per_address:
            return Denied(HTTPStatus.TOO_MANY_REQUESTS, "Too many viewers from this address.")
        return choice, rights


def _listed(request: Request, name: str) -> str:
    """A header that is a list, and may be there several times (RFC 9110, section 5.3); empty without it."""
    return ", ".join(request.headers.get_all(name))


def _presented(request: Request, tokens: tuple[str, ...]) -> list[str]:
    """All tokens of a request: those of its headers, and those of its query."""
    headers = [bearer(header) for header in request.headers.get_all("Authorization")]
    return [*(header for header in headers if header is not None), *tokens]


def _unsent() -> Response:
    """For the library when the client has gone: without it, it would look at the request."""
    return Response(HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_REQUEST.phrase, Headers())


def _denied(denied: Denied) -> Reply:
    """The answer to who may not come in."""
    if denied.status is HTTPStatus.UNAUTHORIZED:
        return text(denied.status, denied.text, **{"WWW-Authenticate": "Bearer"})
    return text(denied.status, denied.text, **denied.headers)


def _token(secret: SecretStr | None, file: Path | None) -> str | None:
    if file is None:
        return None if secret is None else secret.get_secret_value()
    try:
        content = file.read_text().strip()
    except OSError as error:
        raise OSError(error.errno, f"token file {str(file)!r} cannot be read: {error.strerror}") from error
    if not content:
        raise ValueError(f"token file {str(file)!r} is empty: it must hold the token")
    return content
