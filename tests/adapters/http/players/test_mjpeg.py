"""MJPEG over real sockets, from both sinks that serve it."""

import email
import logging
import re
import threading
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread
from PIL import Image
from websockets.asyncio.client import connect

from beats.adapters.http import viewers
from beats.adapters.http.players import player
from beats.pictures import encoders
from tests.adapters.http.players.support import SINKS, Reader, noise, on_air, opened, reading
from tests.adapters.http.test_tls import make_certificate, trusting
from tests.adapters.sinks.websocket.support import exchange, fetch, until
from tests.support import is_exact, picture, png_of

pytestmark = pytest.mark.anyio

JPEG = picture("jpeg", 16, 12)


async def part(reader: Reader) -> bytes:
    """The file in the next part."""
    return (await to_thread.run_sync(reader.part)).body


@pytest.mark.parametrize("kind", SINKS)
async def test_each_part_is_a_whole_picture(kind: str) -> None:
    """A JPEG byte for byte as it was published, with its length and time; the latest one at once."""
    async with on_air(kind) as air:
        air.show(JPEG)
        async with reading(air) as reader:
            assert reader.status == "HTTP/1.1 200 OK"
            first = await to_thread.run_sync(reader.part)
            assert first.body == JPEG
            assert first.headers["Content-Type"] == "image/jpeg"
            [latest] = air.kernel.publisher.last_values()
            assert float(first.headers["X-Timestamp"]) == pytest.approx(
                latest.captured_unix_ns / 1e9, abs=1e-5
            )
            other = picture("jpeg", 20, 10, 200)
            air.show(other, "cam")
            air.show(other)
            assert await part(reader) in (JPEG, other)


@pytest.mark.parametrize("kind", SINKS)
async def test_other_pictures_formats_and_sizes_are_encoded_once_for_all(kind: str) -> None:
    """However many players and files want them."""
    async with on_air(kind) as air:
        air.show(picture("png", 40, 30), "cam-1")
        query = "?picture=cam-1&max_width=20&quality=50"
        async with reading(air, query) as one, reading(air, query) as two:
            first, second = await part(one), await part(two)
            assert first == second
            assert (opened(first).format, opened(first).size) == ("JPEG", (20, 15))
            still = await fetch(air.port, f"/frame.jpg{query}")
            assert (still.body, air.encoded) == (first, 1)


async def test_bytes_are_those_of_the_pictures_that_were_sent() -> None:
    """Not of those that they were made of; the accounts stay exact."""
    async with on_air() as air, reading(air) as reader:
        await until(lambda: len(air.clients) == 1)
        air.show(png_of(Image.effect_noise((200, 200), 90)))
        sent = await part(reader)
        await until(lambda: air.clients[0].queue.taken.bytes)
        queue = air.clients[0].queue
        assert len(sent) < queue.taken.bytes < len(sent) + 100
        assert is_exact(queue)
        assert air.totals.delivered == queue.taken


async def test_the_answer_ends_when_the_stream_does() -> None:
    """With the last picture and the closing boundary, so that a reader knows that nothing is missing."""
    async with on_air() as air:
        reader = await to_thread.run_sync(Reader, air.port, "")
        air.show(JPEG)
        air.kernel.stop()
        body = await to_thread.run_sync(reader.rest)
        reader.socket.close()
    assert body.endswith(b"\r\n--beats--")
    whole = f"Content-Type: {reader.headers['Content-Type']}\r\n\r\n".encode() + body
    parts = cast("list[Message]", email.message_from_bytes(whole).get_payload())
    assert [each.get_payload(decode=True) for each in parts] == [JPEG]


