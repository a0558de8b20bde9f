"""What the sink needs of this room: the view of a client that speaks Foxglove's protocol."""

from functools import partial
from typing import Final

import anyio

from beats.adapters.http.viewers import ViewerTimes
from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.client import Client, ClientLimits
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.foxglove import messages, playback
from beats.adapters.sinks.websocket.foxglove.channels import Channels
from beats.adapters.sinks.websocket.foxglove.client import FoxgloveClient
from beats.adapters.sinks.websocket.foxglove.messages import InvalidMessage, PlaybackRequest, Subscribe
from beats.adapters.sinks.websocket.receiver import ignore
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.view import StreamView
from beats.kernel.envelope import ClientIdentity, Envelope
from beats.kernel.last_values import CaughtUp
from beats.kernel.ports import Clock, Context
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.variants import Variants

_PLAYBACK_PROTOCOL: Final = "foxglove.sdk.v1"
"""The one that knows playback control."""
_REPLAY_PATIENCE_S: Final = 2.0
"""How long a replay may take to find its recordings, before a client is greeted without playback control."""


class FoxgloveView(StreamView):
    """The stream of one client."""

    def __init__(
        self, choice: StreamChoice, variants: Variants, limits: ClientLimits, channels: Channels
    ) -> None:
        super().__init__(choice, variants, limits)
        self._channels: Final = channels
        self._player: playback.Player | None = None

    def client(
        self,
        identity: ClientIdentity,
        connection: StreamConnection,
        clock: Clock,
        times: ViewerTimes,
    ) -> FoxgloveClient:
        """The client of this view."""
        counts = (self.sent, self.left_out, self.paths)
        arguments = (identity, connection, self._limits, *counts, clock, times)
        self._client = FoxgloveClient(self._channels, self.choice, self._goes_now, *arguments)
        return self._client

    def join(self, client: Client, caught_up: CaughtUp) -> None:
        """Begin; the client gets last values when it subscribes."""
        self._enter(client)
        client.start([], [])

    async def _greet(self, client: Client, context: Context) -> None:
        with anyio.move_on_after(_REPLAY_PATIENCE_S):
            while playback.begins(context):  # noqa: ASYNC110 - a matter of milliseconds, for which there is no event
                await anyio.sleep(0.01)
        connection = client.connection
        found = playback.playing(context)
        capabilities: list[str] = []
        if tells_time := playback.plays_alone(context):
            capabilities.append("time")
        range_ns: tuple[int, int] | None = None
        if found is not None and connection.rights.steer and connection.subprotocol == _PLAYBACK_PROTOCOL:
            self._player = playback.Player(context, client.identity)
            capabilities.append("playbackControl")
            start_ns = found[1].start_unix_ns
            range_ns = start_ns, start_ns + round(found[1].duration_s * 1e9)
        name = f"Beats, profile {context.profile}"
        greeting = messages.server_info(name, self._channels.session, capabilities, range_ns)
        if found is not None and tells_time:  # before the first message, clients would take the time for 0
            greeting += messages.time(playback.unix_ns(found[1]))
        self._client.greet(greeting, tells_time=tells_time)

    def leave(self, client: Client) -> None:
        """Stop sending to the client."""
        super().leave(client)
        self._channels.forget()

    def send(self, chunk: list[Envelope], data: bytes) -> None:
        """Pass a chunk of the stream to the client, if it has subscribed to some of it."""
        self._client.see(chunk)
        if wanted := self._client.wanted(chunk):
            self._deliver(self._chosen(wanted))

    def _deliver(self, chunk: list[Envelope], data: bytes = b"") -> None:
        if wanted := self._client.wanted(chunk):  # a frame that was held may have been overtaken
            due = self._due()
            self._client.deliver(wanted)
            self.sent.add(wanted)
            self._ask(due, wanted)

    async def receive(
        self, client: Client, settings: WebSocketSettings, context: Context, reports: ThrottledLog
    ) -> None:
        """Do what the client asks for until it leaves; what is invalid is ignored, counted and answered."""
        await self._greet(client, context)
        async with anyio.create_task_group() as group:
            if self._player is not None:
                group.start_soon(self._tell_states, self._player)
            client.connection.listen(partial(self._read, reports))
            await client.connection.ended
            group.cancel_scope.cancel()

    def _read(self, reports: ThrottledLog, message: str | bytes) -> None:
        try:
            self._obey(messages.parse(message))
        except InvalidMessage as error:
            ignore(self._client, str(error), reports)
            self._client.note(messages.status(messages.ERROR, f"ignored: {error}"))

    def _obey(self, request: messages.Request | None) -> None:
        match request:
            case None:
                pass
            case Subscribe():
                self._client.subscribe(request)
            case PlaybackRequest():
                if self._player is None:
                    raise InvalidMessage("it was not offered playback control")
                if (state := self._player.ask(request)) is not None:
                    self._client.note(messages.playback_state(state))
            case _:
                self._client.unsubscribe(request)

    async def _tell_states(self, player: playback.Player) -> None:
        while True:
            self._client.note(messages.playback_state(await player.next_state()))
