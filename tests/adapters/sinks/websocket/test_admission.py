"""Which requests are accepted, over real sockets."""

import json
import logging
import re
from collections import Counter
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from beats.adapters.http import admission, limits
from beats.kernel.errors import StartError
from beats.kit import descriptors
from tests.adapters.sinks.websocket.support import (
    Running,
    exchange,
    fetch,
    on_air,
    receive,
    settings,
    until,
    warnings,
)

pytestmark = pytest.mark.anyio
TOKEN = "correct horse battery"
KEY = {"Authorization": f"Bearer {TOKEN}"}
EVIL = "https://evil.example"
HANDSHAKE = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"


async def status(url: str, **arguments: object) -> tuple[int, str]:
    """The answer to a handshake."""
    try:
        async with connect(url, **arguments):  # type: ignore[arg-type] # passed on as they are
            return 101, ""
    except InvalidStatus as error:
        return error.response.status_code, error.response.body.decode()


async def test_foreign_pages_are_refused() -> None:
    """A page must be of this machine, of this server, or listed; other programs are let in.

    The server's own page is recognised by the socket's address, not by a rebound name in `Host`.
    """
    async with on_air(settings(origins=("https://wall.example", "file://"))) as running:
        own = f"http://127.0.0.1:{running.port}"
        for origin in (None, "http://localhost:3000", own, "https://wall.example", "file://"):
            assert (await status(running.url, origin=origin))[0] == 101
        for number, origin in enumerate((EVIL, "null"), 1):
            code, text = await status(running.url, origin=origin)
            assert (code, f"'{origin}'" in text, "`origins`" in text) == (403, True, True)
            assert running.totals.refused == number
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
                    return await status(running.url, additional_headers={"Authorization": f"Bearer {token}"})
                return await status(f"{running.url}/?token={token.replace(' ', '%20')}")

            assert (await ask(TOKEN))[0] == 101
            code, text = await ask("mistaken")
            assert (code, "Bearer" in text) == (401, True)
            assert (await status(running.url))[0] == 401
            shown = repr(running.kernel.stats())
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets")]
    for secret in (TOKEN, "mistaken", "correct%20horse"):
        assert not any(secret in line for line in [*ours, text, shown])


async def test_a_token_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """A missing token must not open the stream to everyone."""
    with pytest.raises(BaseExceptionGroup) as caught:
        async with on_air(settings(token_file=tmp_path / "token")):
            pytest.fail("it started")
    assert caught.group_contains(StartError, match="token_file .*token")


async def test_one_viewer_too_many_is_refused() -> None:
    """With 503, until another one leaves. A full server is not ready, and alive."""
    async with on_air(settings(max_clients=2)) as running:
        async with connect(running.url), connect(running.url):
            assert (await status(running.url))[0] == 503
            assert running.totals.refused == 1
            assert (await fetch(running.port, "/readyz")).status == 503
            assert (await fetch(running.port, "/livez")).status == 200
            assert (await fetch(running.port, "/", Accept="text/plain")).status == 503
            assert (await fetch(running.port, "/")).status == 200
        await until(lambda: running.totals.connected == 0)
        assert (await status(running.url))[0] == 101
        assert (await fetch(running.port, "/readyz")).status == 200


async def test_an_address_has_its_own_limit() -> None:
    """One address cannot take every place."""
    async with on_air(settings(max_clients_per_address=1, host="0.0.0.0", token="t")) as running:
        url = f"ws://127.0.0.1:{running.port}/?token=t"
        async with connect(url):
            assert (await status(url))[0] == 429
            assert (await fetch(running.port, "/?token=t", Accept="text/plain")).status == 429
            assert (await status(url, local_addr=("127.0.0.2", 0)))[0] == 101


