"""Messages of a stream, and a small server that sends what a real one cannot be made to send."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from beats.cli.tap.item import Item, read
from beats.kernel.envelope import Frame, Location, Peripheral, Tag
from beats.proto.streaming_pb2 import PROTOBUF, StreamEnvelope
from tests.support import CODEC, tiny_png

AT_NS: Final = 1_700_000_000_000_000_000
TAGS: Final = (Tag("input", "rotary", {"unit": "detent"}), Tag("demo"))
PLACE: Final = Location(1.0, -2.5, 0.0, "2026-01-02T03:04:05Z")


def frame(sequence: int, png_data: bytes | None = None, at_ns: int = AT_NS) -> bytes:
    """A frame; another one for each number."""
    return CODEC.seal(
        CODEC.prepare(Frame(tiny_png(sequence) if png_data is None else png_data)), sequence, at_ns
    )


def update(sequence: int, data: object = 1, name: str = "knob-1", at_ns: int = AT_NS) -> bytes:
    """An update of a peripheral, with tags and a place."""
    return CODEC.seal(CODEC.prepare(Peripheral(name, data, TAGS, PLACE)), sequence, at_ns)


def opaque(sequence: int, payload_type: str, payload: bytes) -> bytes:
    """An update that holds a protobuf message of some type."""
    envelope = StreamEnvelope(sequence=sequence, captured_unix_ns=AT_NS)
    envelope.peripheral.peripheral_info.id = "knob-1"
    envelope.peripheral.payload = payload
    envelope.peripheral.payload_encoding = PROTOBUF
    envelope.peripheral.payload_type = payload_type
    return envelope.SerializeToString()


def item(message: bytes, after_ms: float = 0) -> Item:
    """The envelope in a message, received so long after it was captured."""
    found = read(message, AT_NS + round(after_ms * 1e6))
    assert isinstance(found, Item)
    return found


class Serving:
    """It listens; every viewer is served on a thread of its own."""

    def __init__(self, port: int, stop: Callable[[], None]) -> None:
        self.port: Final = port
        self.stop: Final = stop
        """Listen no more."""
        self.requests: Final[list[Request]] = []

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def serving(
    serve_one: Callable[[ServerConnection], None],
    refuse: Callable[[Request], Response | None] = lambda request: None,
    *,
    port: int = 0,
) -> Generator[Serving]:
    """A server on a thread.

    Args:
        serve_one: what a viewer gets; when it returns, the connection is closed with code 1000.
        refuse: the answer to a request that does not become a viewer.
        port: where; a free one when 0.
    """

    def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):  # it has had enough
            serve_one(connection)

    def process(connection: ServerConnection, request: Request) -> Response | None:
        found.requests.append(request)
        return refuse(request)

    sock = socket.create_server(("127.0.0.1", port))
    with serve(handle, sock=sock, process_request=process, compression=None, max_size=None) as server:
        found = Serving(sock.getsockname()[1], server.shutdown)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def sending(*messages: str | bytes, code: int = 1000, why: str = "") -> Callable[[ServerConnection], None]:
    """Send so much, and close."""

    def serve_one(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        connection.close(code, why)

    return serve_one


def holding(*messages: str | bytes) -> Callable[[ServerConnection], None]:
    """Send so much, and then nothing more, until the viewer leaves."""

    def serve_one(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        for _ in connection:
            pass

    return serve_one


def refusing(
    status: int, phrase: str, body: bytes, content_type: str = "text/plain; charset=utf-8"
) -> Callable[[Request], Response]:
    """Turn everyone away."""
    headers = Headers([("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return lambda request: Response(status, phrase, headers, body)
