"""Who is let in, over real sockets."""

import json
import logging
from http.client import HTTPConnection
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.kernel.errors import StartError
from tests.adapters.sinks.websocket.support import RawClient, Running, on_air, receive, settings, until

pytestmark = pytest.mark.anyio
TOKEN = "correct horse battery"


async def status(url: str, **arguments: object) -> tuple[int, str]:
    """How a request is answered."""
    try:
        async with connect(url, **arguments):  # type: ignore[arg-type] # passed on as they are
            return 101, ""
    except InvalidStatus as error:
        return error.response.status_code, error.response.body.decode()


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (None, 101),
        ("http://localhost:3000", 101),
        ("https://wall.example", 101),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_foreign_pages_are_turned_away(origin: str | None, code: int) -> None:
    """A browser's page must be of this machine, of this server, or listed; other programs pass."""
    async with on_air(settings(origins=("https://wall.example",))) as running:
        assert (await status(running.url, origin=origin))[0] == code
        assert running.totals.refused == (code != 101)


async def test_the_servers_own_page_is_let_in_by_its_address() -> None:
    """What the socket says counts, and a rebound name in `Host` does not."""
    async with on_air() as running:
        own = f"http://127.0.0.1:{running.port}"
        assert (await status(running.url, origin=own))[0] == 101
        rebound = {"Host": f"evil.example:{running.port}"}
        origin = f"http://evil.example:{running.port}"
        assert (await status(running.url, origin=origin, additional_headers=rebound))[0] == 403


@pytest.mark.parametrize("kind", ["header", "query"])
async def test_a_token_opens(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The right one lets in, a wrong one gets 401, and none of them is ever logged or shown."""
    with caplog.at_level(logging.DEBUG):
        async with on_air(settings(token=TOKEN)) as running:

            async def ask(token: str) -> tuple[int, str]:
                if kind == "header":
                    headers = {"Authorization": f"Bearer {token}"}
                    return await status(running.url, additional_headers=headers)
                return await status(f"{running.url}/?token={token.replace(' ', '%20')}")

            assert (await ask(TOKEN))[0] == 101
            code, text = await ask("wrong")
            assert code == 401
            assert "Bearer" in text
            assert (await status(running.url))[0] == 401
            shown = repr(running.kernel.stats())
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets")]
    for secret in (TOKEN, "wrong", "correct%20horse"):
        assert not any(secret in line for line in [*ours, text, shown])


async def test_a_token_may_stand_in_a_file(tmp_path: Path) -> None:
    """Without the line's end, so that `echo` can write it."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    async with on_air(settings(token_file=file)) as running:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert (await status(running.url, additional_headers=headers))[0] == 101
        assert (await status(running.url))[0] == 401


@pytest.mark.parametrize("content", [None, "", " \n"])
async def test_a_token_file_that_holds_none_stops_the_start(tmp_path: Path, content: str | None) -> None:
    """A lock without a key is not left open."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with on_air(settings(token_file=file)):
            pytest.fail("it started")
    assert caught.group_contains(StartError, match=f"token file .*{file.name}")


@pytest.mark.parametrize(
    ("query", "why"), [("kinds=cats", "kinds is 'cats'"), ("max_fps=0", "max_fps is '0'"), ("fps=3", "'fps'")]
)
async def test_a_wrong_query_gets_400_with_the_reason(query: str, why: str) -> None:
    """The text says what is wrong and what would be right."""
    async with on_air() as running:
        code, text = await status(f"{running.url}/?{query}")
        assert (code, why in text) == (400, True)


async def test_the_viewer_that_is_one_too_many_gets_503() -> None:
    """Until another one leaves."""
    async with on_air(settings(max_clients=2)) as running:
        async with connect(running.url), connect(running.url):
            assert (await status(running.url))[0] == 503
            assert running.totals.refused == 1
        await until(lambda: running.totals.connected == 0)
        assert (await status(running.url))[0] == 101


async def test_an_address_has_a_bound_of_its_own() -> None:
    """One address cannot take every place."""
    async with on_air(settings(max_clients_per_address=1, host="0.0.0.0", token="t")) as running:
        url = f"ws://127.0.0.1:{running.port}/?token=t"
        async with connect(url):
            assert (await status(url))[0] == 429
            assert (await status(url, local_addr=("127.0.0.2", 0)))[0] == 101


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*", "0"])
async def test_a_wildcard_address_without_a_token_is_warned_of(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Everyone who reaches the machine could watch; with a token there is nothing to warn of."""
    async with on_air(settings(host=host, token="t")):
        pass
    assert "can watch" not in caplog.text
    async with on_air(settings(host=host)):
        pass
    assert "everyone who reaches this machine can watch" in caplog.text


async def test_a_handshake_that_does_not_come_is_cut_off() -> None:
    """A connection that says nothing, or too much, is closed without an answer, in its time."""
    config = settings(handshake_timeout_s=0.2, max_header_bytes=1024)
    async with on_air(config) as running, connect(running.url) as viewer:
        silent = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
        assert await anyio.to_thread.run_sync(silent.socket.recv, 100) == b""
        silent.close()
        chatty = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
        chatty.socket.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 2000)
        with pytest.raises((EOFError, ConnectionResetError)):
            await anyio.to_thread.run_sync(chatty.message)
        chatty.close()
        running.knob(1)
        assert (await receive(viewer)).sequence == 1