async def test_a_wildcard_address_without_a_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Anyone who can reach the machine could watch; with a token there is no warning."""
    for token, warned in (("t", False), (None, True)):
        async with on_air(settings(host="*", token=token)):
            pass
        assert ("anyone who can reach this machine can watch" in caplog.text) is warned


async def test_a_silent_connection_is_cut_off() -> None:
    """Without an answer, after the handshake timeout."""
    async with on_air(settings(handshake_timeout_s=0.2)) as running, connect(running.url) as viewer:
        assert await exchange(running.port) == b""
        running.knob(1)
        assert (await receive(viewer)).sequence == 1


@pytest.mark.parametrize("more", [bytes([0xFF] * 14), b"\x81\x00"], ids=["garbage", "unmasked"])
async def test_bytes_after_a_handshake_are_no_error(more: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The library ends the stream at an invalid frame, and must not answer then: nothing is logged."""
    upgrade = "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + HANDSHAKE
    async with on_air(settings(token=TOKEN)) as running:
        for query in ("max_fps=no", "token=wrong", "token=" + TOKEN.replace(" ", "%20")):
            request = f"GET /?{query} HTTP/1.1\r\n{upgrade}".encode()
            assert await exchange(running.port, request + more) == b""
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
    assert [line for line in warnings(caplog) if "invalid token" not in line] == []


async def test_documents_need_the_token_and_the_page_does_not() -> None:
    """The page is the same for everyone; it asks for the token. Unknown paths are not found either way."""
    async with on_air(settings(token=TOKEN)) as running:
        for path in ("/api/stats", "/api/session", "/metrics", "/healthz", "/livez", "/readyz"):
            assert (await fetch(running.port, path)).status == 401
            assert (await fetch(running.port, path, **KEY)).status == 200
        assert (await fetch(running.port, f"/livez?token={TOKEN.replace(' ', '+')}")).status == 200
        assert (await fetch(running.port, "/livez", Authorization="Bearer wrong")).status == 401
        assert (await fetch(running.port, "/")).status == 200
        for path in ("/nothing", "/page/", "/page/../site.py", "/page/%2e%2e/site.py", "//", "/api"):
            answer = await fetch(running.port, path)
            assert (answer.status, f"'{path}'" in answer.text) == (404, True)
        assert (await exchange(running.port, b"GET //[ HTTP/1.1\r\nHost: a\r\n\r\n")).startswith(
            b"HTTP/1.1 404"
        )
        assert running.totals.refused == 0  # counts handshakes


async def test_plain_requests_of_foreign_pages_are_refused() -> None:
    """Also those for a rebound name, which look like the server's own and send no origin."""
    async with on_air() as running:
        assert (await fetch(running.port, "/api/stats")).status == 200
        for name, value, code, setting in (
            ("Origin", EVIL, 403, "origins"),
            ("Host", "evil.example", 421, "public_host"),
        ):
            answer = await fetch(running.port, "/api/stats", **{name: value})
            assert (answer.status, setting in answer.text) == (code, True)
            assert "evil.example'" in answer.text
    async with on_air(settings(token=TOKEN, origins=("https://show.example",))) as running:
        assert (await fetch(running.port, "/api/stats", Host="scraped.example", **KEY)).status == 200
        assert (await fetch(running.port, "/", Host="show.example")).status == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "null"}, {"Host": "wall.example", "Origin": "https://wall.example"}]
)
async def test_the_page_and_its_files_are_for_everyone(headers: dict[str, str]) -> None:
    """Behind a proxy, a browser sends the proxy's host, and its origin with requests for scripts."""
    async with on_air() as running:
        document = await fetch(running.port, "/", **headers)
        assert document.status == 200
        files = re.findall(r'(?:src|href)="(page/[^"]+)"', document.text)
        assert files
        assert {(await fetch(running.port, f"/{file}", **headers)).status for file in files} == {200}


