"""Who is let in, over real sockets."""

import json
import logging
import re
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from beats.adapters.http import limits
from beats.kernel.errors import StartError
from beats.kit import descriptors
from tests.adapters.sinks.websocket.support import RawClient, Running, on_air, receive, settings, until

pytestmark = pytest.mark.anyio
TOKEN = "correct horse battery"


async def status(url: str, **arguments: object) -> tuple[int, str]:
    """The answer to a handshake."""
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
async def test_foreign_pages_are_refused(origin: str | None, code: int) -> None:
    """A page must be of this machine, of this server, or listed; other programs are let in."""
    async with on_air(settings(origins=("https://wall.example",))) as running:
        assert (await status(running.url, origin=origin))[0] == code
        assert running.totals.refused == (code != 101)


async def test_the_servers_own_page_is_let_in_by_its_address() -> None:
    """The socket's address counts, not a rebound name in `Host`."""
    async with on_air() as running:
        own = f"http://127.0.0.1:{running.port}"
        assert (await status(running.url, origin=own))[0] == 101
        rebound = {"Host": f"evil.example:{running.port}"}
        origin = f"http://evil.example:{running.port}"
        assert (await status(running.url, origin=origin, additional_headers=rebound))[0] == 403


@pytest.mark.parametrize("kind", ["header", "query"])
async def test_a_token_is_required(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The right one is accepted, a wrong one gets 401, and neither is ever logged or shown."""
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


async def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    """Without the line break, so that `echo` can write it."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    async with on_air(settings(token_file=file)) as running:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert (await status(running.url, additional_headers=headers))[0] == 101
        assert (await status(running.url))[0] == 401


@pytest.mark.parametrize("content", [None, "", " \n"])
async def test_an_empty_token_file_stops_the_start(tmp_path: Path, content: str | None) -> None:
    """A missing token must not open the stream to everyone."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with on_air(settings(token_file=file)):
            pytest.fail("it started")
    assert caught.group_contains(StartError, match=f"token_file .*{file.name}")


@pytest.mark.parametrize(
    ("query", "why"), [("kinds=cats", "kinds is 'cats'"), ("max_fps=0", "max_fps is '0'"), ("fps=3", "'fps'")]
)
async def test_a_wrong_query_gets_400_with_the_reason(query: str, why: str) -> None:
    """The text says what is wrong and what is expected."""
    async with on_air() as running:
        code, text = await status(f"{running.url}/?{query}")
        assert (code, why in text) == (400, True)


async def test_one_viewer_too_many_gets_503() -> None:
    """Until another one leaves."""
    async with on_air(settings(max_clients=2)) as running:
        async with connect(running.url), connect(running.url):
            assert (await status(running.url))[0] == 503
            assert running.totals.refused == 1
        await until(lambda: running.totals.connected == 0)
        assert (await status(running.url))[0] == 101


async def test_an_address_has_its_own_limit() -> None:
    """One address cannot take every place."""
    async with on_air(settings(max_clients_per_address=1, host="0.0.0.0", token="t")) as running:
        url = f"ws://127.0.0.1:{running.port}/?token=t"
        async with connect(url):
            assert (await status(url))[0] == 429
            assert (await status(url, local_addr=("127.0.0.2", 0)))[0] == 101


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*", "0"])
async def test_a_wildcard_address_without_a_token_is_logged(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Anyone who can reach the machine could watch; with a token there is no warning."""
    async with on_air(settings(host=host, token="t")):
        pass
    assert "can watch" not in caplog.text
    async with on_air(settings(host=host)):
        pass
    assert "anyone who can reach this machine can watch" in caplog.text


async def test_a_silent_connection_is_cut_off() -> None:
    """Without an answer, after the handshake timeout."""
    async with on_air(settings(handshake_timeout_s=0.2)) as running, connect(running.url) as viewer:
        silent = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
        assert await anyio.to_thread.run_sync(silent.socket.recv, 100) == b""
        silent.close()
        running.knob(1)
        assert (await receive(viewer)).sequence == 1


@pytest.mark.parametrize(
    "query",
    ["max_fps=no", "token=wrong", "token=" + TOKEN.replace(" ", "%20")],
    ids=["query", "token", "let-in"],
)
@pytest.mark.parametrize("more", [bytes([0xFF] * 14), b"\x81\x00"], ids=["garbage", "unmasked"])
async def test_bytes_after_a_handshake_are_no_error(
    query: str, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The library ends the stream at an invalid frame, and must not answer then: nothing is logged."""
    async with on_air(settings(token=TOKEN)) as running:
        raw = RawClient(running.port, handshake=False)
        request = f"GET /?{query} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        rest = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        raw.socket.sendall((request + rest).encode() + more)
        assert await anyio.to_thread.run_sync(raw.socket.recv, 1) == b""
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
        raw.close()
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [line for line in lines if "invalid token" not in line] == []


async def fetch(running: Running, path: str, **headers: str) -> tuple[int, str]:
    """The answer to a plain request."""

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
async def test_documents_need_the_token_and_the_page_does_not(path: str) -> None:
    """The page is the same for everyone; it asks for the token."""
    async with on_air(settings(token=TOKEN)) as running:
        assert (await fetch(running, "/"))[0] == 200
        assert (await fetch(running, path))[0] == 401
        assert (await fetch(running, path, Authorization="Bearer wrong"))[0] == 401
        assert (await fetch(running, path, Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert (await fetch(running, f"{path}?token={TOKEN.replace(' ', '+')}"))[0] == 200
        assert running.totals.refused == 0  # those are handshakes


async def test_plain_requests_of_foreign_pages_are_refused() -> None:
    """Also those for a rebound name, which look like the server's own and send no origin."""
    async with on_air() as running:
        assert (await fetch(running, "/api/stats"))[0] == 200
        code, text = await fetch(running, "/api/stats", Origin="https://evil.example")
        assert (code, "'https://evil.example'" in text, "origins" in text) == (403, True, True)
        code, text = await fetch(running, "/api/stats", Host="evil.example")
        assert (code, "'evil.example'" in text, "public_host" in text) == (421, True, True)
    async with on_air(settings(token=TOKEN, origins=("https://show.example",))) as running:
        key = {"Authorization": f"Bearer {TOKEN}"}
        assert (await fetch(running, "/api/stats", Host="scraped.example", **key))[0] == 200
        assert (await fetch(running, "/", Host="show.example"))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://wall.example"},
        {"Origin": "null"},
        {"Host": "wall.example"},
        {"Host": "wall.example", "Origin": "https://wall.example"},
    ],
)
async def test_the_page_and_its_files_are_for_everyone(headers: dict[str, str]) -> None:
    """Behind a proxy, a browser sends the proxy's host, and its origin with requests for scripts."""
    async with on_air() as running:
        code, document = await fetch(running, "/", **headers)
        assert code == 200
        files = re.findall(r'(?:src|href)="(page/[^"]+)"', document)
        assert files
        assert {(await fetch(running, f"/{file}", **headers))[0] for file in files} == {200}


