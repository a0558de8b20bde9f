"""The WebSocket source, with a real server of another kernel."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.adapters.sources.websocket import WebSocketSourceSettings
from beats.adapters.sources.websocket.source import WebSocketSource
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.testing import PublishRecorder
from tests.adapters.http.test_tls import make_certificate
from tests.support import CODEC, picture
from tests.support.nats import free_port
from tests.support.relay import Machine, cancelled, linked, on_air, until

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"reconnect_max_s": 0.05}


def url_of(sink: WebSocketSink) -> str:
    assert sink.address is not None
    return sink.address.url


@asynccontextmanager
async def origin_on_air(**changes: Any) -> AsyncGenerator[tuple[Machine, str]]:
    """A machine that others can watch, and its address."""
    origin = Machine()
    sink = origin.websocket_sink(**changes)
    async with on_air(origin):
        yield origin, url_of(sink)


def content(machine: Machine) -> list[tuple[str, int, int, bytes]]:
    return [(each.topic, each.sequence, each.captured_unix_ns, each.encoded) for each in machine.seen]


async def test_an_edge_has_what_the_origin_has() -> None:
    """Byte for byte, in order, with numbers and times; the last values first, as for every viewer."""
    edge = Machine()
    async with origin_on_air() as (origin, url):
        origin.knob(0)
        origin.knob(1)
        origin.frame()
        source = edge.websocket_source(url)
        async with on_air(edge):
            await edge.sees_at_least(2)
            for number in range(100):
                origin.frame(20_000, fill=bytes([number]))
                origin.knob(number, id="ü.*>")
                await edge.sees_at_least(2 * number + 4)
    state = [origin.seen[2], origin.seen[1]]
    assert [each.encoded for each in edge.seen[:2]] == [each.encoded for each in state]
    assert content(edge)[2:] == content(origin)[3:]
    assert source.metrics()["missed_total"] == source.metrics()["dropped_total"] == 0


async def test_an_edge_has_every_picture_in_its_format() -> None:
    """With ids, media types and sizes, byte for byte."""
    edge = Machine()
    jpeg = Frame(picture("jpeg", 6, 4), "cam-1", "image/jpeg", 6, 4)
    async with origin_on_air() as (origin, url):
        publish = origin.kernel.publisher.publish
        publish(jpeg)
        origin.frame()
        source = edge.websocket_source(url)
        async with on_air(edge):
            await edge.sees_at_least(2)
            publish(jpeg._replace(id=""))
            publish(Frame(picture("png"), "ü/*"))
            await edge.sees_at_least(4)
    assert sorted(content(edge)) == sorted(content(origin))
    assert jpeg in [each.message for each in edge.seen]
    assert source.metrics()["missed_total"] == 0


async def test_an_edge_may_ask_for_a_format_and_a_size() -> None:
    """For a slow link: the origin encodes what it has in others."""
    edge = Machine()
    async with origin_on_air() as (origin, url):
        origin.kernel.publisher.publish(Frame(picture("png", 60, 40), "cam-1"))
        edge.websocket_source(url, formats=("webp", "jpeg"), max_width=30, quality=50)
        async with on_air(edge):
            await edge.sees_at_least(1)
    assert [each.message[1:] for each in edge.seen] == [("cam-1", "image/webp", 30, 20)]


async def test_an_older_origin_is_asked_for_no_formats() -> None:
    """It would refuse the parameter, and has PNG only."""
    asked: list[str] = []

    async def refuse(connection: ServerConnection, request: Request) -> Response | None:
        asked.append(request.path)
        text = "unknown parameter 'formats'; there are kinds, topics, max_fps, snapshot and token\n"
        return connection.respond(400, text) if "formats" in request.path else None

    async def send(connection: ServerConnection) -> None:
        await connection.send(CODEC.seal(CODEC.prepare(Peripheral("knob", 1)), 1, 1))
        await connection.wait_closed()

    edge = Machine()
    async with serve(send, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        edge.websocket_source(f"ws://127.0.0.1:{port}", **QUICK)
        async with on_air(edge):
            await edge.sees_at_least(1)
    assert asked == ["/?topics=%2A&formats=png%2Cjpeg%2Cwebp%2Cavif", "/?topics=%2A"]


@pytest.mark.parametrize(
    ("changes", "topics"),
    [
        ({"kinds": ("frame",)}, {"frame"}),
        ({"topics": ("peripheral/a*", "peripheral/c d&e")}, {"peripheral/a1", "peripheral/c d&e"}),
        ({"kinds": ("peripheral",), "topics": ("*b*",)}, {"peripheral/b"}),
    ],
)
async def test_it_takes_the_configured_part(changes: dict[str, Any], topics: set[str]) -> None:
    """The other side sends nothing else."""
    edge = Machine()
    async with origin_on_air() as (origin, url):
        origin.frame()
        for name in ("a1", "b", "c d&e"):
            origin.knob(1, id=name)
        edge.websocket_source(url, **changes)
        async with on_air(edge):
            await edge.sees_at_least(len(topics))
    assert {each.topic for each in edge.seen} == topics


async def test_left_out_frames_are_not_missing(caplog: pytest.LogCaptureFixture) -> None:
    """The others keep their numbers."""
    edge = Machine()
    async with origin_on_air() as (origin, url):
        source = edge.websocket_source(url, max_fps=20.0)
        async with on_air(edge):
            await until(lambda: source.metrics()["connected"])
            while len(edge.numbers("frame")) < 5:
                origin.frame()
                await anyio.sleep(0.001)
    numbers = edge.numbers("frame")
    assert numbers[-1] > len(numbers)
    assert source.metrics()["missed_total"] == 0
    assert "did not come" not in caplog.text


async def test_a_cut_link_is_restored(caplog: pytest.LogCaptureFixture) -> None:
    """Missed envelopes are a logged gap, last values are current, and nothing is doubled."""
    caplog.set_level(logging.INFO)
    edge = Machine()
    async with origin_on_air() as (origin, url), linked(int(url.rpartition(":")[2])) as link:
        source = edge.websocket_source(
            f"ws://127.0.0.1:{link.port}", silence_timeout_s=0.3, open_timeout_s=1.0, **QUICK
        )
        async with on_air(edge):
            origin.knob(1)
            origin.knob(1, id="quiet")
            await edge.sees_at_least(2)
            link.hold()
            await until(lambda: not source.metrics()["connected"])
            for number in range(2, 10):
                origin.knob(number)
            link.release()
            await edge.sees(lambda: edge.values()[-1] == 9)
            link.cut()
            await until(lambda: source.metrics()["reconnects_total"] >= 2)
            origin.knob(10)
            await edge.sees(lambda: edge.values()[-1] == 10)
    assert edge.numbers("peripheral/knob") == [1, 9, 10]
    assert edge.numbers("peripheral/quiet") == [1]
    assert source.metrics()["missed_total"] == 7
    assert "lost" in caplog.text
    assert "again, after" in caplog.text


async def test_a_restarted_origin_continues_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    """For viewers of the edge; a gap is still a gap. Until a server is there, it is tried again."""
    edge, port = Machine(), free_port()
    source = edge.websocket_source(f"ws://127.0.0.1:{port}", **QUICK)
    async with on_air(edge):
        await until(lambda: "Connection refused; trying again" in caplog.text)
        for _ in range(2):
            async with origin_on_air(port=port) as (origin, _):
                await until(lambda: source.metrics()["connected"])
                for number in range(1, 4):
                    seen = len(edge.seen)
                    origin.knob(number)
                    await edge.sees_at_least(seen + 1)
    assert edge.values() == [1, 2, 3, 1, 2, 3]
    assert edge.numbers("peripheral/knob") == [1, 2, 3, 4, 5, 6]
    assert [CODEC.decode(data).sequence for data in edge.bytes_of("peripheral/knob")] == [1, 2, 3, 4, 5, 6]
    assert source.metrics()["missed_total"] == 0


async def test_a_wrong_token_is_logged_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting, slowly and without end; the token itself is never logged."""
    monkeypatch.setattr("beats.kit.link_status._REFUSED_PAUSE_S", 0.02)
    caplog.set_level(logging.DEBUG, logger="beats")
    (tmp_path / "token").write_text("wrong-hush")
    edge = Machine()
    async with origin_on_air(token="right-hush") as (origin, url):
        edge.websocket_source(url, token_file=tmp_path / "token", **QUICK)
        async with on_air(edge):
            await until(lambda: "HTTP 401" in caplog.text)
            (tmp_path / "token").write_text("right-hush\n")
            origin.knob(1)
            await edge.sees_at_least(1)
    said = [each for each in caplog.records if "HTTP 401" in each.getMessage()]
    assert [each.levelno for each in said].count(logging.WARNING) == 1
    assert "Set token, or token_file, to what its settings say." in said[0].getMessage()
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("status", "text", "why"), [(503, "no room", "HTTP 503: no room"), (404, "", "HTTP 404")]
)
async def test_a_refusals_reason_is_logged(
    caplog: pytest.LogCaptureFixture, status: int, text: str, why: str
) -> None:
    """In the other server's words."""

    async def never(connection: ServerConnection) -> None:
        raise AssertionError

    def answer(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(status, text)

    edge = Machine()
    async with serve(never, "127.0.0.1", 0, process_request=answer) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        edge.websocket_source(f"ws://127.0.0.1:{port}", **QUICK)
        async with on_air(edge):
            await until(lambda: why in caplog.text)


async def test_invalid_messages_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Valid ones are published."""
    right = CODEC.seal(CODEC.prepare(Peripheral("knob", 1)), 1, 1)

    async def talk(connection: ServerConnection) -> None:
        for message in ("text", b"", b"\xff" * 100, right[:-1], right):
            await connection.send(message)
        await connection.wait_closed()

    edge = Machine()
    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        source = edge.websocket_source(f"ws://127.0.0.1:{port}", **QUICK)
        async with on_air(edge):
            await edge.sees_at_least(1)
    assert source.metrics()["unreadable_total"] == 4
    assert "a text message came, but envelopes are binary messages" in caplog.text
    assert edge.bytes_of("peripheral/knob") == [right]


async def test_an_envelope_that_is_too_large_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next connection goes on."""
    edge = Machine()
    async with origin_on_air() as (origin, url):
        source = edge.websocket_source(url, max_message_bytes=2000, kinds=("frame",), **QUICK)
        async with on_air(edge):
            origin.frame(100)
            await edge.sees_at_least(1)
            origin.frame(5000)
            await until(lambda: "lost" in caplog.text)
            origin.frame(100)
            await edge.sees(lambda: edge.numbers("frame")[-1] == 3)
    assert source.metrics()["reconnects_total"] >= 1
    assert "1009" in caplog.text


async def test_a_server_that_watches_itself_is_stopped() -> None:
    """After a few envelopes; the restarts become rarer."""
    machine = Machine()
    port = free_port()
    machine.websocket_sink(port=port)
    machine.websocket_source(f"ws://127.0.0.1:{port}", **QUICK)
    async with on_air(machine):
        machine.knob(1)
        await until(lambda: "own envelopes come back" in machine.kernel.stats().sources[0].last_error)
    assert len(machine.seen) < 20


async def test_it_encrypts(tmp_path: Path) -> None:
    """And checks the server's certificate."""
    cert, key = make_certificate(tmp_path, "one")
    edge, doubtful = Machine(), Machine()
    async with origin_on_air(tls_cert=cert, tls_key=key) as (origin, url):
        assert url.startswith("wss://")
        edge.websocket_source(url, tls_ca=cert)
        source = doubtful.websocket_source(url, **QUICK)
        async with on_air(edge, doubtful):
            origin.knob(1)
            await edge.sees_at_least(1)
            assert not source.metrics()["connected"]
    assert doubtful.seen == []


async def test_cancelled_at_any_moment_it_leaves_nothing_behind() -> None:
    """No socket, and no task of the library."""
    async with origin_on_air() as (_, url):
        await anyio.wait_all_tasks_blocked()
        before = len(asyncio.all_tasks())
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names suffice
        for count in range(0, 80, 2):
            source = WebSocketSource(
                WebSocketSourceSettings(type="websocket", url=url), Machine().context("origin")
            )
            await cancelled(source.run, PublishRecorder(), steps=count)
        await until(lambda: len(asyncio.all_tasks()) <= before)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files)  # noqa: PTH208 - as above


async def test_an_unusable_file_is_reported() -> None:
    """The kernel restarts the source, with pauses."""
    edge = Machine()
    edge.websocket_source("ws://127.0.0.1:1", token_file=Path("gone"))
    async with on_air(edge):
        await until(lambda: edge.kernel.stats().sources[0].restarts > 1)
    assert "token_file 'gone' cannot be read" in edge.kernel.stats().sources[0].last_error


def test_it_runs_on_asyncio_only() -> None:
    """As the library does."""
    source = WebSocketSource(WebSocketSourceSettings(type="websocket"), Machine().context("origin"))
    with pytest.raises(RuntimeError, match="asyncio only"):
        anyio.run(source.run, PublishRecorder(), backend="trio")