async def test_a_request_without_a_host_and_origin_is_answered() -> None:
    """As load balancers send it; with an origin it comes from a browser, and must name its host."""
    async with on_air() as running:
        for head in ("HTTP/1.0\r\n", "HTTP/1.1\r\nHost:\r\n"):
            for path in ("/", "/livez", "/api/stats"):
                answer = await exchange(running.port, f"GET {path} {head}\r\n".encode())
                assert answer.startswith(b"HTTP/1.1 200 ")
            browser = f"GET /api/stats {head}Origin: http://localhost\r\n\r\n"
            assert (await exchange(running.port, browser.encode())).startswith(b"HTTP/1.1 421 ")


async def test_options_are_answered_without_a_token() -> None:
    """HAProxy checks servers with this method by default."""
    async with on_air(settings(token=TOKEN)) as running:
        for target in ("/", "*", "/api/stats"):
            answer = await exchange(running.port, f"OPTIONS {target} HTTP/1.0\r\n\r\n".encode())
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert {b"Allow: GET, HEAD, OPTIONS", b"Content-Length: 0"} <= set(head.split(b"\r\n"))
            assert body == b""


@pytest.mark.parametrize(
    ("query", "headers", "code", "why"),
    [
        ("?kinds=frame&max_fps=5", {}, 200, "upgrade"),
        ("?max_fps=no", {}, 400, "max_fps is 'no'"),
        ("?origin=http://localhost:1", {}, 200, "upgrade"),
        (f"?origin=http://localhost:1&origin={EVIL}", {}, 403, f"'{EVIL}'"),
        ("?origin=http://localhost:1", {"Origin": EVIL}, 403, f"'{EVIL}'"),
        ("", {"Host": "wall.example"}, 200, "upgrade"),
    ],
)
async def test_a_plain_request_tells_the_reason(
    query: str, headers: dict[str, str], code: int, why: str
) -> None:
    """With the status and reason that a browser hides from its page. It takes no place itself."""
    async with on_air(settings(max_clients=1)) as running:
        for _ in range(2):
            answer = await fetch(running.port, f"/{query}", Accept="text/plain", **headers)
            assert (answer.status, why in answer.text) == (code, True), answer.text
        assert running.totals.refused == 0
        found, text = await status(f"{running.url}/{query}") if code == 400 else (code, why)
        assert (found, why in text) == (code, True)


async def test_an_incomplete_handshake_gets_426(caplog: pytest.LogCaptureFixture) -> None:
    """Proxies forward upgrades only when configured to, and only by HTTP/1.1; it is logged once."""
    upgrade, close = "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Connection: close\r\n"
    cases = [("1.1", close), ("1.0", close), ("1.0", upgrade), ("1.1", close + "Upgrade: websocket\r\n")]
    async with on_air() as running:
        for version, headers in [*cases, ("1.1", "Upgrade: websocket\r\n")]:
            request = f"GET / HTTP/{version}\r\nHost: localhost\r\n{headers}{HANDSHAKE}"
            answer = await exchange(running.port, request.encode())
            assert answer.startswith(b"HTTP/1.1 426 ")
            assert b"proxy" in answer
            assert b"Upgrade: websocket\r\n" in answer
        assert running.totals.refused == 5
    [warning] = warnings(caplog)
    assert "proxy" in warning


async def test_the_session_tells_the_rights_of_its_token() -> None:
    """The page knows in advance whether it may steer. Two tokens are checked: more would be guesses."""
    async with on_air(settings(token=TOKEN, control_token="steer")) as running:
        for token, steers in ((TOKEN, False), ("steer", True)):
            answer = await fetch(running.port, "/api/session", Authorization=f"Bearer {token}")
            assert json.loads(answer.text)["rights"]["steer"] is steers
        assert (await fetch(running.port, "/api/session?token=a&token=steer")).status == 200
        assert (await fetch(running.port, "/api/session?token=a&token=b&token=steer")).status == 401


