"""Frames in the variants that consumers ask for: `beats.pictures.variants`."""

import logging
import threading
from collections.abc import Iterator
from typing import Any, Final, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint
from PIL import Image

from beats.kernel.envelope import Envelope, Frame, topic_of
from beats.pictures.errors import PictureError
from beats.pictures.pixels import Pixels
from beats.pictures.recent import RecentPixels
from beats.pictures.variants import Lost, TooManyVariants, Variant, Variants
from tests.pictures.support import Decodings, Gate, decoded
from tests.support import CODEC, TIMEOUT_S, png_of

pytestmark = pytest.mark.anyio

SMALL: Final = Variant("jpeg", 70, max_width=8)


@pytest.fixture
def anyio_backend() -> str:
    """The service belongs to an event loop of asyncio."""
    return "asyncio"


@pytest.fixture
def variants() -> Iterator[Variants]:
    """With one thread, so that what waits can be told."""
    made = Variants("encoder", workers=1, max_variants=2)
    yield made
    made.close()


class Seen:
    """What a consumer is told."""

    def __init__(self) -> None:
        self.results: Final[list[tuple[int, Envelope | Lost]]] = []

    def __call__(self, envelope: Envelope, result: Envelope | Lost) -> None:
        self.results.append((envelope.sequence, result))

    async def all(self, count: int) -> list[tuple[int, Envelope | Lost]]:
        """The results, once there are so many."""
        with anyio.fail_after(TIMEOUT_S):
            while len(self.results) < count:  # noqa: ASYNC110 - the service's callback has no event
                await anyio.sleep(0.001)
        return self.results

    async def outcomes(self, count: int) -> list[tuple[int, str]]:
        """The same with `done` in place of an envelope."""
        results = await self.all(count)
        return [(number, result if isinstance(result, str) else "done") for number, result in results]


def envelope(sequence: int, data: bytes = b"", **fields: Any) -> Envelope:
    """An envelope around a PNG of 16 x 4, with the bytes that it would have on the wire."""
    frame = Frame(data or png_of(Image.new("RGB", (16, 4), (sequence, 0, 0))), **fields)
    encoded = CODEC.seal(CODEC.prepare(frame), sequence, 1000 + sequence)
    return Envelope("frame", topic_of(frame), sequence, 1000 + sequence, 2000 + sequence, frame, encoded)


async def test_a_frame_is_encoded_once_for_all_consumers_of_a_variant(variants: Variants) -> None:
    """They get the same envelope, with sequence, times and id of the original, and its bytes on the wire."""
    one, two, original = Seen(), Seen(), envelope(7, id="cam")
    with variants.open(SMALL, one) as first, variants.open(SMALL, two) as second:
        first.submit(original)
        second.submit(original)
        ((_, result),) = await one.all(1)
        assert (await two.all(1))[0][1] is result
        late = Seen()
        with variants.open(SMALL, late) as third:
            third.submit(original)
            assert (await late.all(1))[0][1] is result
    assert isinstance(result, Envelope)
    assert isinstance(result.message, Frame)
    assert result[:5] == original[:5]
    assert result.message[1:] == ("cam", "image/jpeg", 8, 2)
    assert decoded(result.message.data).shape == (2, 8, 3)
    sealed = CODEC.decode(result.encoded)
    assert (sealed.message, sealed.sequence, sealed.captured_unix_ns) == (result.message, 7, 1007)
    assert variants.metrics()["variant_frames_total"] == 1


