"""A server that serves the page and sends what a test tells it to."""

import json
import queue
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Self

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.sync.server import ServerConnection, serve

from beats.adapters.http import assets
from beats.kernel.envelope import Frame, Message, Peripheral
from tests.support import CODEC, TIMEOUT_S

_HANDSHAKE: Final = "websocket"
_FACTS: Final[Mapping[str, Any]] = {
    "beats": "0",
    "profile": "test",
    "sink": "browser",
    "rights": {"steer": True},
    "commands": [],
    "emojis": ["heart"],
    "playback": {},
    "recorders": {},
    "failed": [],
}


class Host:
    """Unlike the real server, it can send garbage, leave gaps, and close with any code."""

    def __init__(self) -> None:
        self.facts: Final[dict[str, Any]] = {}
        """The answer to `/api/session`, except the time."""
        self.clock_ahead_s = 0.0
        self.commands: Final[queue.Queue[Mapping[str, Any]]] = queue.Queue()
        """The commands of pages."""
        self.drawn: Final[queue.Queue[Mapping[str, Any]]] = queue.Queue()
        """What pages tell of what they have drawn."""
        self.asked: Final[list[str]] = []
        """The paths of requests."""
        self.refusal: tuple[HTTPStatus, bytes] | None = None
        """The answer to handshakes and to plain requests for text, instead of the stream."""
        self.latest: ServerConnection
        """The connection that was waited for last."""
        self.query = ""
        """The query of the last plain request for text at the stream's address."""
        self.reset()
        self._connections: Final[queue.Queue[ServerConnection]] = queue.Queue()
        self._server: Final = serve(
            self._handle, "127.0.0.1", 0, process_request=self._answer, compression=None, close_timeout=1
        )
        self._thread: Final = threading.Thread(target=self._server.serve_forever)

    def reset(self) -> None:
        """Restore the default answers."""
        self.clock_ahead_s = 0.0
        self.refusal = None
        self.facts.update(_FACTS)

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/"

    def _unix_ns(self) -> int:
        return time.time_ns() + int(self.clock_ahead_s * 1e9)

    def frame_of_now(self, png: bytes, sequence: int) -> bytes:
        """A picture captured now, by this server's clock."""
        return sealed(Frame(png), sequence, self._unix_ns())

    def connection(self) -> ServerConnection:
        """Wait for the next page that connects, and does not leave at once to try again."""
        while True:
            self.latest = self._connections.get(timeout=TIMEOUT_S)
            if self.latest.state is State.OPEN:
                return self.latest

    def drop(self) -> None:
        """Close the latest connection."""
        self.latest.close()

    def next_command(self) -> Mapping[str, Any]:
        """Wait for the next command."""
        return self.commands.get(timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(TIMEOUT_S)

    def _handle(self, connection: ServerConnection) -> None:
        self._connections.put(connection)
        try:
            for message in connection:
                said = json.loads(message)
                (self.drawn if said["kind"] == "drawn" else self.commands).put(said)
        except ConnectionClosed:
            pass  # the test closes the page at its end

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        path, _, query = request.path.partition("?")
        if request.headers.get("Upgrade", "").lower() == _HANDSHAKE:
            return self.refusal and _response(*self.refusal)
        self.asked.append(path)
        if path == "/" and request.headers.get("Accept") == "text/plain":
            self.query = query
            return _response(*(self.refusal or (HTTPStatus.OK, b"The stream would accept this viewer.")))
        if path == "/readyz":
            return _response(HTTPStatus.OK, b"ready")
        if path == "/api/session":
            facts = {**self.facts, "time_unix_ns": self._unix_ns()}
            return _response(HTTPStatus.OK, json.dumps(facts).encode())
        found = assets.find(path)
        if found is None:
            return _response(HTTPStatus.NOT_FOUND, b"nothing here")
        reply = assets.serve(found, "")
        return _response(reply.status, reply.body, {**reply.headers, "Content-Type": reply.content_type})


def sealed(message: Message, sequence: int, captured_unix_ns: int | None = None) -> bytes:
    """An encoded envelope, by default captured now."""
    return CODEC.seal(CODEC.prepare(message), sequence, captured_unix_ns or time.time_ns())


def frame(png: bytes, sequence: int, id_: str = "") -> bytes:
    """An encoded picture."""
    return sealed(Frame(png, id_), sequence)


def update(id_: str, data: object, sequence: int) -> bytes:
    """An encoded update of a peripheral."""
    return sealed(Peripheral(id_, data), sequence)


def _response(status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    plain = {"Connection": "close", "Content-Length": str(len(body)), "Content-Type": "text/plain"}
    fields = Headers({**plain, **(headers or {})})
    return Response(status, status.phrase, fields, body)
