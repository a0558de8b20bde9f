"""Sources behind a chain of transforms, on a real bus."""

import io
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import pytest
from anyio import to_thread
from PIL import Image

from beats.config.load import load_profile
from beats.config.settings import PixelSettings, TransformSettings
from beats.kernel.capabilities import CommandCheck, Plays, TakesCommands
from beats.kernel.envelope import ClientIdentity, Control, Envelope, Frame, Location, Peripheral, Sealed, Tag
from beats.kernel.ports import Publish
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.stats import GivenUp, Playback
from beats.pictures.pixels import Pixels
from beats.pictures.publishing import PixelPublisher
from beats.proto.codec import StreamCodec
from beats.runtime.builder import Builder
from beats.runtime.registry import InstalledAdapters
from beats.transforms.chain import Chain
from beats.transforms.source import Outlet, TransformedPixels, transformed
from tests.adapters.sinks.websocket.support import until
from tests.pictures.support import HAS_AVIF
from tests.support import png_of

pytestmark = pytest.mark.anyio
Pixel = tuple[int, ...] | float | None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Scripted:
    """A source that does what a test says, takes a command and plays something."""

    def __init__(self, act: Callable[[Publish], Awaitable[object]]) -> None:
        self._act: Final = act
        self.obeyed: Final[list[str]] = []

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        return MappingProxyType({"blink": dict})

    def command(self, control: Control) -> None:
        self.obeyed.append(control.command)

    def playback(self) -> Playback | None:
        return Playback(1, 2, 3, paused=False, loops=0)

    async def run(self, publish: Publish) -> None:
        await self._act(publish)


class Stage:
    """A kernel, and what came onto its bus."""

    def __init__(self, **transforms: Any) -> None:
        self.kernel: Final = Kernel(StreamCodec(), options=KernelOptions(when_sources_end="stay"))
        base = PixelPublisher(self.kernel.publisher, PixelSettings())
        self.kernel.before_close(base.finish)
        chain = Chain(TransformSettings.model_validate(transforms))
        self.outlet: Final = Outlet("it", chain, self.kernel.publisher, base)
        self.pixels: Final = TransformedPixels(self.outlet)
        self.envelopes: Final[list[Envelope]] = []
        for kind in ("frame", "peripheral"):
            self.kernel.bus.connect(kind, self.envelopes.append)

    @asynccontextmanager
    async def playing(self, act: Callable[[Publish], Awaitable[object]]) -> AsyncGenerator[None]:
        """A source that does this, until the end of the block."""
        self.kernel.add_source("it", transformed(Scripted(act), self.outlet))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                await group.start(self.kernel.run)
                yield
                self.kernel.stop()

    async def played(self, act: Callable[[Publish], Awaitable[object]]) -> list[Envelope]:
        """All that came of a source that ends."""
        async with self.playing(act):
            await until(lambda: self.kernel.stats().sources[0].state in ("ended", "failed"))
        (source,) = self.kernel.stats().sources
        assert (source.last_error, source.published) == ("", len(self.envelopes))
        return self.envelopes

    @property
    def given_up(self) -> list[tuple[str, str, int]]:
        return [(each.reason, each.topic, each.items) for each in self.kernel.stats().given_up]


def values(envelopes: list[Envelope]) -> list[object]:
    return [each.message.data for each in envelopes if isinstance(each.message, Peripheral)]


def corners() -> Image.Image:
    """4 x 2: red on the left, blue on the right."""
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    image.paste((0, 0, 255), (2, 0, 4, 2))
    return image


def shown(envelope: Envelope) -> tuple[str, tuple[int, int], Pixel, Pixel]:
    """Topic, size, and the pixels at the ends."""
    frame = envelope.message
    assert isinstance(frame, Frame)
    image = Image.open(io.BytesIO(frame.data))
    assert image.size == (frame.width, frame.height)
    last = (image.width - 1, image.height - 1)
    return envelope.topic, image.size, image.getpixel((0, 0)), image.getpixel(last)


RED, BLUE = (255, 0, 0), (0, 0, 255)
SHAPE: Final = {"rename": "cam", "crop": [1, 0, 2, 2], "rotate": 90, "scale": [4, 6]}
SHAPED: Final = ("frame/cam", (4, 6), RED, BLUE)


async def test_an_encoded_picture_is_shaped_in_its_format() -> None:
    """Cropped, then turned, then scaled; from a coroutine, a thread, or another bus."""
    stage, file = Stage(**SHAPE), io.BytesIO()
    corners().save(file, "PNG")
    frame = Frame(file.getvalue())

    async def act(publish: Publish) -> None:
        await publish(frame)
        await to_thread.run_sync(publish.from_thread, frame)
        await publish.forward(Sealed(frame, 7, 123_456_789, b""))

    envelopes = await stage.played(act)
    assert [shown(each) for each in envelopes] == [SHAPED] * 3
    assert [each.sequence for each in envelopes] == [1, 2, 3]
    assert envelopes[2].captured_unix_ns == 123_456_789


