"""Reading a stream message by message."""

import queue
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
import trustme
from websockets.sync.server import ServerConnection

from beats.cli.address import ServerAddress, tls
from beats.cli.failures import ServerError
from beats.cli.tap import stream as module
from beats.cli.tap.item import Notice
from beats.cli.tap.stream import messages, persistent
from beats.kernel.run.supervisor import Backoff
from tests.cli.tap.envelopes import frame, holding, refusing, sending, serving, update
from tests.cli.top.answering import answering
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio
TOKEN = {"Authorization": "Bearer a"}


async def take(
    found: AsyncGenerator[str | bytes | Notice], count: int | None = None
) -> tuple[list[str | bytes | Notice], ServerError | None]:
    """What comes, until there is so much of it or it ends, and why it ended."""
    taken: list[str | bytes | Notice] = []
    ended: ServerError | None = None
    with anyio.fail_after(TIMEOUT_S):
        try:
            async with aclosing(found):
                async for each in found:
                    taken.append(each)
                    if len(taken) == count:
                        break
        except ServerError as error:
            ended = error
    assert ended is None or str(ended).isprintable()
    return taken, ended


async def reached(place: str) -> tuple[list[str | bytes | Notice], ServerError | None]:
    return await take(messages(f"ws://{place}", {}, None))


async def test_every_message_comes_as_it_was_sent() -> None:
    """Binary and text, small and large, in order; without compression."""
    sent: list[str | bytes] = [frame(1), update(1), "a text", b"", bytes(3_000_000)]
    with serving(holding(*sent)) as server:
        found, error = await take(messages(f"ws://{server.place}/?kinds=frame", TOKEN, None), 5)
    assert (found, error) == (sent, None)
    request = server.requests[0]
    assert (request.path, request.headers["Authorization"]) == ("/?kinds=frame", "Bearer a")
    assert "Sec-WebSocket-Extensions" not in request.headers


@pytest.mark.parametrize(
    ("code", "why", "said"),
    [
        (1000, "", "the server closed the stream: 1000 (OK)"),
        (1001, "", "the server closed the stream: 1001 (going away)"),
        (1013, "too \x1b[2Jslow", r"the server closed the stream: 1013 (try again later) too \x1b[2Jslow"),
        (4999, "mine", "the server closed the stream: 4999 (private use) mine"),
    ],
)
async def test_the_end_says_its_code_and_reason(code: int, why: str, said: str) -> None:
    """After all messages."""
    with serving(sending(frame(1), code=code, why=why)) as server:
        found, error = await reached(server.place)
    assert found == [frame(1)]
    assert str(error) == said


async def test_a_lost_or_refused_connection_says_so() -> None:
    """A killed server sends no close frame; a refusal is one for several addresses too."""
    with serving(lambda connection: connection.socket.shutdown(2)) as server:
        _, error = await reached(server.place)
    assert str(error) == "the connection was lost (1006, no close frame)"
    with answering(b"") as gone:
        port = gone.port
    for host in ("127.0.0.1", "localhost"):
        _, error = await reached(f"{host}:{port}")
        assert str(error) == "Connection refused"


async def test_memory_and_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and so is the wait for a server that accepts but does not answer."""
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    with serving(holding(bytes(2000))) as server:
        _, error = await reached(server.place)
    assert str(error).startswith("the stream was closed here: 1009 (message too big)")
    monkeypatch.setattr(module, "_OPEN_TIMEOUT_S", 0.1)
    with answering(None) as server:
        _, error = await reached(f"127.0.0.1:{server.port}")
    assert str(error) == "no answer within 0.1 s"


async def test_a_refused_token_says_where_to_give_it() -> None:
    """An HTML page is not repeated."""
    with serving(holding(), refusing(401, "No", b"<h1>No</h1>", "text/html")) as server:
        _, error = await reached(server.place)
    assert str(error) == "HTTP 401 Give it with --token, or in BEATS_TOKEN."


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
)
async def test_what_is_no_websocket_is_called_so(reply: bytes) -> None:
    """Whatever it sends."""
    with answering(reply) as server:
        _, error = await reached(f"127.0.0.1:{server.port}")
    assert error is not None
    assert "it is not a Beats server: no WebSocket there" in str(error)
    assert error.lasting


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    """An untrusted server gets no token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore  # as in test_fetch
    with answering(b"", context) as server:
        address = ServerAddress("127.0.0.1", server.port, encrypted=True)
        _, error = await take(messages(address.stream_url({}), TOKEN, tls(address, None)))
    assert error is not None
    assert "its certificate is not trusted" in str(error)
    assert (error.lasting, server.requests) == (True, [])


async def test_a_stream_that_ends_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After growing pauses, each of which is reported."""
    monkeypatch.setattr(module, "BACKOFF", Backoff(0.001, 0.002))
    ends: list[list[str | bytes]] = [[b"1", b"2"], [], [], [b"3"]]

    async def attempt() -> AsyncGenerator[str | bytes]:
        for message in ends.pop(0):
            yield message
        raise ServerError("gone", lasting=not ends)

    found, error = await take(persistent(attempt))
    again = [Notice(f"gone; reconnecting in {pause_s} s") for pause_s in ("0.001", "0.002", "0.002")]
    assert found == [b"1", b"2", *again, b"3"]
    assert (str(error), ends) == ("gone", [])


async def test_who_leaves_closes_the_connection() -> None:
    """At once, also while it waits for messages."""
    codes: queue.Queue[int | None] = queue.Queue()

    def serve_one(connection: ServerConnection) -> None:
        holding(frame(1))(connection)
        codes.put(connection.close_code)

    with serving(serve_one) as server:
        found, _ = await take(messages(f"ws://{server.place}", {}, None), 1)
        assert found == [frame(1)]
        assert codes.get(timeout=TIMEOUT_S) == 1000