@pytest.mark.parametrize("kind", ["plain", "stream"])
async def test_few_of_many_wrong_tokens_are_checked(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The others get 429, all of them are counted, and the log has one line."""
    answers = Counter[int]()

    async def guess(running: Running, number: int) -> None:
        headers = {"Authorization": f"Bearer guess-{number}"}
        if kind == "stream":
            answers[(await status(running.url, additional_headers=headers))[0]] += 1
        else:
            answers[(await fetch(running.port, "/api/session", **headers)).status] += 1

    async with on_air(settings(token=TOKEN, control_token="steer")) as running:
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(guess, running, number)
        assert 10 <= answers[401] < 50
        assert answers[401] + answers[429] == 100
        assert running.totals.rejected_tokens == 100
        assert running.totals.refused == (100 if kind == "stream" else 0)
    assert warnings(caplog) == ["sink 'browser': an invalid token came from 127.0.0.1"]


async def test_the_answer_to_a_wrong_token_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """That to a handshake and that to a plain request: guessing takes time."""
    monkeypatch.setattr(admission, "WRONG_TOKEN_DELAY_S", 0.1)
    async with on_air(settings(token=TOKEN)) as running:
        begin_s = anyio.current_time()
        assert (await status(f"{running.url}/?token=wrong"))[0] == 401
        assert (await fetch(running.port, "/api/session?token=guessed")).status == 401
        assert anyio.current_time() - begin_s >= 0.2


async def test_a_limited_address_gets_429_for_the_right_token_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise guessing would still work; other addresses, and the page, are not affected."""
    monkeypatch.setattr(limits, "WRONG_TOKENS_PER_S", 0.01)
    async with on_air(settings(token=TOKEN)) as running:
        assert (await fetch(running.port, "/api/session", Authorization="Bearer wrong")).status == 401
        assert (await status(running.url, additional_headers=KEY))[0] == 429
        assert (await fetch(running.port, "/")).status == 200
        assert (await fetch(running.port, "/api/session")).status == 401
        elsewhere = ("127.0.0.2", 0)
        assert (await status(running.url, additional_headers=KEY, local_addr=elsewhere))[0] == 101


async def test_a_viewer_stays_when_its_token_is_changed() -> None:
    """The new one is asked of those who come later."""
    config = settings(token=TOKEN)
    async with on_air(config) as running, connect(running.url, additional_headers=KEY) as viewer:
        await until(lambda: running.totals.connected == 1)
        running.sink.adjust(config.model_copy(update={"token": SecretStr("another")}))
        assert (await status(running.url, additional_headers=KEY))[0] == 401
        assert (await status(f"{running.url}/?token=another"))[0] == 101
        running.knob(1)
        assert (await receive(viewer)).sequence == 1


async def test_a_request_without_a_token_is_answered_at_once() -> None:
    """The page asks without one first, also how a handshake would be answered."""
    async with on_air(settings(token=TOKEN)) as running:
        for _ in range(30):
            assert (await fetch(running.port, "/api/session")).status == 401
        assert running.totals.rejected_tokens == 0
        assert (await fetch(running.port, "/api/session", **KEY)).status == 200
        for target, code in (("/", 401), ("/?token=x", 401), (f"/?token={TOKEN.replace(' ', '+')}", 200)):
            assert (await fetch(running.port, target, Accept="text/plain")).status == code
        assert (await fetch(running.port, "/", Accept="text/plain", **KEY)).status == 200


async def test_no_viewer_is_let_in_when_descriptors_run_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers and load balancers get 503; health checks are answered."""
    async with on_air() as running, connect(running.url) as viewer:
        monkeypatch.setattr(descriptors, "limits", lambda: (4, 4))
        assert (await status(running.url))[0] == 503
        assert (await fetch(running.port, "/readyz")).status == 503
        assert (await fetch(running.port, "/livez")).status == 200
        running.knob(1)
        assert (await receive(viewer)).sequence == 1
        monkeypatch.undo()
        assert (await status(running.url))[0] == 101
