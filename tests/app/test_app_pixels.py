"""`publish_pixels`: pixels in, pictures at the viewers, with the encoder's real threads."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import numpy as np
import pytest
from anyio import to_thread

from beats.app import ClosedError, Stream
from beats.kernel.envelope import Frame, Sealed
from beats.kernel.stats import GivenUp
from beats.pictures import publishing
from beats.pictures.encoding import EncodedPicture, Shot, encode_shot
from beats.pictures.pixels import copy_pixels
from beats.pictures.publishing import PixelPublisher
from beats.recordings.info import Surveyor
from tests.pictures.support import Decodings, decoded, picture
from tests.support import STUCK_SINK, TIMEOUT_S, Viewer, install_adapter, is_exact, quiet, tiny_png, watching

ALL: Final = "?topics=*&formats=png,jpeg,webp"
ONE_WORKER: Final = {"pixels": {"workers": 1}}
BLOCK: Final = {"pixels": {"workers": 1, "overflow": "block"}}
SMALL: Final = picture(8, 6)


@contextmanager
def viewing(stream: Stream) -> Generator[Viewer]:
    """A viewer of all pictures, which gets all that is published from now on."""
    stream.publish_peripheral("begin", 1)
    with watching(stream.sinks["browser"].address.url + ALL) as viewer:
        viewer.until(lambda envelope: envelope.topic == "peripheral/begin")
        yield viewer


def frame_of(envelope: Sealed) -> Frame:
    assert isinstance(envelope.message, Frame)
    return envelope.message


class Gate:
    """An encoder that works only while it is open."""

    def __init__(self) -> None:
        self._opened: Final = threading.Event()
        self.begun: Final = threading.Semaphore(0)
        """Released once for each picture that it has begun."""

    def open(self) -> None:
        self._opened.set()

    def encode(self, shot: Shot) -> EncodedPicture:
        self.begun.release()
        assert self._opened.wait(3 * TIMEOUT_S)  # longer than any test waits for it
        return encode_shot(shot)

    def wait_for_one(self) -> None:
        """Wait until it has begun another one."""
        assert self.begun.acquire(timeout=TIMEOUT_S)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Generator[Gate]:
    """An encoder that is closed at first."""
    made = Gate()
    monkeypatch.setattr(publishing, "encode_shot", made.encode)
    yield made
    made.open()


def test_pixels_arrive_as_they_were_at_the_call() -> None:
    """Equal to the last bit, although the program draws on; with its picture, and the time of the call."""
    canvas = picture(40, 30)
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.publish_pixels(canvas, captured_unix_ns=123)
        before = canvas.copy()
        canvas[:] = 0
        stream.publish_pixels(canvas[::-1, ..., ::-1], id="cam-1", order="bgr")
        stream.publish_pixels(bytes(range(48)), size=(4, 3), mode="RGBA", id="cam-2")
        found = {envelope.topic: envelope for envelope in viewer.take(3)}
    main = found["frame"]
    assert (main.sequence, main.captured_unix_ns) == (1, 123)
    assert np.array_equal(decoded(frame_of(main).data), before)
    camera = frame_of(found["frame/cam-1"])
    assert camera[1:] == ("cam-1", "image/png", 40, 30)
    assert decoded(camera.data).max() == 0
    assert decoded(frame_of(found["frame/cam-2"]).data).tobytes() == bytes(range(48))


def test_a_frame_does_not_overtake_pixels_that_came_before(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`publish_frame` waits for earlier pixels of its picture, and for no others."""
    waits, wait = threading.Event(), PixelPublisher.wait

    def noted(pixels: PixelPublisher, id_: str) -> None:
        waits.set()
        wait(pixels, id_)

    monkeypatch.setattr(PixelPublisher, "wait", noted)
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.publish_pixels(SMALL, id="cam-1")
        assert stream.publish_frame(tiny_png()) == 1
        numbers: list[int] = []
        producer = threading.Thread(
            target=lambda: numbers.append(stream.publish_frame(tiny_png(), id="cam-1"))
        )
        producer.start()
        assert waits.wait(TIMEOUT_S)
        gate.open()
        producer.join(TIMEOUT_S)
        assert numbers == [2]
        viewer.take(3)
    assert viewer.topics()["frame/cam-1"] == [1, 2]
    assert frame_of(viewer.seen[-1]).data == tiny_png()


