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

from beats.adapters.sinks.websocket.access import Denied, Tokens, authorise, bearer, origin_allowed
from beats.adapters.sinks.websocket.choice import InvalidChoice, parse_choice
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.settings import WebSocketSettings

log = logging.getLogger(__name__)

WRONG_TOKEN_DELAY_S: Final = 0.3
"""What a wrong token costs the one who guesses."""


class Door:
    """Looks at each request: its origin, its token, its query, and whether there is room."""

    def __init__(self, settings: WebSocketSettings, name: str) -> None:
        """Prepare for a sink of this name; reads no file yet."""
        self.refused = 0
        """Requests turned away."""
        self._settings = settings
        self._name: Final = name
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
        response = await self._refusal(connection, request)
        await connection.gone_if_ended()  # also when it may come in: the library may find fault with it yet
        return response

    async def _refusal(self, connection: StreamConnection, request: Request) -> Response | None:
        denied = self._look(connection, request)
        if denied is None:
            return None
        self.refused += 1
        log.debug("sink %r: %s turned away: %d", self._name, connection.remote, denied.status)
        if denied.status is HTTPStatus.UNAUTHORIZED:
            await anyio.sleep(WRONG_TOKEN_DELAY_S)
        body = (denied.text + "\n").encode()
        headers = Headers(
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
        )
        if denied.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(denied.status, denied.status.phrase, headers, body)

    def leave(self, connection: StreamConnection) -> None:
        """A connection that was let in has ended."""
        if connection.address is not None:
            self._inside[connection.address] -= 1
            if not self._inside[connection.address]:
                del self._inside[connection.address]

    def _look(self, connection: StreamConnection, request: Request) -> Denied | None:
        local, port = connection.local
        own: Collection[str] = (self._settings.public_host, self._settings.host, local)
        # A header that is there twice is no browser's.
        origins = request.headers.get_all("Origin")
        if len(origins) > 1 or not all(
            origin_allowed(origin, own, port, self._settings.origins) for origin in origins
        ):
            return Denied(HTTPStatus.FORBIDDEN, "Pages of this origin may not open the stream.")
        try:
            choice, token = parse_choice(request.path)
        except InvalidChoice as error:
            return Denied(HTTPStatus.BAD_REQUEST, f"{error}.")
        headers = [bearer(header) for header in request.headers.get_all("Authorization")]
        rights = authorise(self._tokens, [item for item in (*headers, token) if item is not None])
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
