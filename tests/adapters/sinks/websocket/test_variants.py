"""Frames in the formats and sizes that viewers ask for, over real sockets."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import anyio
import pytest
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.envelope import Frame, Sealed
from beats.kernel.last_values import CaughtUp
from beats.kernel.ports import Context
from tests.adapters.sinks.websocket.support import (
    ROOMY,
    Running,
    exact,
    fetch,
    on_air,
    receive,
    settings,
    until,
)
from tests.pictures.support import Gate, decoded, saved
from tests.support import CODEC, picture, png_of

pytestmark = pytest.mark.anyio

JPEG: Final = Frame(picture("jpeg", 40, 20, shade=7), "", "image/jpeg", 40, 20)
WIDE: Final = Frame(png_of(Image.radial_gradient("L").resize((400, 100))))
"""A PNG whose size only its header tells."""


def one_thread(**changes: object) -> WebSocketSettings:
    """Settings with one encoder, so that what waits can be told."""
    return settings(transcode_workers=1, **changes)


def frame_of(item: Sealed) -> Frame:
    """The frame of an envelope."""
    assert isinstance(item.message, Frame)
    return item.message


def shape(item: Sealed) -> tuple[str, int, int]:
    """What a frame holds: the form of its bytes, width and height."""
    message = frame_of(item)
    height, width = decoded(message.data).shape[:2]
    return message.media_type, width, height


def losses(running: Running, at: int = 0) -> dict[str, int]:
    """What a viewer missed, by reason."""
    return {drop.reason: drop.items for drop in running.client(at).queue.drops}


async def test_old_viewers_get_png_of_a_picture_in_another_format() -> None:
    """Encoded once for all of them, with number and time of the original; not at all while there is none."""
    async with on_air(one_thread()) as running:
        publish = running.kernel.publisher.publish
        publish(JPEG)
        await running.fanned_out()
        async with connect(running.url + "/?formats=jpeg,png") as new:
            assert frame_of(original := await receive(new)) == JPEG
            assert running.sink.metrics() == {}
            async with connect(running.url) as old, connect(running.url + "/?kinds=frame") as other:
                seen = [await receive(each) for each in (old, other)]
                assert [shape(each) for each in seen] == [("image/png", 40, 20)] * 2
                assert seen[0] == seen[1]
                assert seen[0][1:3] == original[1:3]
                publish(JPEG)
                assert [(await receive(each)).sequence for each in (old, other, new)] == [2, 2, 2]
                assert running.sink.metrics()["variant_frames_total"] == 2


async def test_a_frame_that_a_viewer_takes_is_passed_on_unchanged() -> None:
    """One that is too wide is scaled, in the first of its formats that we encode, and as small as it asks."""
    async with (
        on_air() as running,
        connect(running.url + "/?formats=png&max_width=400") as wide,
        connect(running.url + "/?formats=avif,webp,png&max_width=100&topics=frame*") as narrow,
        connect(running.url + "/?formats=jpeg&quality=95") as fine,
        connect(running.url + "/?formats=jpeg&quality=10") as coarse,
    ):
        await until(lambda: running.totals.connected == 4)
        running.kernel.publisher.publish(WIDE)
        assert frame_of(await receive(wide)) == WIDE
        assert shape(await receive(narrow)) == ("image/webp", 100, 25)
        sizes = [len(frame_of(await receive(each)).data) for each in (fine, coarse)]
        assert sizes[0] > 1.5 * sizes[1]
        running.kernel.publisher.publish(JPEG._replace(id="cam"))
        running.kernel.publisher.publish(
            Frame(saved(Image.new("L", (9, 9)), "WEBP"), "cam", "image/webp", 9, 9)
        )
        assert [shape(await receive(narrow)) for _ in range(2)] == [
            ("image/webp", 40, 20),
            ("image/webp", 9, 9),
        ]


async def test_encoding_delays_nobody_else_and_skips_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gaps in the numbers that a viewer sees are what it is counted as having missed."""
    gate = Gate(monkeypatch)
    async with (
        on_air(one_thread()) as running,
        connect(running.url + "/?formats=jpeg") as small,
        connect(running.url) as original,
    ):
        await until(lambda: running.totals.connected == 2)
        for number in range(1, 6):
            running.kernel.publisher.publish(WIDE)
            assert (await receive(original)).sequence == number
            if number == 1:
                await gate.entered()
        running.knob(1)
        assert (await receive(small)).kind == "peripheral"
        assert losses(running) == {"encoder": 3}
        gate.open.release(2)
        assert [(await receive(small)).sequence for _ in range(2)] == [1, 5]
        await until(lambda: running.client().queue.taken.items == 3)
        assert losses(running) == {"encoder": 3}
        assert running.client().queue.offered.items == 6
        assert exact(running.client().queue)
        assert losses(running, 1) == {}