def test_pictures_of_one_id_keep_their_order() -> None:
    """Large and small ones, by four encoders at once."""
    sizes = [(400, 300), (4, 3), (200, 150), (8, 8)]
    with Stream.open(overrides={**quiet(), "pixels": {"workers": 4}}) as stream, viewing(stream) as viewer:
        for width, height in sizes:
            stream.publish_pixels(bytes(width * height), size=(width, height), id="a")
        seen = viewer.take(4)
    assert [(item.sequence, *frame_of(item)[3:]) for item in seen] == [
        (number, *size) for number, size in enumerate(sizes, 1)
    ]


def test_the_newest_survive_and_the_others_are_counted(gate: Gate) -> None:
    """Of each picture; sequence numbers have no gap, as what was given up never had one."""
    with Stream.open(overrides={**quiet(), **ONE_WORKER}) as stream, viewing(stream) as viewer:
        for value in range(5):
            stream.publish_pixels(bytes([value]), size=(1, 1), id="cam-1")
            if value == 0:
                gate.wait_for_one()
        assert stream.stats().given_up == (GivenUp("encoder", "frame/cam-1", 3),)
        gate.open()
        seen = viewer.take(2)
    assert [(item.sequence, decoded(frame_of(item).data).item()) for item in seen] == [(1, 0), (2, 4)]


def test_with_block_the_producers_wait_and_nothing_is_given_up(gate: Gate) -> None:
    """However many there are; the pictures of each keep their order."""
    with Stream.open(overrides={**quiet(), **BLOCK}) as stream, viewing(stream) as viewer:
        stream.publish_pixels(bytes(1), size=(1, 1))
        gate.wait_for_one()
        stream.publish_pixels(bytes(1), size=(1, 1))

        def publish(first: int) -> None:
            for value in range(first, first + 10):
                stream.publish_pixels(bytes([value]), size=(1, 1))

        producers = [threading.Thread(target=publish, args=(first,)) for first in (10, 20, 30)]
        for producer in producers:
            producer.start()
        gate.open()
        for producer in producers:
            producer.join(TIMEOUT_S)
        values = [decoded(frame_of(item).data).item() for item in viewer.take(32)]
        assert stream.stats().given_up == ()
    assert [value for value in values if value < 20] == [0, 0, *range(10, 20)]
    assert sorted(values) == [0, 0, *range(10, 40)]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_with_block_only_the_coroutine_waits(gate: Gate) -> None:
    """Others publish in the meantime; one that is cancelled while it waits publishes nothing.

    A plain call in the event loop's own thread, which would wait for itself, is refused.
    """
    async with Stream.open(overrides={**quiet(null={"type": "null"}), **BLOCK}) as stream:
        await stream.publish_pixels(SMALL)
        await to_thread.run_sync(gate.wait_for_one)
        await stream.publish_pixels(SMALL)
        with pytest.raises(RuntimeError, match="await it, or call it in a thread"):
            stream.from_threads.publish_pixels(SMALL)
        async with anyio.create_task_group() as group:
            group.start_soon(stream.publish_pixels, SMALL)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        async with anyio.create_task_group() as group:
            group.start_soon(stream.publish_pixels, SMALL)
            await anyio.wait_all_tasks_blocked()
            assert await stream.publish_peripheral("knob", 1) == 1
            gate.open()
        assert await stream.publish_frame(tiny_png()) == 4
        assert stream.stats().given_up == ()


def test_a_recording_tells_what_was_given_up(gate: Gate, tmp_path: Path) -> None:
    """As what a queue drops, by its reason and topic, in the totals too."""
    sinks = {"recorder": {"type": "recorder", "path": str(tmp_path / "show.mcap")}}
    with Stream.open(overrides={**quiet(**sinks), **ONE_WORKER}) as stream:
        for value in range(5):
            stream.publish_pixels(bytes([value]), size=(1, 1), id="cam-1")
            if value == 0:
                gate.wait_for_one()
        gate.open()
    counts = Surveyor().survey(tmp_path / "show.mcap").counts
    assert dict(counts.losses["encoder"].topics) == {"frame/cam-1": 3}
    assert counts.topics["frame/cam-1"].messages == 2