async def test_a_frame_is_decoded_once_for_several_variants(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each gets it in its own form."""
    counter, seen, shown = Decodings(monkeypatch), Seen(), envelope(1)
    with variants.open(SMALL, seen) as small, variants.open(Variant("webp"), seen) as large:
        for stream in (small, large):
            stream.submit(shown)
        _, results = zip(*await seen.all(2), strict=True)
        frames = [each.message for each in results if isinstance(each, Envelope)]
        assert sorted(each[2:] for each in frames) == [("image/jpeg", 8, 2), ("image/webp", 16, 4)]
        assert counter.count == 1


async def test_pixels_that_the_program_has_published_are_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the second frame on: nothing is kept before somebody asks, and only the newest of each topic."""
    published, counter, seen = RecentPixels(), Decodings(monkeypatch), Seen()
    made = Variants("published", workers=1, max_variants=1, published=published)
    pixels = Pixels.of_image(Image.new("RGB", (16, 4), (0, 200, 0)))
    with made.open(SMALL, seen) as stream:
        for number in (1, 2, 3):
            frame = cast("Frame", (shown := envelope(number)).message)
            published.keep("frame", frame.data, pixels)
            stream.submit(shown)
            await seen.all(number)
            assert counter.count == 1
        stream.submit(other := envelope(4))  # not what was kept
        await seen.all(4)
        assert counter.count == 2
    shades = [
        decoded(cast("Frame", cast("Envelope", result).message).data)[0, 0] for _, result in seen.results
    ]
    assert [shade[1] > 190 for shade in shades] == [False, True, True, False]
    published.keep("frame", cast("Frame", other.message).data, pixels)
    assert published.of("frame", cast("Frame", other.message).data) is None
    made.close()


async def test_only_the_newest_frame_of_each_topic_and_variant_waits(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is skipped is told; a consumer that asks for a skipped frame later is told so too."""
    gate, small, large = Gate(monkeypatch), Seen(), Seen()
    with variants.open(SMALL, small) as first, variants.open(Variant("webp"), large) as second:
        first.submit(envelope(1))
        await gate.entered()
        for number in (2, 3, 4):
            first.submit(envelope(number))
        first.submit(envelope(1, id="cam"))
        second.submit(envelope(2))
        await checkpoint()  # they are handed over in the next turn of the loop
        gate.open.release(4)
        assert sorted(await small.outcomes(5)) == [
            (1, "done"),
            (1, "done"),
            (2, "encoder"),
            (3, "encoder"),
            (4, "done"),
        ]
        assert [number for number, _ in small.results if number < 2 or number > 3] in ([1, 4, 1], [1, 1, 4])
        assert await large.outcomes(1) == [(2, "done")]
        first.submit(envelope(3))
        assert (await small.outcomes(6))[5] == (3, "encoder")
    await variants.drain()


async def test_a_damaged_picture_is_told_and_harms_no_other(
    variants: Variants, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged; the next one comes through, and nobody has it decoded again."""
    seen, good = Seen(), envelope(2)
    assert isinstance(good.message, Frame)
    with caplog.at_level(logging.ERROR), variants.open(SMALL, seen) as stream:
        stream.submit(bad := envelope(1, good.message.data[:40]))
        stream.submit(good)
        assert (await seen.outcomes(2))[-1] == (2, "done")
        assert seen.results[0][1] in ("format", "encoder")  # it may have been overtaken
        stream.submit(bad := envelope(3, good.message.data[:40]))
        stream.submit(bad)
        assert (await seen.outcomes(4))[2:] == [(3, "format"), (3, "format")]
        with pytest.raises(PictureError, match="frame cannot be shown as jpeg of quality 70, at most 8 pix"):
            await variants.convert(bad, SMALL)
    assert "data cannot be decoded as image/png" in caplog.text


async def test_no_more_variants_are_in_use_than_allowed(variants: Variants) -> None:
    """Those of full size do not count; a variant that is in use can be shared."""
    seen, webp = Seen(), Variant("webp", 30)
    streams = [variants.open(SMALL, seen), variants.open(SMALL, seen), variants.open(webp, seen)]
    streams += [variants.open(Variant("png", quality), seen) for quality in (1, 100)]
    streams += [variants.open(Variant("jpeg"), seen), variants.open(Variant("webp"), seen)]
    why = r"\(max_variants = 2\): jpeg of quality 70, at most 8 pixels wide; webp of quality 30\. Ask "
    with pytest.raises(TooManyVariants, match=why):
        variants.open(Variant("jpeg", 84), seen)
    for stream in streams[:2]:
        stream.close()
    variants.open(Variant("jpeg", 84), seen).close()
    for stream in streams[2:]:
        stream.close()
    for variant in (Variant("jpeg", 1), Variant("jpeg", 2)):
        variants.open(variant)


async def test_single_frames_need_no_room_and_take_none(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit, one is encoded after the other."""
    gate, seen = Gate(monkeypatch), Seen()
    for variant in (SMALL, Variant("jpeg", 1)):
        variants.open(variant, seen)
    async with anyio.create_task_group() as group:
        for quality in (2, 3, 4):
            group.start_soon(variants.convert, envelope(1, id=str(quality)), Variant("jpeg", quality))
        await gate.entered()
        assert len(variants._in_use) == 3  # pyright: ignore[reportPrivateUsage] - who waits is not told
        with pytest.raises(TooManyVariants):
            variants.open(Variant("jpeg", 2), seen)
        gate.open.release(3)
    assert variants.metrics()["variant_frames_total"] == 3


async def test_what_nobody_waits_for_is_not_encoded(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame can still be had by one who comes later."""
    gate, seen, later = Gate(monkeypatch), Seen(), Seen()
    with variants.open(SMALL, seen) as stays:
        stays.submit(envelope(1))
        await gate.entered()
        with variants.open(SMALL, seen) as goes:
            goes.submit(still := envelope(1, id="still"))
        gate.open.release(2)
        await seen.all(1)
        await variants.drain()
        assert variants.metrics()["variant_frames_total"] == 1
        with variants.open(SMALL, later) as stream:
            stream.submit(still)
            assert await later.outcomes(1) == [(1, "done")]
    assert variants.metrics()["variant_frames_skipped_total"] == 0


async def test_a_single_frame_is_had_without_a_stream(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer one of its topic takes its place if it is encoded in its place."""
    gate, seen = Gate(monkeypatch), Seen()
    got: list[Envelope] = []

    async def convert(number: int) -> None:
        got.append(await variants.convert(envelope(number), SMALL))

    with anyio.fail_after(TIMEOUT_S), variants.open(SMALL, seen) as stream:
        stream.submit(envelope(1))
        await gate.entered()
        async with anyio.create_task_group() as group:
            group.start_soon(convert, 2)
            await anyio.wait_all_tasks_blocked()
            stream.submit(envelope(3))
            await checkpoint()
            gate.open.release(2)
    assert [each.sequence for each in got] == [3]


async def test_threads_end_when_the_service_is_closed() -> None:
    """Until the first frame there are none."""
    made = Variants("closing", workers=2, max_variants=1)

    def threads() -> int:
        return sum(thread.name.startswith("beats-closing") for thread in threading.enumerate())

    assert threads() == 0
    await made.convert(envelope(1), SMALL)
    assert threads() == 2
    made.adjust(3, 1)
    assert threads() == 3
    await anyio.to_thread.run_sync(made.close)
    assert threads() == 0
    await made.convert(envelope(1), SMALL)
    made.close()
