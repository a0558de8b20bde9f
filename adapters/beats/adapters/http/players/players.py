"""All players of a server: answers their requests, and gives each the frames of its picture."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import anyio
from anyio import to_thread

from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.players.choice import PictureChoice, parse_picture
from beats.adapters.http.players.player import Player
from beats.adapters.http.query import InvalidQuery
from beats.adapters.http.reply import Reply, text
from beats.adapters.http.viewers import LINGER_S, Viewers
from beats.kernel.envelope import Envelope, Frame
from beats.kernel.ports import Context
from beats.pictures.errors import PictureError
from beats.pictures.formats import Format
from beats.pictures.variants import TooManyVariants, Variants

MJPEG: Final = "/stream.mjpg"
STILLS: Final = MappingProxyType[str, Format](
    {"/frame.jpg": "jpeg", "/frame.png": "png", "/frame.webp": "webp"}
)
_MOST_NAMES: Final = 32


def _tag(data: bytes) -> str:
    """An entity tag (RFC 9110, section 8.8.3): the same for the same picture."""
    return f'"{blake2b(data, digest_size=16).hexdigest()}"'


class Players:
    """Belongs to the event loop."""

    def __init__(self, context: Context, viewers: Viewers, variants: Variants) -> None:
        """Make a server's players.

        Args:
            context: tells the last values and the time.
            viewers: counts them, with the server's other viewers.
            variants: encodes frames for all of them.
        """
        self._context: Final = context
        self._viewers: Final = viewers
        self._variants: Final = variants
        self._by_topic: Final[dict[str, set[Player]]] = {}
        self._finishing = False

    async def still(self, path: str, query: str, if_none_match: str) -> Reply:
        """The latest frame of a picture as a file."""
        try:
            choice = parse_picture(query, STILLS[path])
        except InvalidQuery as error:
            return text(HTTPStatus.BAD_REQUEST, f"{error}.")
        latest = self._latest(choice)
        if latest is None:
            return self._missing(choice)
        frame = latest.message
        assert isinstance(frame, Frame)
        tag = await to_thread.run_sync(_tag, frame.data)  # a large picture takes milliseconds
        headers = {"ETag": tag, "X-Timestamp": f"{latest.captured_unix_ns / 1e9:.6f}"}
        if tag in if_none_match:
            return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
        if not choice.fits(frame):
            try:
                encoded = await self._variants.convert(latest, choice.variant)
            except PictureError as error:
                return text(HTTPStatus.INTERNAL_SERVER_ERROR, f"The latest frame cannot be shown: {error}.")
            frame = encoded.message
            assert isinstance(frame, Frame)
        return Reply(HTTPStatus.OK, frame.data, frame.media_type, headers)

    def refusal(self, choice: PictureChoice) -> Reply | None:
        """Why a stream cannot be had now; None when it can, or could if there were a first picture."""
        latest = self._latest(choice)
        if latest is None and self._pictures():
            return self._missing(choice)
        frame = None if latest is None else latest.message
        if not (isinstance(frame, Frame) and choice.fits(frame)):
            try:
                self._variants.open(choice.variant).close()
            except TooManyVariants as error:
                return text(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}.")
        return None

    def admit(
        self,
        connection: HttpConnection,
        choice: PictureChoice,
        headers: Mapping[str, str],
        on_left: Callable[[], object],
    ) -> None:
        """Let a player in: its connection is its own from now on.

        Args:
            connection: has asked for it, and is open.
            choice: what it wants; not refused just before.
            headers: of the answer, besides those that it always has.
            on_left: called when it has left.
        """
        topic, first = choice.topic, self._latest(choice)

        def left(player: Player) -> None:
            self._by_topic[topic].discard(player)
            if not self._by_topic[topic]:
                del self._by_topic[topic]
            self._viewers.leave(player)
            on_left()

        identity, now_ns = self._viewers.identify(connection.remote), self._context.clock.unix_ns()
        player = Player(identity, choice, self._variants, now_ns, left)
        player.prepare(None if first is None else first.message)
        player.start(connection.hand_over(player), headers, chunked=connection.line.version == "HTTP/1.1")
        self._by_topic.setdefault(topic, set()).add(player)
        self._viewers.join(player)
        if first is not None:
            player.offer(first)
        if self._finishing:
            player.finish()

    def offer(self, envelopes: Iterable[Envelope]) -> None:
        """Give frames to the players of their pictures."""
        if self._by_topic:
            for envelope in envelopes:
                for player in tuple(self._by_topic.get(envelope.topic, ())):
                    player.offer(envelope)

    @asynccontextmanager
    async def served(self, stall_timeout_s: Callable[[], float]) -> AsyncGenerator[None]:
        """Serve the viewers of a stream, players among them, while the body of the `with` statement runs.

        When the body ends without an exception, each player gets what waits for it and the end of its answer,
        and all viewers have a moment to read on. Then the remaining players are cut off.

        Args:
            stall_timeout_s: seconds after which a viewer is cut off whose socket accepts nothing.
        """
        self._finishing = False
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._viewers.close_stalled, stall_timeout_s)
                yield
                self.finish()
                with anyio.move_on_after(LINGER_S):
                    await self._variants.drain()
                await self._viewers.linger()
                group.cancel_scope.cancel()
        finally:
            for player in self._everyone():
                player.abort()

    def finish(self) -> None:
        """The stream has ended: each player gets what waits for it, and the end of its answer."""
        self._finishing = True
        for player in self._everyone():
            player.finish()

    def _everyone(self) -> list[Player]:
        return [player for players in self._by_topic.values() for player in players]

    def _latest(self, choice: PictureChoice) -> Envelope | None:
        topic = choice.topic
        return next((each for each in self._context.last_values() if each.topic == topic), None)

    def _pictures(self) -> list[Frame]:
        messages = (each.message for each in self._context.last_values())
        return [message for message in messages if isinstance(message, Frame)]

    def _missing(self, choice: PictureChoice) -> Reply:
        names = [repr(each.id) if each.id else "the main one" for each in self._pictures()]
        if not (choice.picture or names):
            why = "There is no picture yet: none has been published."
            return text(HTTPStatus.SERVICE_UNAVAILABLE, why, **{"Retry-After": "1"})
        known = ", ".join(names[:_MOST_NAMES]) or "none yet"
        if not choice.picture:
            why = f"There is no main picture; there are: {known}. Add ?picture= and a name."
            return text(HTTPStatus.NOT_FOUND, why)
        return text(HTTPStatus.NOT_FOUND, f"There is no picture {choice.picture!r:.80}; there are: {known}.")