def test_what_cannot_be_encoded_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """WebP has a largest side; the next picture comes."""
    overrides = {**quiet(), "pixels": {"format": "webp", "quality": 50}}
    with Stream.open(overrides=overrides) as stream, viewing(stream) as viewer:
        stream.publish_pixels(bytes(16_384), size=(16_384, 1))
        stream.publish_pixels(picture(8, 6))
        assert frame_of(viewer.next())[2:] == ("image/webp", 8, 6)
    assert stream.stats().given_up == (GivenUp("failed", "frame", 1),)
    assert "frame: a picture is lost" in caplog.text
    assert "16,383 pixels a side" in caplog.text


def test_wrong_pixels_raise_in_the_call_and_leave_no_trace() -> None:
    """So do a wrong id and a wrong time; no topic is reserved for them."""
    wrong: list[Any] = [5, 0, None, []]
    with Stream.open(overrides={**quiet(), "kernel": {"max_topics": 1}}) as stream:
        for id_ in ("a", "b"):
            with pytest.raises(ValueError, match="the pixels are str: open the file first"):
                stream.publish_pixels("picture.png", id=id_)
        for id_ in wrong:
            with pytest.raises(TypeError, match=r"id is .*; it must be text"):
                stream.publish_pixels(SMALL, id=id_)
        with pytest.raises(TypeError, match="captured_unix_ns is float"):
            stream.publish_pixels(SMALL, captured_unix_ns=1.5)  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(ValueError, match=r"captured_unix_ns is \d+; it must be from -2\*\*63 to"):
            stream.publish_pixels(SMALL, captured_unix_ns=1 << 63)
        stream.publish_pixels(SMALL, id="c")
    assert (stream.stats().published, stream.stats().given_up) == (1, ())


def test_too_many_topics_are_refused_in_the_call(gate: Gate) -> None:
    """Those count whose first picture is still being encoded, also for other producers."""
    with Stream.open(overrides={**quiet(), "kernel": {"max_topics": 2}}) as stream:
        for id_ in ("a", "b", "a"):
            stream.publish_pixels(SMALL, id=id_)
        for publish in (
            lambda: stream.publish_pixels(SMALL, id="c"),
            lambda: stream.publish_peripheral("knob", 1),
        ):
            with pytest.raises(ValueError, match=r"would be topic 3, and kernel\.max_topics is 2"):
                publish()
        gate.open()
    assert stream.stats().topics == 2


@pytest.mark.parametrize("where", ["pixels", "frame"])
def test_a_picture_may_have_max_pixels(where: str) -> None:
    """The setting bounds pixels and files alike."""
    overrides = {**quiet(), "pixels": {"max_pixels": 48}}

    def publish(stream: Stream, width: int) -> None:
        if where == "pixels":
            stream.publish_pixels(bytes(width * 6), size=(width, 6))
        else:
            stream.publish_frame(png(width, 6))

    with Stream.open(overrides=overrides) as stream:
        publish(stream, 8)
        with pytest.raises(
            ValueError, match=r"54 pixels; at most 48 are allowed: .* raise pixels.max_pixels"
        ):
            publish(stream, 9)
        stream.apply({"pixels": {"max_pixels": 54}})
        publish(stream, 9)


def png(width: int, height: int) -> bytes:
    return encode_shot(Shot(copy_pixels(picture(width, height)), 0)).data


def test_the_end_delivers_what_waits(gate: Gate) -> None:
    """Leaving the block encodes and sends the last pictures; then every call is refused."""
    with Stream.open(overrides={**quiet(), **ONE_WORKER}) as stream, viewing(stream) as viewer:
        for id_ in ("a", "b", "c"):
            stream.publish_pixels(SMALL, id=id_)
        gate.wait_for_one()
        gate.open()
        stream.close()
        assert {envelope.topic for envelope in viewer.take(3)} == {"frame/a", "frame/b", "frame/c"}
    for id_ in ("a", "new"):
        with pytest.raises(ClosedError, match="publish while it is open"):
            stream.publish_pixels(SMALL, id=id_)
    assert all(is_exact(sink.queue) for sink in stream.stats().sinks)


def test_the_end_does_not_wait_longer_than_it_may(gate: Gate) -> None:
    """What was not encoded in time is counted."""
    overrides = {**quiet(), **ONE_WORKER, "kernel": {"shutdown_timeout_s": 0.05}}
    with Stream.open(overrides=overrides) as stream:
        stream.publish_pixels(SMALL)
        gate.wait_for_one()
        stream.publish_pixels(SMALL)
    assert stream.stats().given_up == (GivenUp("shutdown", "frame", 2),)