async def test_a_picture_is_repeated_when_no_other_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers show a part when the next one begins; and it is counted once."""
    monkeypatch.setattr(player, "REPEAT_S", 0.001)
    monkeypatch.setattr(player, "KEEPALIVE_S", 0.001)
    async with on_air() as air, reading(air) as reader:
        air.show(JPEG)
        for _ in range(4):
            assert await part(reader) == JPEG
        [client] = air.clients
        assert (client.queue.offered.items, client.queue.taken.items) == (1, 1)


def test_a_steady_stream_is_not_repeated() -> None:
    """From 5 frames a second on, the next one comes before; the last one of any stream is shown soon."""
    assert all(player.repeat_after_s(1 / fps) > 1.1 / fps for fps in (5, 10, 60))
    assert player.repeat_after_s(0) == 0.1
    assert player.repeat_after_s(1000) == 0.25


@pytest.mark.parametrize("kind", SINKS)
async def test_a_frozen_player_harms_nobody(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is cut off, and another one gets every picture meanwhile; each frame is accounted for."""
    async with on_air(kind, stall_timeout_s=0.5) as air, reading(air) as frozen, reading(air) as healthy:
        large, sequence = noise(600, 600, 0), 0
        while air.totals.stalled == 0:
            sequence = air.show(large)
            assert await part(healthy) == large
            for client in air.clients:
                assert is_exact(client.queue)
                assert client.queue.waiting.items <= 1
        await until(lambda: len(air.clients) == 1)
        [group] = air.totals.groups
        assert (group.name, group.connected, air.totals.stalled) == ("mjpeg", 1, 1)
        dropped = sum(drop.items for drop in group.drops)
        assert group.delivered.items + group.waiting.items + dropped == 2 * sequence
        assert {drop.reason for drop in group.drops} <= {"latest", "left"}
        with pytest.raises((ConnectionError, EOFError)):
            await to_thread.run_sync(lambda: [frozen.part() for _ in range(sequence)])
    assert "its socket accepted no byte for 0.5 s" in caplog.text


async def test_a_player_that_reads_hardly_anything_is_cut_off() -> None:
    """Two kB/s: a system tells of room only when much of a socket's buffer is free."""
    async with on_air(stall_timeout_s=0.5) as air, reading(air) as reader:
        large, read_bytes = noise(800, 800, 0), 0
        with suppress(ConnectionError):  # it may be told while it reads
            while air.totals.stalled == 0:
                air.show(large)
                read_bytes += len(await to_thread.run_sync(reader.socket.recv, 100))
                await anyio.sleep(0.05)
        await until(lambda: air.totals.stalled == 1)
        assert read_bytes


async def test_a_slow_player_gets_the_newest_picture() -> None:
    """Not the ones that it was too slow for."""
    async with on_air() as air, reading(air) as reader:
        pictures = [noise(400, 400, seed) for seed in range(3)]
        while not (air.clients and air.clients[0].behind):
            air.show(pictures[0])
            await anyio.lowlevel.checkpoint()
        air.show(pictures[1])
        air.show(pictures[2])
        await until(lambda: air.kernel.stats().sinks[0].queue.waiting.items == 0)
        seen = [await part(reader)]
        while seen[-1] != pictures[2]:
            seen.append(await part(reader))
        assert pictures[1] not in seen
        await until(lambda: not air.clients[0].behind)
        [client] = air.clients
        assert is_exact(client.queue)
        assert [drop.reason for drop in client.queue.drops] == ["latest"]


async def test_a_reset_in_the_middle_of_a_part_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is being written or encoded then."""
    caplog.set_level(logging.INFO)
    large = noise(800, 800, 0)
    png = picture("png", 800, 800)
    async with on_air() as air:
        air.show(picture("jpeg"))
        air.show(png, "p")
        for query, data in (("", large), ("?picture=p", png)) * 4:
            async with reading(air, query) as reader:
                await until(lambda: len(air.clients) == 1)
                air.show(data, "p" if query else "")
                air.show(data, "p" if query else "")
                if not query:
                    await to_thread.run_sync(reader.socket.recv, 1000)
                reader.reset()
                await until(lambda: not air.clients)
        [group] = air.totals.groups
        assert group.connected == group.waiting.items == 0
        assert air.kernel.stats().sinks[0].restarts == 0
    assert [record for record in caplog.records if "listening" not in record.getMessage()] == []


async def test_fps_leaves_frames_out_and_counts_them() -> None:
    """As asked for, not as lost; the newest waits until it is due."""
    async with on_air() as air, reading(air, "?fps=0.01") as reader:
        await until(lambda: len(air.clients) == 1)
        shades = [picture("jpeg", 8, 8, shade) for shade in range(0, 200, 40)]
        air.show(shades[0])
        assert await part(reader) == shades[0]
        for each in shades[1:]:
            air.show(each)
        await until(lambda: air.clients[0].queue.offered.items == len(shades))
        [client] = air.clients
        assert [(drop.reason, drop.items) for drop in client.queue.drops] == [("max_fps", 3)]
        assert (client.queue.waiting.items, client.behind, is_exact(client.queue)) == (1, False, True)
        air.kernel.stop()
        assert shades[-1] in await to_thread.run_sync(reader.rest)


async def test_players_count_as_viewers() -> None:
    """Together with those of the WebSocket: places of all, and of each address, and in the counters."""
    async with (
        on_air("websocket", max_clients_per_address=2) as air,
        reading(air),
        connect(f"ws://127.0.0.1:{air.port}"),
    ):
        assert (await fetch(air.port, "/stream.mjpg")).status == 429
    async with on_air("http", max_clients=1) as air:
        async with reading(air):
            answer = await fetch(air.port, "/stream.mjpg")
            assert (answer.status, answer.text) == (503, "This stream has as many viewers as it may have.\n")
            assert (await fetch(air.port, "/readyz")).status == 503
            assert [client.group for client in air.clients] == ["mjpeg"]
            metrics = (await fetch(air.port, "/metrics")).text
            assert re.search(r'^beats_connected_clients\{.*"mjpeg".*\} 1', metrics, re.MULTILINE)
        await until(lambda: not air.clients)
        async with reading(air):
            assert (air.totals.accepted, air.totals.refused) == (2, 1)


async def test_the_stream_may_be_encrypted(tmp_path: Path) -> None:
    """Also when the connection changes hands, and at its end."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(tls_cert=cert, tls_key=key) as air:
        air.show(JPEG)
        whole: list[bytes] = []

        async def watch() -> None:
            whole.append((await fetch(air.port, "/stream.mjpg", "GET", "127.0.0.1", trusting(cert))).body)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await until(lambda: air.clients and air.clients[0].queue.taken.items)
            air.kernel.stop()
    assert JPEG in whole[0]
    assert whole[0].endswith(b"--beats--")


