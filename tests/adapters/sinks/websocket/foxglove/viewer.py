"""A client of Foxglove's protocol, written from its description."""

import json
import struct
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.adapters.sinks.websocket.support import Running

SDK: Final = "foxglove.sdk.v1"
WEBSOCKET: Final = "foxglove.websocket.v1"


class Message(NamedTuple):
    """A message of a channel."""

    subscription: int
    log_unix_ns: int
    payload: bytes

    @property
    def data(self) -> Any:
        """The value of an update."""
        return json.loads(self.payload)["data"]


class Time(NamedTuple):
    """The server's time."""

    unix_ns: int


class State(NamedTuple):
    """What the server plays."""

    status: int
    unix_ns: int
    speed: float
    jumped: bool
    request: str


Event = dict[str, Any] | Message | Time | State


def read(message: str | bytes) -> Event:
    """One message of the server."""
    if isinstance(message, str):
        return cast("dict[str, Any]", json.loads(message))
    op, rest = message[0], message[1:]
    if op == 1:
        subscription, unix_ns = struct.unpack_from("<IQ", rest)
        return Message(subscription, unix_ns, rest[12:])
    if op == 2:
        (unix_ns,) = struct.unpack("<Q", rest)
        return Time(unix_ns)
    assert op == 5
    status, unix_ns, speed, jumped, length = struct.unpack_from("<BQfBI", rest)
    assert len(rest) == 18 + length
    return State(status, unix_ns, speed, bool(jumped), rest[18:].decode())


class Viewer:
    """Waits for one kind of event at a time; the others wait in the order in which they came."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection: Final = connection
        self.channels: Final[dict[str, dict[str, Any]]] = {}
        """By topic, as told by `advertised`."""
        self.waiting: Final[deque[Event]] = deque()

    async def next(self) -> Event:
        """The next event of any kind."""
        return self.waiting.popleft() if self.waiting else read(await self.connection.recv())

    async def text(self, op: str) -> dict[str, Any]:
        """The next text message of a kind."""
        for event in self.waiting:
            if isinstance(event, dict) and event["op"] == op:
                self.waiting.remove(event)
                return event
        while True:
            event = read(await self.connection.recv())
            if isinstance(event, dict) and event["op"] == op:
                return event
            self.waiting.append(event)

    async def binary(self, kind: type[Any]) -> Any:
        """The next binary message of a kind."""
        for event in self.waiting:
            if isinstance(event, kind):
                self.waiting.remove(event)
                return event
        while True:
            event = read(await self.connection.recv())
            if isinstance(event, kind):
                return event
            self.waiting.append(event)

    async def message(self) -> Message:
        """The next message of a channel."""
        return cast("Message", await self.binary(Message))

    async def state(self) -> State:
        """The next playback state."""
        return cast("State", await self.binary(State))

    async def until_advertised(self, *topics: str) -> None:
        """Wait for channels."""
        while not self.channels.keys() >= set(topics):
            for channel in (await self.text("advertise"))["channels"]:
                self.channels[channel["topic"]] = channel

    async def send(self, **message: object) -> None:
        """Send a text message."""
        await self.connection.send(json.dumps(message))

    async def subscribe(self, *topics: str, first_id: int = 0) -> None:
        """Subscribe to channels, with ids from the first one on."""
        await self.until_advertised(*topics)
        ids = [self.channels[topic]["id"] for topic in topics]
        wanted = [{"id": first_id + index, "channelId": id_} for index, id_ in enumerate(ids)]
        await self.send(op="subscribe", subscriptions=wanted)

    async def unsubscribe(self, *ids: int) -> None:
        """End subscriptions."""
        await self.send(op="unsubscribe", subscriptionIds=ids)

    async def play(
        self, *, paused: bool = False, speed: float = 1.0, seek_unix_ns: int | None = None, request: str = "r"
    ) -> None:
        """Send a playback request."""
        seeks, place = seek_unix_ns is not None, seek_unix_ns or 0
        head = struct.pack("<BBfBQI", 3, paused, speed, seeks, place, len(request.encode()))
        await self.connection.send(head + request.encode())


@asynccontextmanager
async def viewing(running: Running, query: str = "", protocol: str = SDK) -> AsyncGenerator[Viewer]:
    """A client that has connected."""
    url = f"{running.url}/{query}"
    async with connect(url, subprotocols=[Subprotocol(protocol)], max_size=None) as connection:
        assert connection.subprotocol == protocol
        yield Viewer(connection)