def test_a_queue_that_refuses_is_logged_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The queue counts it; the frame is on the bus, and all other sinks have it."""
    install_adapter(tmp_path / "installed", "sinks", "stuck", STUCK_SINK, monkeypatch)
    stuck = {"type": "stuck", "queue": {"size": 1, "overflow": "error"}}
    overrides = {**quiet(stuck=stuck), "kernel": {"shutdown_timeout_s": 0.05}}
    with Stream.open(config_dir=tmp_path, overrides=overrides) as stream, viewing(stream) as viewer:
        for _ in range(3):
            stream.publish_pixels(SMALL)
            viewer.next()
    stats = stream.stats()
    assert viewer.topics()["frame"] == [1, 2, 3]
    [queue] = [sink.queue for sink in stats.sinks if sink.name == "stuck"]
    assert {drop.reason: drop.items for drop in queue.drops}["error"] >= 2
    assert stats.given_up == ()
    assert "pixels: sink 'stuck': queue of 1 refused 'frame'" in caplog.text


def test_the_settings_hold_for_the_next_picture() -> None:
    """Format and quality change while the stream runs."""
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.publish_pixels(SMALL)
        assert frame_of(viewer.next()).media_type == "image/png"
        [change] = stream.apply({"pixels": {"format": "jpeg", "quality": 50}})
        assert change.what == "pixels changed in place (format, quality)"
        stream.publish_pixels(SMALL)
        assert frame_of(viewer.next()).media_type == "image/jpeg"
        assert stream.reload() == []


def test_sources_make_pictures_by_the_same_settings() -> None:
    """The demo, for one; a change holds for its next picture."""
    overrides = {**quiet(), "sources": {"demo": {"enabled": True, "fps": 60}}, "pixels": {"format": "webp"}}
    with Stream.open(overrides=overrides) as stream, viewing(stream) as viewer:
        for form in ("webp", "jpeg"):
            stream.apply({"pixels": {"format": form}})
            viewer.until(
                lambda envelope, form=form: (  # type: ignore[misc]
                    envelope.topic == "frame" and frame_of(envelope).media_type == f"image/{form}"
                )
            )


def test_the_number_of_encoders_changes_while_they_work(gate: Gate) -> None:
    """A picture that waits for an encoder gets one at once."""
    with Stream.open(overrides={**quiet(), **ONE_WORKER}) as stream:
        for id_ in ("a", "b"):
            stream.publish_pixels(SMALL, id=id_)
        gate.wait_for_one()
        stream.apply({"pixels": {"workers": 2}})
        gate.wait_for_one()
        gate.open()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_program_with_a_loop_awaits_the_same(gate: Gate) -> None:
    """A frame that waits for pixels suspends its own coroutine alone."""
    numbers: list[int] = []
    async with Stream.open(overrides=quiet(null={"type": "null"})) as stream:
        await stream.publish_pixels(SMALL, captured_unix_ns=5)
        await to_thread.run_sync(gate.wait_for_one)

        async def publish() -> None:
            numbers.append(await stream.publish_frame(tiny_png()))

        async with anyio.create_task_group() as group:
            group.start_soon(publish)
            assert await stream.publish_peripheral("knob", 1) == 1
            assert numbers == []
            gate.open()
        assert numbers == [2]
    with pytest.raises(ClosedError):
        await stream.publish_pixels(SMALL)


def test_a_stream_that_is_cancelled_leaves_no_encoder(gate: Gate) -> None:
    """Its threads end as soon as their picture is done."""
    before = set(threading.enumerate())

    async def main() -> None:
        with anyio.move_on_after(TIMEOUT_S) as scope:
            async with Stream.open(overrides=quiet()) as stream:
                await stream.publish_pixels(SMALL)
                await to_thread.run_sync(gate.wait_for_one)
                scope.cancel()
                await anyio.sleep_forever()

    anyio.run(main)
    gate.open()
    for thread in set(threading.enumerate()) - before:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


def test_a_viewers_own_format_is_made_of_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of the PNG, which would first have to be decoded; from the second picture on."""
    decodings = Decodings(monkeypatch)
    with Stream.open(overrides=quiet()) as stream:
        stream.publish_pixels(SMALL)
        with watching(f"{stream.sinks['browser'].address.url}?formats=webp&max_width=4") as viewer:
            for _ in range(3):
                message = frame_of(viewer.next())
                assert (message.media_type, message.width, message.height) == ("image/webp", 4, 3)
                stream.publish_pixels(SMALL)
    assert decodings.count == 1