async def test_pixels_are_shaped_before_they_are_encoded() -> None:
    """Once; whether a source encodes them itself or has them encoded; others see the shaped ones."""
    stage = Stage(**SHAPE)
    stage.pixels.recent.of("frame/cam", b"")  # keeps pixels from now on

    async def act(publish: Publish) -> None:
        await publish(stage.pixels.frame(Pixels.of_image(corners())))
        stage.pixels.publish(corners(), send=publish.from_thread)
        stage.pixels.wait("")
        assert not stage.pixels.is_pending("")

    first, second = await stage.played(act)
    assert shown(first) == shown(second) == SHAPED
    assert isinstance(second.message, Frame)
    kept = stage.pixels.recent.of("frame/cam", second.message.data)
    assert kept is not None
    assert kept.size == (4, 6)


async def test_updates_get_their_labels() -> None:
    """Their numbers and times stay, when nothing else changes them."""
    stage = Stage(rename="room/{id}", tags=["lab"], location={"x": 1.5})

    async def act(publish: Publish) -> None:
        await publish(Peripheral("knob", 1), captured_unix_ns=123_456_789_000)
        await publish(Peripheral("knob", 2))

    first, second = await stage.played(act)
    assert (first.topic, first.sequence, first.captured_unix_ns) == (
        "peripheral/room/knob",
        1,
        123_456_789_000,
    )
    assert isinstance(second.message, Peripheral)
    assert second.message.tags == (Tag("lab"),)
    assert second.message.location == Location(1.5, 0, 0)


async def test_a_burst_is_its_first_and_its_last_value() -> None:
    """The last one comes although nothing follows it, with the time at which it was captured."""
    stage = Stage(every="50ms")
    captured: list[int] = []

    async def act(publish: Publish) -> None:
        for number in range(10):
            captured.append(stage.kernel.publisher.clock.unix_ns())
            await publish(Peripheral("knob", number))
        await anyio.sleep_forever()

    async with stage.playing(act):
        await until(lambda: len(stage.envelopes) == 2)
    assert values(stage.envelopes) == [0, 9]
    assert abs(stage.envelopes[1].captured_unix_ns - captured[-1]) < 40_000_000
    assert stage.given_up == [("every", "peripheral/knob", 8)]


async def test_values_of_a_thread_are_released_too() -> None:
    """The event loop wakes for them."""
    stage = Stage(every="20ms")

    async def act(publish: Publish) -> None:
        for number in range(3):
            await to_thread.run_sync(publish.from_thread, Peripheral("knob", number))
        await anyio.sleep_forever()

    async with stage.playing(act):
        await until(lambda: len(stage.envelopes) == 2)
    assert values(stage.envelopes) == [0, 2]


async def test_pixels_are_thinned_before_they_are_encoded() -> None:
    """The newest survives."""
    stage = Stage(every="1h", rename="cam")

    async def act(publish: Publish) -> None:
        for side in (1, 2, 3):
            stage.pixels.publish(Image.new("L", (side, side)), send=publish.from_thread)
        stage.pixels.wait("")

    async with stage.playing(act):
        await until(lambda: len(stage.envelopes) == 2)
    assert [each.message[3] for each in stage.envelopes] == [1, 3]
    assert stage.given_up == [("every", "frame/cam", 1)]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_source_that_ends_or_fails_loses_no_value(*, fails: bool) -> None:
    """What is held is published at once."""
    stage = Stage(every="1h")

    async def act(publish: Publish) -> None:
        await publish(Peripheral("knob", 1))
        await publish(Peripheral("knob", 2))
        if fails:
            raise OSError("unplugged")

    async with stage.playing(act):
        await until(lambda: stage.kernel.stats().sources[0].state in ("ended", "failed"))
    assert values(stage.envelopes)[:2] == [1, 2]
    assert fails == ("OSError: unplugged" in stage.kernel.stats().sources[0].last_error)


async def test_what_a_cancelled_source_holds_is_counted() -> None:
    """So that nothing is lost in silence."""
    stage = Stage(every="1h")

    async def act(publish: Publish) -> None:
        await publish(Peripheral("knob", 1))
        await publish(Peripheral("knob", 2))
        await anyio.sleep_forever()

    async with stage.playing(act):
        await until(lambda: stage.envelopes)
        await stage.kernel.remove_source("it")
    assert (values(stage.envelopes), stage.given_up) == ([1], [("shutdown", "peripheral/knob", 1)])