async def test_a_second_request_is_not_answered() -> None:
    """The answer to the first goes on until the connection ends."""
    answers: list[bytes] = []
    request = b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    async def ask(port: int) -> None:
        answers.append(await exchange(port, request + request))

    async with on_air() as air, anyio.create_task_group() as group:
        air.show(JPEG)
        group.start_soon(ask, air.port)
        await until(lambda: air.clients and air.clients[0].queue.taken.items)
        air.kernel.stop()
    assert answers[0].count(b"HTTP/1.1 200 OK") == 1
    assert answers[0].endswith(b"\r\n0\r\n\r\n")


async def test_a_player_that_sends_without_end_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that it sends is kept, or logged."""
    async with on_air() as air:
        request = b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        with pytest.raises(ConnectionError):
            await exchange(air.port, request, bytes(1_000_000), bytes(10_000_000))
        await until(lambda: not air.clients)
    assert caplog.records == []


async def test_a_frame_that_is_being_encoded_when_its_player_leaves_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As missed, since it was not written."""
    go = threading.Event()
    encode = encoders.transcode

    def slow(*arguments: Any) -> bytes:
        assert go.wait(20)
        return encode(*arguments)

    monkeypatch.setattr(encoders, "transcode", slow)
    async with on_air() as air:
        async with reading(air):
            await until(lambda: len(air.clients) == 1)
            air.show(picture("png"))
            await until(lambda: air.clients[0].queue.taken.items == 1)
        await until(lambda: not air.clients)
        [group] = air.totals.groups
        assert (group.delivered.items, [(drop.reason, drop.items) for drop in group.drops]) == (
            0,
            [("left", 1)],
        )
        go.set()


async def test_a_frame_that_a_player_began_with_is_not_offered_again() -> None:
    """It may still wait in the queue of the sink when the player comes."""
    async with on_air() as air:
        air.show(JPEG)
        async with reading(air) as reader:
            assert await part(reader) == JPEG
            players = air.sink._players  # pyright: ignore[reportPrivateUsage] # what the sink does then
            players.offer(air.kernel.publisher.last_values())
            assert air.clients[0].queue.offered.items == 1


async def test_the_end_waits_for_no_frozen_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cut off; one that comes then gets what there is, and the end."""
    monkeypatch.setattr(viewers, "LINGER_S", 0.05)
    async with on_air() as air:
        frozen = await to_thread.run_sync(Reader, air.port, "")
        while not (air.clients and air.clients[0].behind):
            air.show(noise(600, 600, 0))
            await anyio.lowlevel.checkpoint()
        players = air.sink._players  # pyright: ignore[reportPrivateUsage] # the end, but for its time
        players.finish()
        async with reading(air) as late:
            assert (await to_thread.run_sync(late.rest)).endswith(b"\r\n--beats--")
    with pytest.raises(ConnectionError):
        await to_thread.run_sync(frozen.rest)
    frozen.socket.close()
