"""The source `demo`."""

import logging
import threading
from itertools import pairwise
from typing import cast

import anyio
import pytest
from pydantic import ValidationError

from beats.adapters.sources.demo import SOURCE, DemoSettings
from beats.adapters.sources.demo.renderer import Renderer
from beats.adapters.sources.demo.signals import Signals
from beats.adapters.sources.demo.source import DemoSource
from beats.kernel.envelope import Frame, Peripheral
from tests.adapters.sources.support import (
    Backend,
    TimedRecorder,
    WorkerThreads,
    context,
    first_frames,
    in_virtual_time,
    inline,
    pixel_publisher,
)
from tests.pictures.support import decoded

pytestmark = pytest.mark.anyio

SMALL = DemoSettings(type="demo", width=8, height=8, seed=5)
FEW_FRAMES = SMALL.model_copy(update={"fps": 0.5})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    return in_virtual_time(request.param)


async def shown(
    seconds: float, settings: DemoSettings = SMALL, publish: TimedRecorder | None = None
) -> TimedRecorder:
    """What the demo publishes within some virtual time."""
    publish = publish or TimedRecorder()
    with anyio.move_on_after(seconds):
        await DemoSource(settings, context(), inline).run(publish)
    return publish


def pixels(frame: Frame) -> bytes:
    return decoded(frame.data).tobytes()


async def test_frame_n_goes_out_at_n_divided_by_fps_without_drift() -> None:
    """Deadlines are absolute: after twenty seconds, frames still come at exact multiples."""
    frames = (await shown(20.01, SMALL.model_copy(update={"fps": 7.0}))).of(Frame)
    assert [time_s for time_s, _ in frames] == [round(number / 7, 6) for number in range(141)]


async def test_what_frame_n_shows_depends_on_settings_and_n_alone() -> None:
    """Every run publishes the same pictures and updates."""
    first, second = await shown(0.49), await shown(0.49)
    renderer = Renderer(5, 8, 8)
    assert [pixels(frame) for _, frame in first.of(Frame)] == [
        renderer.image(n / 30).tobytes() for n in range(15)
    ]
    for kind in (Frame, Peripheral):
        assert [message for _, message in first.of(kind)] == [message for _, message in second.of(kind)]


async def test_pictures_that_the_settings_forbid_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """In plain lines; what sensors say goes on, and so do pictures as soon as they are allowed."""
    pixels = pixel_publisher()
    allowed = pixels.settings
    pixels.settings = allowed.model_copy(update={"max_pixels": 63})
    recorder = TimedRecorder()

    async def allow() -> None:
        await anyio.sleep(0.99)
        pixels.settings = allowed

    with anyio.move_on_after(1.5):
        async with anyio.create_task_group() as group:
            group.start_soon(allow)
            await DemoSource(SMALL, context(pixels=pixels), inline).run(recorder)
    assert recorder.of(Peripheral)[0][0] == 0.0
    assert recorder.of(Frame)[0][0] == pytest.approx(1.0, abs=0.1)
    assert "has 64 pixels; at most 63 are allowed: make it smaller, or raise pixels.max_pixels" in caplog.text
    assert all(record.exc_info is None for record in caplog.records)


async def test_late_frames_are_left_out() -> None:
    """After a stall of a second the demo continues with the current frame, without a burst."""
    publish = TimedRecorder()
    publish.delays_s = {0: 1.1}
    frames = (await shown(2.1, SMALL.model_copy(update={"fps": 4.0}), publish)).of(Frame)
    assert [time_s for time_s, _ in frames] == [0.0, 1.1, 1.25, 1.5, 1.75, 2.0]
    assert pixels(frames[1][1]) == Renderer(5, 8, 8).image(4 / 4).tobytes()


async def test_the_accelerometer_is_published_twenty_times_a_second() -> None:
    """With three axes in m/s², its tags and its location."""
    updates = [(t, m) for t, m in (await shown(2.01)).of(Peripheral) if m.id == "accel-1"]
    assert [time_s for time_s, _ in updates] == [round(tick / 20, 6) for tick in range(41)]
    expected = Signals(5).acceleration(2.0)._asdict()
    assert updates[-1][1].data == pytest.approx(expected, abs=1e-4)
    assert updates[0][1].tags[0].name == "sensor"
    assert updates[0][1].location is not None


@pytest.mark.parametrize(("name", "key"), [("knob-1", "rotation"), ("button-1", "pressed")])
async def test_the_knob_and_the_button_are_published_when_they_change(name: str, key: str) -> None:
    """The first value at once, then only values that differ from the last."""
    updates = [(t, m) for t, m in (await shown(20.0, FEW_FRAMES)).of(Peripheral) if m.id == name]
    values = [cast("dict[str, object]", message.data)[key] for _, message in updates]
    assert updates[0][0] == 0.0
    assert len(values) >= 9
    assert all(before != after for before, after in pairwise(values))
    assert {type(value) for value in values} == {int if key == "rotation" else bool}
    assert all(message.tags and message.location for _, message in updates)


async def test_a_full_queue_does_not_end_the_demo(caplog: pytest.LogCaptureFixture) -> None:
    """The source logs it a few times and goes on."""
    publish = TimedRecorder()
    publish.refuse = True
    with caplog.at_level(logging.ERROR):
        await shown(2.01, SMALL, publish)
    assert len(publish.of(Frame)) == 61
    assert 10 <= len(caplog.records) <= 13
    assert "'browser'" in caplog.text


async def test_the_picture_is_rendered_in_a_worker_thread() -> None:
    """Rendering never blocks the event loop; a source runs until it is cancelled."""
    threads = WorkerThreads()
    await first_frames(DemoSource(SMALL, context(), threads.run), 3)
    await first_frames(SOURCE.build(SMALL, context()), 3)
    assert threads.used
    assert threading.get_ident() not in threads.used


@pytest.mark.parametrize("wrong", [{"fps": 0.05}, {"fps": 241}, {"width": 7}, {"height": 513}, {"seed": "x"}])
def test_invalid_settings_are_refused(wrong: dict[str, object]) -> None:
    """Rates and sizes have limits, and unknown keys are refused."""
    with pytest.raises(ValidationError):
        DemoSettings.model_validate({"type": "demo", **wrong})