async def test_what_is_the_same_is_left_out_and_counted() -> None:
    """Also of what comes from another bus, whose numbers then have no gap; a refused value is no value."""
    stage = Stage(on_change=True)

    async def act(publish: Publish) -> None:
        with pytest.raises((TypeError, ValueError)):
            await publish(Peripheral("knob", object()))
        numbers = [await publish(Peripheral("knob", value)) for value in (1, 1, 2, 2)]
        assert numbers == [1, 0, 2, 0]
        for number in (10, 20):
            message = Peripheral("other", 5)
            prepared = StreamCodec().prepare(message)
            await publish.forward(Sealed(message, number, 1, StreamCodec().seal(prepared, number, 1)))

    assert values(await stage.played(act)) == [1, 2, 5]
    assert [each.sequence for each in stage.envelopes] == [1, 2, 1]
    assert stage.given_up == [("on_change", "peripheral/knob", 2), ("on_change", "peripheral/other", 1)]


@pytest.mark.parametrize(
    ("given", "became"),
    [("JPEG", "image/jpeg"), ("WEBP", "image/webp"), *([("AVIF", "image/png")] if HAS_AVIF else [])],
)
async def test_a_shaped_picture_keeps_its_format(given: str, became: str) -> None:
    """But for AVIF, which is not encoded here: it becomes what `pixels.format` says."""
    stage, file = Stage(scale=[2, 1]), io.BytesIO()
    corners().save(file, given)
    media_type = f"image/{given.lower()}"

    async def act(publish: Publish) -> None:
        await publish(Frame(file.getvalue(), "", media_type, 4, 2))

    [envelope] = await stage.played(act)
    assert isinstance(envelope.message, Frame)
    assert envelope.message[2:] == (became, 2, 1)
    assert Image.open(io.BytesIO(envelope.message.data)).get_format_mimetype() == became


async def test_pictures_are_compared_as_they_are_shown() -> None:
    """What differs outside of the crop is the same; the event loop does not wait for the decoder."""
    stage = Stage(crop=[0, 0, 2, 2], on_change=True)
    other = corners()
    other.paste((0, 255, 0), (2, 0, 4, 2))
    threads: set[int] = set()
    reshaped = stage.outlet.chain.reshaped

    def noted(frame: Frame, settings: PixelSettings) -> Frame:
        threads.add(threading.get_ident())
        return reshaped(frame, settings)

    stage.outlet.chain.reshaped = noted  # type: ignore[method-assign]

    async def act(publish: Publish) -> None:
        for image in (corners(), other):
            await publish(Frame(png_of(image)))

    assert len(await stage.played(act)) == 1
    assert stage.given_up == [("on_change", "frame", 1)]
    assert threading.get_ident() not in threads


async def test_a_picture_that_cannot_be_shaped_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """The source gets the error, and goes on; pixels are counted, and the log names the source."""
    stage, file = Stage(crop=[0, 0, 5, 1]), io.BytesIO()
    corners().save(file, "PNG")

    async def act(publish: Publish) -> None:
        with pytest.raises(ValueError, match="reaches beyond a picture of 4 x 2"):
            await publish(Frame(file.getvalue()))
        stage.pixels.publish(corners(), send=publish.from_thread)
        stage.pixels.wait("")

    assert await stage.played(act) == []
    assert stage.given_up == [("failed", "frame", 1)]
    assert "source 'it': transforms: crop = [0, 0, 5, 1] reaches beyond" in caplog.text


async def test_a_source_keeps_its_capabilities() -> None:
    """The kernel passes commands on, and tells its position."""
    stage = Stage(rename="a")

    async def act(publish: Publish) -> None:
        await anyio.sleep_forever()

    source = transformed(Scripted(act), stage.outlet)
    assert isinstance(source, TakesCommands)
    assert isinstance(source, Plays)
    assert source.playback() == Playback(1, 2, 3, paused=False, loops=0)
    source.command(Control("blink", {}, ClientIdentity("browser", 1, "here")))
    inner: Any = source
    assert inner.source.obeyed == ["blink"]


async def test_a_profile_transforms_its_sources(tmp_path: Path) -> None:
    """By its settings alone; a source without them is not wrapped."""
    (tmp_path / "a.jsonl").write_text('{"id": "knob", "data": 1}\n' * 5)
    source = {"type": "jsonl", "path": str(tmp_path / "a.jsonl")}
    wanted = {"rename": "lab/{id}", "on_change": True}
    sources = {"demo": {"enabled": False}, "plain": source, "changed": {**source, "transforms": wanted}}
    sinks = {"browser": {"enabled": False}}
    profile = load_profile(InstalledAdapters(), environ={}, overrides={"sources": sources, "sinks": sinks})
    builder = Builder(profile)
    assert type(builder.source("plain")).__name__ == "JsonlSource"
    builder.add_all()
    with anyio.fail_after(20):
        await builder.kernel.run()
    last = {(each.topic, each.sequence) for each in builder.kernel.publisher.last_values()}
    assert last == {("peripheral/knob", 5), ("peripheral/lab/knob", 1)}
    assert builder.kernel.stats().given_up == (GivenUp("on_change", "peripheral/lab/knob", 4),)