async def test_frames_that_need_no_encoding_do_not_overtake_those_that_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A producer may change the format of a picture at any time; the newest frame survives."""
    gate = Gate(monkeypatch)
    async with on_air(one_thread()) as running, connect(running.url) as old:
        await until(lambda: running.totals.connected == 1)
        publish = running.kernel.publisher.publish
        publish(WIDE)
        publish(JPEG)
        await gate.entered()
        for _ in range(2):
            publish(WIDE)
        await running.fanned_out()
        assert (await receive(old)).sequence == 1
        gate.open.release()
        assert [(await receive(old)).sequence for _ in range(2)] == [2, 4]
        publish(WIDE)
        publish(JPEG)
        await gate.entered()
        gate.open.release()
        assert [(await receive(old)).sequence for _ in range(2)] == [5, 6]
        await until(lambda: running.client().queue.taken.items == 5)
        assert losses(running) == {"encoder": 1}
        assert exact(running.client().queue)


async def test_a_late_joiner_gets_the_last_frame_in_its_variant_without_another_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is being encoded when it joins follows; it gets nothing twice."""
    gate = Gate(monkeypatch)
    url = "/?formats=jpeg&topics=*"
    async with on_air(one_thread()) as running, connect(running.url + url) as first:
        await until(lambda: running.totals.connected == 1)
        publish = running.kernel.publisher.publish
        gate.open.release(2)
        publish(WIDE)
        publish(WIDE._replace(id="cam"))
        assert {(await receive(first)).topic for _ in range(2)} == {"frame", "frame/cam"}
        gate.begun.acquire()
        gate.begun.acquire()
        publish(WIDE)
        await gate.entered()
        async with connect(running.url + url) as late, connect(running.url + "/?formats=jpeg,webp") as other:
            seen = [await receive(late) for _ in range(2)]
            assert [(item.topic, item.sequence) for item in seen] == [("frame", 1), ("frame/cam", 1)]
            await until(lambda: running.totals.connected == 3)
            gate.open.release()
            assert [(await receive(each)).sequence for each in (first, late, other)] == [2, 2, 2]
            gate.open.release()
            publish(WIDE)
            assert [(await receive(each)).sequence for each in (first, late, other)] == [3, 3, 3]
        assert running.sink.metrics()["variant_frames_total"] == 4


