"""Turns away who may not come in, before the handshake is answered."""

import logging
from collections import Counter
from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from typing import Final

import anyio
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from beats.adapters.sinks.websocket.access import (
    Denied,
    Rights,
    Tokens,
    authorise,
    bearer,
    host_known,
    origin_allowed,
)
from beats.adapters.sinks.websocket.choice import InvalidChoice, parse_choice
from beats.adapters.sinks.websocket.connection import StreamConnection, is_handshake
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.web.reply import Reply, text
from beats.adapters.sinks.websocket.web.site import Site, Visit, parse_target
from beats.kernel.ports import Context

log = logging.getLogger(__name__)

WRONG_TOKEN_DELAY_S: Final = 0.3
"""What a wrong token costs the one who guesses."""


class Door:
    """Looks at each request: its origin, its token, its query, and whether there is room."""

    def __init__(self, settings: WebSocketSettings, context: Context) -> None:
        """Prepare for a sink; reads no file yet."""
        self.refused = 0
        """Requests turned away."""
        self._settings = settings
        self._name: Final = context.name
        self._site: Final = Site(context, lambda: self._settings.emojis)
        self._tokens = Tokens(None, None)
        self._inside: Final[Counter[str]] = Counter()

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

    @property
    def locked(self) -> bool:
        """Whether a token is needed to watch."""
        return self._tokens.watch is not None

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """What to answer in place of a handshake; None lets the client in."""
        assert isinstance(connection, StreamConnection)
        if not is_handshake(request):
            reply = await self._plain(connection, request)
            await connection.answer(reply.encoded(with_body=request.method != "HEAD"))
            return None  # there is nobody left to let in
        response = await self._refusal(connection, request)
        await connection.gone_if_ended()  # also when it may come in: the library may find fault with it yet
        return response

    async def _refusal(self, connection: StreamConnection, request: Request) -> Response | None:
        denied = self._look(connection, request)
        if denied is None:
            return None
        self.refused += 1
        log.debug("sink %r: %s turned away: %d", self._name, connection.remote, denied.status)
        reply = await _denied(denied)
        headers = Headers(Connection="close")
        headers["Content-Type"] = reply.content_type
        headers["Content-Length"] = str(len(reply.body))
        for name, value in reply.headers.items():
            headers[name] = value
        return Response(reply.status, reply.status.phrase, headers, reply.body)

    async def _plain(self, connection: StreamConnection, request: Request) -> Reply:
        """The answer to a request that is no handshake."""
        target = parse_target(request.path)
        if target is None or not self._site.knows(target.path):
            return text(HTTPStatus.NOT_FOUND, "There is nothing here; the page is at /.")
        if not self._origins_allowed(connection, request):
            return text(HTTPStatus.FORBIDDEN, "Pages of this origin may not read this.")
        is_open = self._site.is_open(target.path)
        if (is_open or not self.locked) and not self._host_known(connection, request):
            return text(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not go by that name: open it by its address, or have its operator set "
                "public_host to the name, or add the origin of a proxy before it to origins.",
            )
        rights: Rights | Denied = Rights(steer=False)
        if not is_open:
            rights = authorise(self._tokens, _presented(request, target.tokens))
        if isinstance(rights, Denied):
            return await _denied(rights)
        has_room = self._inside.total() < self._settings.max_clients
        known, accept = _listed(request, "If-None-Match"), _listed(request, "Accept")
        return await self._site.answer(Visit(target.path, rights, known, accept, has_room))

    def leave(self, connection: StreamConnection) -> None:
        """A connection that was let in has ended."""
        if connection.address is not None:
            self._inside[connection.address] -= 1
            if not self._inside[connection.address]:
                del self._inside[connection.address]

    def _own_hosts(self, connection: StreamConnection) -> Collection[str]:
        return (self._settings.public_host, self._settings.host, connection.local[0])

    def _origins_allowed(self, connection: StreamConnection, request: Request) -> bool:
        own, port = self._own_hosts(connection), connection.local[1]
        # A header that is there twice is no browser's.
        origins = request.headers.get_all("Origin")
        return len(origins) <= 1 and all(
            origin_allowed(origin, own, port, self._settings.origins) for origin in origins
        )

    def _host_known(self, connection: StreamConnection, request: Request) -> bool:
        hosts = request.headers.get_all("Host")
        return len(hosts) == 1 and host_known(hosts[0], self._own_hosts(connection), self._settings.origins)

    def _look(self, connection: StreamConnection, request: Request) -> Denied | None:
        if not self._origins_allowed(connection, request):
            return Denied(HTTPStatus.FORBIDDEN, "Pages of this origin may not open the stream.")
        try:
            choice, token = parse_choice(request.path)
        except InvalidChoice as error:
            return Denied(HTTPStatus.BAD_REQUEST, f"{error}.")
        rights = authorise(self._tokens, _presented(request, () if token is None else (token,)))
        if isinstance(rights, Denied):
            return rights
        address = connection.remote_host
        if self._inside.total() >= self._settings.max_clients:
            return Denied(HTTPStatus.SERVICE_UNAVAILABLE, "This stream has as many viewers as it may have.")
        if self._inside[address] >= self._settings.max_clients_per_address:
            return Denied(HTTPStatus.TOO_MANY_REQUESTS, "Too many viewers from this address.")
        self._inside[address] += 1
        connection.admit(address, choice, rights)
        return None


def _listed(request: Request, name: str) -> str:
    """A header that is a list, and may be there several times (RFC 9110, section 5.3); empty without it."""
    return ", ".join(request.headers.get_all(name))


def _presented(request: Request, tokens: tuple[str, ...]) -> list[str]:
    """All tokens of a request: those of its headers, and those of its query."""
    headers = [bearer(header) for header in request.headers.get_all("Authorization")]
    return [*(header for header in headers if header is not None), *tokens]


async def _denied(denied: Denied) -> Reply:
    """The answer to who may not come in; a wrong token costs its time."""
    if denied.status is not HTTPStatus.UNAUTHORIZED:
        return text(denied.status, denied.text)
    await anyio.sleep(WRONG_TOKEN_DELAY_S)
    return text(denied.status, denied.text, **{"WWW-Authenticate": "Bearer"})


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