def plain(running: Running, request: str) -> bytes:
    """The answer to a request that the test writes, until the end of the stream."""
    answer = b""
    with RawClient(running.port, handshake=False).socket as raw:
        raw.sendall(request.encode())
        while piece := raw.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/api/stats"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("host", ["", "Host:\r\n"], ids=["none", "empty"])
async def test_a_request_without_a_host_and_origin_is_answered(path: str, version: str, host: str) -> None:
    """As load balancers send it; with an origin it comes from a browser, and must name its host."""
    async with on_air() as running:
        head = f"HTTP/{version}\r\n{host}"
        answer = await anyio.to_thread.run_sync(plain, running, f"GET {path} {head}\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        browser = f"GET /api/stats {head}Origin: http://localhost\r\n\r\n"
        assert (await anyio.to_thread.run_sync(plain, running, browser)).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("target", ["/", "*", "/api/stats"])
async def test_options_are_answered_without_a_token(target: str) -> None:
    """HAProxy checks servers with this method by default."""
    async with on_air(settings(token=TOKEN)) as running:
        request = f"OPTIONS {target} HTTP/1.0\r\n\r\n"
        head, _, body = (await anyio.to_thread.run_sync(plain, running, request)).partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0].startswith(b"HTTP/1.1 200 ")
        assert {b"Allow: GET, HEAD, OPTIONS", b"Content-Length: 0"} <= set(lines)
        assert body == b""


