"""Decides which viewers are let in, before their handshake is answered."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import anyio
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request
from websockets.typing import Subprotocol

from beats.adapters.http.access import Denied, Rights, Tokens
from beats.adapters.http.admission import Admission
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.limits import RateLimit
from beats.adapters.http.players.players import Players
from beats.adapters.http.query import InvalidQuery
from beats.adapters.http.reply import Reply, refusal, text
from beats.adapters.http.request import asks_for_reason, is_incomplete, parse_target
from beats.adapters.http.site import Site, ViewerPage
from beats.adapters.sinks.websocket.choice import StreamChoice, parse_choice
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.capabilities import Address
from beats.kernel.ports import Context
from beats.kit.controls import COMMANDS
from beats.kit.secrets import secret_of
from beats.pictures.variants import TooManyVariants, Variants, VariantStream

log = logging.getLogger(__name__)

FOXGLOVE: Final = (Subprotocol("foxglove.sdk.v1"), Subprotocol("foxglove.websocket.v1"))
"""Subprotocols that ask for Foxglove's protocol: https://github.com/foxglove/ws-protocol."""
_ACCEPTED: Final = (
    "The stream would accept this viewer. If connections to it fail nevertheless, a proxy in front of this "
    "server does not forward WebSocket upgrades."
)


class StreamAdmission(Admission[WebSocketSettings]):
    """Checks each handshake's origin, token and query, and whether there is room."""

    def __init__(
        self, settings: WebSocketSettings, context: Context, variants: Variants, players: Players
    ) -> None:
        page = ViewerPage(
            lambda: self.locked,
            lambda: self.settings.emojis,
            lambda: self.settings.frame_ancestors,
            COMMANDS,
            self._for_others,
        )
        super().__init__(settings, context, players, Site(context, players, page))
        self._variants: Final = variants

    def _for_others(self, port: int) -> Address | None:
        return self.settings.for_others(port)

    def tokens(self, settings: WebSocketSettings) -> Tokens:
        """The tokens to watch and to steer."""
        control = secret_of("control_token", settings.control_token, settings.control_token_file)
        return super().tokens(settings)._replace(control=control)

    def rate_limit(self) -> RateLimit:
        """The rate limit of a new viewer."""
        return RateLimit(self.settings.max_messages_per_s, anyio.current_time())

    @staticmethod
    def subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """Foxglove's, if the viewer offers one; without a subprotocol it gets the stream."""
        return next((name for name in FOXGLOVE if name in offered), None)

    def leave(self, connection: StreamConnection) -> None:
        """A connection has ended; if it was let in, its place is free."""
        if connection.variant is not None:
            connection.variant.close()
        if connection.address is not None:
            self.free_place(connection.address)

    async def plain_reply(self, connection: HttpConnection, request: Request) -> Reply | None:
        """Answer as every server does; refuse incomplete handshakes, and tell pages why theirs failed."""
        if is_incomplete(request, connection.line.version):
            self.refused += 1
            return refusal(self.origins.incomplete(connection.remote_host))
        target = parse_target(request.path)
        if connection.line.method == "OPTIONS" or target is None or target.path != "/":
            return await super().plain_reply(connection, request)
        if not asks_for_reason(request):
            return await super().plain_reply(connection, request)
        origins = [*request.headers.get_all("Origin"), *target.origins]
        found = await self._check(connection, request, origins, ("origin",))
        return refusal(found) if isinstance(found, Denied) else text(HTTPStatus.OK, _ACCEPTED)

    async def admit(self, connection: HttpConnection, request: Request) -> Denied | None:
        """Let a viewer in, or say why not."""
        assert isinstance(connection, StreamConnection)
        found: Denied | tuple[StreamChoice, Rights]
        if is_incomplete(request, connection.line.version):
            found = self.origins.incomplete(connection.remote_host)
        else:
            found = await self._check(connection, request, request.headers.get_all("Origin"))
        if isinstance(found, Denied):
            self.refused += 1
            log.debug("sink %r: %s refused: %d", self.name, connection.remote, found.status)
            return found
        self.take_place(connection.remote_host)
        connection.admit(connection.remote_host, *found, self._variant(found[0]))
        return None

    async def _check(
        self, connection: HttpConnection, request: Request, origins: list[str], others: tuple[str, ...] = ()
    ) -> Denied | tuple[StreamChoice, Rights]:
        """What a viewer chose and may do, or why it is refused; `others` are further query parameters."""
        if denied := self.origins.foreign(origins, connection.local):
            return denied
        try:
            choice, token = parse_choice(request.path, others)
            if _speaks_foxglove(request):
                choice = choice.for_foxglove()
        except InvalidQuery as error:
            return Denied(HTTPStatus.BAD_REQUEST, f"{error}.")
        rights = await self.rights(connection, request, () if token is None else (token,))
        if isinstance(rights, Denied):
            return rights
        if denied := self.full(connection):
            return denied
        try:
            if (variant := self._variant(choice)) is not None:
                variant.close()
        except TooManyVariants as error:
            return Denied(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}.")
        return choice, rights

    def _variant(self, choice: StreamChoice) -> VariantStream | None:
        """Keeps in use what a viewer may need of the encoders, from its handshake on.

        Raises:
            TooManyVariants: there is no room for it.
        """
        return None if choice.variant is None else self._variants.open(choice.variant)


def _speaks_foxglove(request: Request) -> bool:
    """Whether `subprotocol` will be one: it is chosen after this request was checked."""
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
    return any(name.strip() in FOXGLOVE for name in offered)