async def test_a_picture_that_cannot_be_decoded_is_counted_and_harms_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who takes it as it is gets it; what comes after it is encoded."""
    broken = WIDE._replace(data=WIDE.data[:60])
    async with (
        on_air(one_thread()) as running,
        connect(running.url + "/?formats=jpeg") as small,
        connect(running.url) as original,
    ):
        await until(lambda: running.totals.connected == 2)
        running.kernel.publisher.publish(broken)
        assert frame_of(await receive(original)) == broken
        await until(lambda: losses(running) == {"format": 1})
        running.kernel.publisher.publish(WIDE)
        assert (await receive(small)).sequence == 2
        assert exact(running.client().queue)
    assert "frame as jpeg of quality 85: a picture is lost: data " in caplog.text


async def test_no_more_variants_are_in_use_than_allowed() -> None:
    """The next viewer is told which there are. Frames of full size are always to be had."""
    config = one_thread(max_variants=1)
    async with on_air(config) as running:
        taken, shared = "/?formats=jpeg&quality=30", "/?formats=jpeg,webp&quality=30"
        async with connect(running.url + taken), connect(running.url + shared):
            wrong = "/?formats=jpeg&max_width=9"
            with pytest.raises(InvalidStatus) as caught:
                await connect(running.url + wrong)
            assert caught.value.response.status_code == 503
            why = (
                "Frames are encoded in as many variants as may be (max_variants = 1): jpeg of quality 30. "
                "Ask for one of these, or leave out max_width and quality."
            )
            assert caught.value.response.body == f"{why}\n".encode()
            assert (await fetch(running.port, wrong, Accept="text/plain")).text == f"{why}\n"
            async with connect(running.url), connect(running.url + "/?formats=webp"):
                pass
            running.sink.adjust(config.model_copy(update={"max_variants": 2}))
            async with connect(running.url + wrong):
                pass
        await until(lambda: running.totals.connected == 0)
        running.sink.adjust(config)
        async with connect(running.url + wrong):
            pass


async def test_the_last_frame_is_encoded_before_the_stream_ends() -> None:
    """The server waits for it before it says goodbye."""
    async with on_air(one_thread()) as running, connect(running.url + "/?formats=webp") as viewer:
        await until(lambda: running.totals.connected == 1)
        running.kernel.publisher.publish(WIDE)
        running.kernel.stop()
        assert shape(await receive(viewer)) == ("image/webp", 400, 100)
        with pytest.raises(ConnectionClosedOK):
            await receive(viewer)


@pytest.mark.parametrize("workers", [1, 3])
async def test_every_frame_is_delivered_or_counted(workers: int) -> None:
    """Of two pictures that change their format, to viewers of all kinds, while encoders do not keep up.

    Numbers rise, and what is missing between them is what the server counted.
    """
    queries = ["", "&formats=jpeg", "&formats=webp,jpeg&max_width=30", "&max_fps=50", "&formats=avif"]
    count = 200
    seen: list[list[Sealed]] = []

    async def watch(viewer: ClientConnection, to: list[Sealed]) -> None:
        async for message in viewer:
            assert isinstance(message, bytes)
            to.append(CODEC.decode(message))

    async with (
        on_air(settings(transcode_workers=workers, queue=ROOMY)) as running,
        anyio.create_task_group() as group,
        AsyncExitStack() as stack,
    ):
        for query in queries:
            viewer = await stack.enter_async_context(connect(f"{running.url}/?topics=*{query}"))
            seen.append([])
            await until(lambda: running.totals.connected == len(seen))
            group.start_soon(watch, viewer, seen[-1])
        for number in range(count):
            running.kernel.publisher.publish((JPEG, WIDE)[number % 3 > 0])
            running.kernel.publisher.publish((JPEG, WIDE)[number // 20 % 2]._replace(id="cam"))
            await anyio.sleep(0.001 * (number % 2))  # lets the encoders do some of it
        await until(lambda: all(each.queue.offered.items == 2 * count for each in running.sink.clients()))
        stats = [each.queue for each in running.sink.clients()]
        await until(lambda: [len(items) for items in seen] == [queue.taken.items for queue in stats])
        for queue, items in zip(stats, seen, strict=True):
            assert exact(queue)
            of_topics = [
                [item.sequence for item in items if item.topic == topic] for topic in ("frame", "frame/cam")
            ]
            assert all(numbers == sorted(set(numbers)) for numbers in of_topics)
            assert sum(count - len(numbers) for numbers in of_topics) == queue.dropped.items
        reasons = {drop.reason for queue in stats for drop in queue.drops}
        assert reasons == {"encoder", "format", "max_fps"}


class _Publishing(WebSocketSink):
    """Just before a viewer joins, two more frames come that nobody has had."""

    publish: Callable[[Frame], object]

    def __init__(self, config: WebSocketSettings, context: Context) -> None:
        super().__init__(config, context)
        self.more: list[Frame] = []

    async def _catch_up(self) -> CaughtUp:
        while self.more:
            self.publish(self.more.pop())
        return await super()._catch_up()


async def test_frames_that_come_while_a_viewer_joins_reach_it_once() -> None:
    """Encoded, in their order; the newest in any case."""
    url = "/?formats=jpeg"
    async with on_air(one_thread(), build=_Publishing) as running, connect(running.url + url) as first:
        await until(lambda: running.totals.connected == 1)
        assert isinstance(running.sink, _Publishing)
        running.sink.publish = running.kernel.publisher.publish
        running.sink.publish(WIDE)
        assert (await receive(first)).sequence == 1
        running.sink.more = [JPEG, WIDE]
        async with connect(running.url + url) as late:
            await until(lambda: running.totals.connected == 2)
            seen = [await receive(late)]
            while seen[-1].sequence < 3:
                seen.append(await receive(late))
            running.sink.publish(WIDE)
            while seen[-1].sequence < 4:
                seen.append(await receive(late))
            numbers = [item.sequence for item in seen]
            assert numbers == sorted(set(numbers))
            assert {1, 3, 4} <= set(numbers)
            assert running.client(1).queue.dropped.items == 4 - len(numbers)


async def test_what_is_missing_after_the_first_frame_of_a_late_joiner_is_counted_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also what was skipped before it came: it sees the gap."""
    gate = Gate(monkeypatch)
    async with on_air(one_thread()) as running, connect(running.url + "/?formats=jpeg") as first:
        await until(lambda: running.totals.connected == 1)
        gate.open.release()
        for number in range(1, 6):
            running.kernel.publisher.publish(WIDE)
            await running.fanned_out()
            if number < 3:
                await gate.entered()
            if number == 1:
                assert (await receive(first)).sequence == 1
        await until(lambda: losses(running) == {"encoder": 2})
        async with connect(running.url + "/?formats=jpeg") as late:
            assert (await receive(late)).sequence == 1
            gate.open.release(2)
            assert [(await receive(late)).sequence for _ in range(2)] == [2, 5]
            await until(lambda: running.client(1).queue.taken.items == 3)
            assert losses(running, 1) == {"encoder": 2}
            assert exact(running.client(1).queue)