async def test_connections_that_never_ask_are_bounded() -> None:
    """Beyond `max_clients` and `max_handshakes` a connection is cut off at once."""
    async with on_air(settings(max_clients=1, max_handshakes=1)) as running:
        open_ends = [
            await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False)) for _ in range(3)
        ]
        with pytest.raises((EOFError, ConnectionResetError)):
            await anyio.to_thread.run_sync(open_ends[2].message)
        for raw in open_ends:
            raw.close()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tls_cert": Path("a")}, "tls_cert and tls_key go together"),
        ({"token": "a", "token_file": Path("b")}, "token and token_file"),
        ({"control_token": "a", "control_token_file": Path("b")}, "control_token and control_token_file"),
        ({"token": ""}, "at least 1"),
    ],
)
def test_half_a_pair_or_one_too_many_is_refused(changes: dict[str, object], why: str) -> None:
    """Settings that contradict each other do not start."""
    with pytest.raises(ValueError, match=why):
        settings(**changes)


def test_tokens_are_not_shown_with_the_settings() -> None:
    """Neither in a text of the settings nor in their dump."""
    config: WebSocketSettings = settings(token=TOKEN, control_token=TOKEN)
    assert TOKEN not in f"{config!r} {config} {config.model_dump()}"


@pytest.mark.parametrize(
    "query",
    ["max_fps=no", "token=wrong", "token=" + TOKEN.replace(" ", "%20")],
    ids=["query", "token", "let-in"],
)
@pytest.mark.parametrize("more", [bytes([0xFF] * 14), b"\x81\x00"], ids=["garbage", "unmasked"])
async def test_bytes_behind_a_handshake_are_no_error(
    query: str, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The library ends the stream at what is no frame, and is not asked to answer then: the log is quiet."""
    async with on_air(settings(token=TOKEN)) as running:
        raw = RawClient(running.port, handshake=False)
        request = f"GET /?{query} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        rest = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        raw.socket.sendall((request + rest).encode() + more)
        assert await anyio.to_thread.run_sync(raw.socket.recv, 1) == b""
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
        raw.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def fetch(running: Running, path: str, **headers: str) -> tuple[int, str]:
    """How a plain request is answered."""

    def ask() -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return await anyio.to_thread.run_sync(ask)


@pytest.mark.parametrize("path", ["/api/stats", "/api/session", "/metrics", "/healthz", "/livez", "/readyz"])
async def test_what_can_be_read_needs_the_token_and_the_page_does_not(path: str) -> None:
    """The page is the same for everyone; it asks for the token, and shows nothing without."""
    async with on_air(settings(token=TOKEN)) as running:
        assert (await fetch(running, "/"))[0] == 200
        assert (await fetch(running, path))[0] == 401
        assert (await fetch(running, path, Authorization="Bearer wrong"))[0] == 401
        assert (await fetch(running, path, Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert (await fetch(running, f"{path}?token={TOKEN.replace(' ', '+')}"))[0] == 200
        assert running.totals.refused == 0  # those are handshakes


async def test_plain_requests_of_foreign_pages_are_turned_away() -> None:
    """Also those that a rebound name makes look like the server's own, which send no origin."""
    async with on_air() as running:
        assert (await fetch(running, "/api/stats"))[0] == 200
        assert (await fetch(running, "/api/stats", Origin="https://evil.example"))[0] == 403
        assert (await fetch(running, "/api/stats", Host="evil.example"))[0] == 421
        assert (await fetch(running, "/", Host="evil.example"))[0] == 421
    async with on_air(settings(token=TOKEN, origins=("https://show.example",))) as running:
        key = {"Authorization": f"Bearer {TOKEN}"}
        assert (await fetch(running, "/api/stats", Host="scraped.example", **key))[0] == 200
        assert (await fetch(running, "/", Host="show.example"))[0] == 200


async def test_rights_go_with_the_token_that_is_presented() -> None:
    """The page knows whether it may steer before anybody tries."""
    async with on_air(settings(token=TOKEN, control_token="steer")) as running:
        watch = await fetch(running, "/api/session", Authorization=f"Bearer {TOKEN}")
        steer = await fetch(running, "/api/session", Authorization="Bearer steer")
    assert [json.loads(text)["rights"]["steer"] for _, text in (watch, steer)] == [False, True]


async def test_a_full_server_is_not_ready_and_alive() -> None:
    """A load balancer sends the next viewer elsewhere, and nobody restarts the process."""
    async with on_air(settings(max_clients=1)) as running:
        assert (await fetch(running, "/readyz"))[0] == 200
        async with connect(running.url):
            assert (await fetch(running, "/readyz"))[0] == 503
            assert (await fetch(running, "/livez"))[0] == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/page/", "/page/../door.py", "/page/%2e%2e/door.py", "//", "/api"]
)
async def test_no_path_leads_out_of_the_page(path: str) -> None:
    """Only the names of its files do, and what is not known is 404 for everyone."""
    async with on_air(settings(token=TOKEN)) as running:
        assert (await fetch(running, path))[0] == 404


async def test_a_path_that_cannot_be_read_is_not_found() -> None:
    """Whatever stands in it, there is an answer."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await anyio.to_thread.run_sync(raw.socket.recv, 12) == b"HTTP/1.1 404"
        raw.close()