def warnings(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    """The logged warnings that contain a text."""
    found = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return [message for message in found if part in message]


async def test_a_refused_origin_is_named_with_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    """To the page, and in the log once per origin."""
    async with on_air() as running:
        for origin in ("https://wall.example", "https://wall.example", "https://other.example"):
            code, text = await status(running.url, origin=origin)
            assert (code, f"'{origin}'" in text, "origins" in text) == (403, True, True)
        [warning] = warnings(caplog, "https://wall.example")
        assert 'sinks.browser.origins = ["https://wall.example"]' in warning
        assert len(warnings(caplog, "https://other.example")) == 1


async def test_the_log_names_a_bounded_number_of_origins(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the length nor the number of foreign origins can fill the log."""
    async with on_air() as running:
        for number in range(40):
            assert (await status(running.url, origin=f"https://{number}.{'x' * 1000}.example"))[0] == 403
    found = warnings(caplog, "origin")
    assert 10 <= len(found) <= 33
    assert all(len(message) < 600 for message in found)


async def test_a_refused_host_is_named_with_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    """Once in the log."""
    async with on_air() as running:
        for _ in range(3):
            assert (await fetch(running, "/api/session", Host="wall.example"))[0] == 421
    [warning] = warnings(caplog, "'wall.example'")
    assert "sinks.browser.public_host" in warning
    assert "sinks.browser.origins" in warning


async def test_pages_from_files_can_be_listed() -> None:
    """By the origin that browsers send."""
    async with on_air(settings(origins=("file://",))) as running:
        assert (await status(running.url, origin="file://"))[0] == 101
        assert (await status(running.url, origin="null"))[0] == 403


@pytest.mark.parametrize(
    ("query", "headers", "code", "why"),
    [
        ("", {}, 200, "upgrade"),
        ("?kinds=frame&max_fps=5", {}, 200, "upgrade"),
        ("?max_fps=no", {}, 400, "max_fps is 'no'"),
        ("?origin=https://evil.example", {}, 403, "'https://evil.example'"),
        ("?origin=http://localhost:1", {}, 200, "upgrade"),
        ("?origin=http://localhost:1&origin=https://evil.example", {}, 403, "'https://evil.example'"),
        ("", {"Origin": "https://evil.example"}, 403, "'https://evil.example'"),
        ("?origin=http://localhost:1", {"Origin": "https://evil.example"}, 403, "'https://evil.example'"),
        ("", {"Host": "wall.example"}, 200, "upgrade"),
    ],
)
async def test_a_plain_request_tells_why_the_stream_refuses(
    query: str, headers: dict[str, str], code: int, why: str
) -> None:
    """With the status and reason that a browser hides from its page."""
    async with on_air() as running:
        got, text = await fetch(running, f"/{query}", Accept="text/plain", **headers)
        assert (got, why in text) == (code, True), text
        assert running.totals.refused == 0


async def test_a_plain_request_tells_that_the_stream_is_full() -> None:
    """It takes no place itself."""
    async with on_air(settings(max_clients=2, max_clients_per_address=1)) as running:
        for _ in range(3):
            assert (await fetch(running, "/", Accept="text/plain"))[0] == 200
        async with connect(running.url):
            assert (await fetch(running, "/", Accept="text/plain"))[0] == 429
    async with on_air(settings(max_clients=1)) as running, connect(running.url):
        assert (await fetch(running, "/", Accept="text/plain"))[0] == 503
        assert (await fetch(running, "/"))[0] == 200


async def test_a_plain_request_tells_that_a_token_is_needed() -> None:
    """As the stream does, in the header or the query."""
    async with on_air(settings(token="t")) as running:
        assert (await fetch(running, "/", Accept="text/plain"))[0] == 401
        assert (await fetch(running, "/?token=x", Accept="text/plain"))[0] == 401
        assert (await fetch(running, "/?token=t", Accept="text/plain"))[0] == 200
        assert (await fetch(running, "/", Accept="text/plain", Authorization="Bearer t"))[0] == 200


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", "Connection: close\r\n"),
        ("1.0", "Connection: close\r\n"),
        ("1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ("1.1", "Connection: close\r\nUpgrade: websocket\r\n"),
        ("1.1", "Upgrade: websocket\r\n"),
    ],
)
async def test_an_incomplete_handshake_gets_426(
    version: str, headers: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Proxies forward upgrades only when configured to, and only by HTTP/1.1; it is logged once."""
    rest = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    async with on_air() as running:
        for _ in range(2):
            request = f"GET / HTTP/{version}\r\nHost: localhost\r\n{headers}{rest}"
            answer = await anyio.to_thread.run_sync(plain, running, request)
            assert answer.startswith(b"HTTP/1.1 426 ")
            assert b"proxy" in answer
            assert b"Upgrade: websocket\r\n" in answer
        assert running.totals.refused == 2
    assert len(warnings(caplog, "proxy")) == 1


async def test_an_unknown_path_is_named() -> None:
    """For operators of a proxy that passes on its own path."""
    async with on_air() as running:
        code, text = await fetch(running, "/wall/")
        assert (code, "'/wall/'" in text) == (404, True)


async def test_the_session_tells_the_rights_of_its_token() -> None:
    """The page knows in advance whether it may steer."""
    async with on_air(settings(token=TOKEN, control_token="steer")) as running:
        watch = await fetch(running, "/api/session", Authorization=f"Bearer {TOKEN}")
        steer = await fetch(running, "/api/session", Authorization="Bearer steer")
    assert [json.loads(text)["rights"]["steer"] for _, text in (watch, steer)] == [False, True]


async def test_a_full_server_is_alive_and_not_ready() -> None:
    """A load balancer sends the next viewer elsewhere, and nobody restarts the process."""
    async with on_air(settings(max_clients=1)) as running:
        assert (await fetch(running, "/readyz"))[0] == 200
        async with connect(running.url):
            assert (await fetch(running, "/readyz"))[0] == 503
            assert (await fetch(running, "/livez"))[0] == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/page/", "/page/../door.py", "/page/%2e%2e/door.py", "//", "/api"]
)
async def test_paths_outside_the_page_are_not_found(path: str) -> None:
    """With and without a token."""
    async with on_air(settings(token=TOKEN)) as running:
        assert (await fetch(running, path))[0] == 404


async def test_an_unreadable_path_is_not_found() -> None:
    """It gets an answer."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await anyio.to_thread.run_sync(raw.socket.recv, 12) == b"HTTP/1.1 404"
        raw.close()


async def guess_often(running: Running, count: int, kind: str) -> dict[int, int]:
    """Present this many different wrong tokens at once; how often each answer came."""
    answers = Counter[int]()

    async def guess(number: int) -> None:
        token = f"Bearer guess-{number}"
        if kind == "stream":
            answers[(await status(running.url, additional_headers={"Authorization": token}))[0]] += 1
        else:
            answers[(await fetch(running, "/api/session", Authorization=token))[0]] += 1

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(guess, number)
    return answers


@pytest.mark.parametrize("kind", ["plain", "stream"])
async def test_few_of_many_wrong_tokens_are_checked(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The others get 429, all of them are counted, and the log has one line."""
    async with on_air(settings(token=TOKEN, control_token="steer")) as running:
        answers = await guess_often(running, 100, kind)
        assert 10 <= answers[401] < 50
        assert answers[401] + answers[429] == 100
        assert running.totals.rejected_tokens == 100
        assert running.totals.refused == (100 if kind == "stream" else 0)
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == "sink 'browser': an invalid token came from 127.0.0.1"


async def test_a_limited_address_gets_429_for_the_right_token_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise guessing would still work; other addresses, and the page, are not affected."""
    monkeypatch.setattr(limits, "WRONG_TOKENS_PER_S", 0.01)
    async with on_air(settings(token=TOKEN)) as running:
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert (await fetch(running, "/api/session", Authorization="Bearer wrong"))[0] == 401
        assert (await status(running.url, additional_headers=right))[0] == 429
        assert (await fetch(running, "/"))[0] == 200
        assert (await fetch(running, "/api/session"))[0] == 401
        elsewhere = ("127.0.0.2", 0)
        assert (await status(running.url, additional_headers=right, local_addr=elsewhere))[0] == 101


async def test_two_tokens_of_a_request_are_checked() -> None:
    """One in a header and one in the query; with more, one request would be many guesses."""
    async with on_air(settings(token="t")) as running:
        assert (await fetch(running, "/api/session?token=a&token=t"))[0] == 200
        assert (await fetch(running, "/api/session?token=a&token=b&token=t"))[0] == 401


async def test_a_request_without_a_token_is_answered_at_once() -> None:
    """The page asks without one first."""
    async with on_air(settings(token=TOKEN)) as running:
        for _ in range(30):
            assert (await fetch(running, "/api/session"))[0] == 401
        assert running.totals.rejected_tokens == 0
        assert (await fetch(running, "/api/session", Authorization=f"Bearer {TOKEN}"))[0] == 200


async def test_no_viewer_is_let_in_when_descriptors_run_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers and load balancers get 503; health checks are answered."""
    async with on_air() as running, connect(running.url) as viewer:
        monkeypatch.setattr(descriptors, "limits", lambda: (4, 4))
        assert (await status(running.url))[0] == 503
        assert (await fetch(running, "/readyz"))[0] == 503
        assert (await fetch(running, "/livez"))[0] == 200
        running.knob(1)
        assert (await receive(viewer)).sequence == 1
        monkeypatch.undo()
        assert (await status(running.url))[0] == 101
