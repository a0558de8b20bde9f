"""From pixels to files, and from one format to another: `beats.pictures.encoders`."""

import io
import struct
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.pictures import encoders
from beats.pictures.encoders import encode, transcode
from beats.pictures.formats import FORMATS, MEDIA_TYPES, Format, PictureError, identify
from beats.pictures.pixels import Pixels, copy_pixels
from tests.pictures.support import HAS_AVIF, Array, avif, decoded, picture, saved
from tests.support import TIMEOUT_S

SIDES: Final = st.integers(1, 60)
CHANNELS: Final = st.sampled_from([1, 3, 4])


def distance(one: Array, other: Array) -> float:
    """How far two pictures are apart: the mean of all channels of all pixels."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@settings(deadline=None)
@given(SIDES, SIDES, CHANNELS, st.integers(0, 9), st.booleans())
def test_png_keeps_every_pixel(width: int, height: int, channels: int, seed: int, has_isal: bool) -> None:
    """By isal and by Pillow alike, for Pillow's own decoder."""
    whole = picture(width, height, channels, seed)
    with pytest.MonkeyPatch.context() as patch:
        if not has_isal:
            patch.setattr(encoders, "_FAST", None)
        data = encode(copy_pixels(whole))
    assert np.array_equal(decoded(data), whole)
    assert identify(data) == ("image/png", width, height)


@pytest.mark.skipif(encoders._FAST is None, reason="isal has no wheel for this machine")  # pyright: ignore[reportPrivateUsage]
def test_png_has_the_three_chunks_that_it_needs() -> None:
    """With right lengths and checksums, and rows filtered as the standard says: read by hand."""
    whole = picture(7, 5)
    data = encode(copy_pixels(whole))
    at = 8
    chunks: dict[bytes, bytes] = {}
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunks[name] = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        assert crc == zlib.crc32(name + chunks[name])
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(5, 7 * 3 + 1)
    assert set(rows[:, 0]) == {2}
    assert np.array_equal(np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8), whole.reshape(5, -1))


@settings(deadline=None)
@given(SIDES, SIDES, CHANNELS, st.sampled_from(["jpeg", "webp"]))
def test_lossy_formats_look_alike(width: int, height: int, channels: int, form: Format) -> None:
    """The same size, and nearly the same colours; transparent parts are black in a JPEG."""
    whole = picture(width, height, channels)
    if channels == 4:
        whole[..., 3] = 255
        whole[: height // 2, :, 3] = 0
    found = decoded(encode(copy_pixels(whole), form, quality=95))
    assert found.shape[:2] == (height, width)
    if channels == 4 and form == "jpeg":
        whole = np.where(whole[..., 3:] == 0, np.uint8(0), whole[..., :3])
    if channels == 1 and form == "webp":
        whole = np.repeat(whole[..., None], 3, axis=-1)
    if channels == 4 and form == "webp":
        found, whole = (each[height // 2 :, :, :3] for each in (found, whole))
    assert distance(found, whole) < 12


def test_a_lower_quality_takes_fewer_bytes() -> None:
    """Of JPEG and WebP; PNG has none."""
    pixels = copy_pixels(picture(64, 64))
    for form in ("jpeg", "webp"):
        assert len(encode(pixels, form, 20)) < len(encode(pixels, form, 90))
    assert encode(pixels, "png", 20) == encode(pixels, "png", 90)


@settings(deadline=None)
@given(SIDES, SIDES, CHANNELS, st.sampled_from(FORMATS), st.integers(1, 80))
def test_max_width_scales_down_and_never_up(
    width: int, height: int, channels: int, form: Format, max_width: int
) -> None:
    """The height follows, and is at least one pixel."""
    pixels = copy_pixels(picture(width, height, channels))
    info = identify(encode(pixels, form, max_width=max_width))
    expected = (width, height)
    if max_width < width:
        expected = (max_width, max(1, round(height * max_width / width)))
    assert info == (MEDIA_TYPES[form], *expected)


def test_a_scaled_pixel_is_the_mean_of_those_that_it_covers() -> None:
    """So that single bright pixels of a wall do not flicker."""
    whole = np.zeros((4, 4, 3), np.uint8)
    whole[0, 0] = 200
    assert decoded(encode(copy_pixels(whole), max_width=2))[..., 0].tolist() == [[50, 0], [0, 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "avif"}, "format is 'avif'; it must be one of png, jpeg, webp"),
        ({"quality": 0}, "quality is 0; it must be from 1 to 100"),
        ({"quality": 101}, "quality is 101"),
        ({"max_width": 0}, "max_width is 0; it must be at least 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    """By both functions."""
    pixels = copy_pixels(picture(4, 4))
    with pytest.raises(PictureError, match=message):
        encode(pixels, **options)
    with pytest.raises(PictureError, match=message):
        transcode(encode(pixels), "image/png", **options)


@pytest.mark.parametrize(("form", "side"), [("webp", 16_383), ("jpeg", 65_500)])
def test_a_format_has_a_largest_side(form: Format, side: int) -> None:
    """The error names it; PNG takes any."""
    encode(Pixels(side, 1, "L", bytes(side), "L"), form)
    too_large = Pixels(1, side + 1, "L", bytes(side + 1), "L")
    with pytest.raises(PictureError, match=f"does not fit into {form}, which allows {side:,} pixels a side"):
        encode(too_large, form)
    assert identify(encode(too_large)) == ("image/png", 1, side + 1)


KINDS: Final = ["PNG", "JPEG", "WEBP", *(["AVIF"] if HAS_AVIF else [])]


@settings(deadline=None)
@given(
    st.sampled_from(KINDS), SIDES, SIDES, st.sampled_from(FORMATS), st.one_of(st.none(), st.integers(1, 70))
)
def test_any_format_becomes_any_other(
    kind: str, width: int, height: int, form: Format, max_width: int | None
) -> None:
    """In its own size or a smaller one, and looks alike."""
    whole = picture(width, height)
    data = saved(Image.fromarray(whole), kind, quality=95)
    found = transcode(data, f"image/{kind.lower()}", form, 95, max_width)
    size = (width, height)
    if max_width is not None and max_width < width:
        size = (max_width, max(1, round(height * max_width / width)))
    assert identify(found) == (MEDIA_TYPES[form], *size)
    if size == (width, height):
        assert distance(decoded(found), whole) < 20


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_any_mode_becomes_png(mode: str) -> None:
    """Palettes, grey with alpha and deep grey become the modes that are encoded."""
    image = Image.fromarray(picture(9, 7, 1)).convert(mode)
    found = decoded(transcode(saved(image, "PNG"), "image/png", "png"))
    expected = np.asarray(image.convert("L" if mode in ("1", "L") else "RGB")) if mode != "I;16" else None
    if expected is not None:
        assert np.array_equal(found[..., :3] if found.ndim == 3 else found, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("max_width", [None, 32])
def test_a_picture_is_turned_as_its_exif_data_says(orientation: int, max_width: int | None) -> None:
    """Cameras store their pictures as the sensor lies; what is left has no EXIF data any more."""
    whole = np.zeros((64, 96, 3), np.uint8)
    whole[:32, :48] = (250, 0, 0)
    whole[:32, 48:] = (0, 250, 0)
    whole[32:, :48] = (0, 0, 250)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(whole), "JPEG", quality=95, exif=exif, subsampling=0)
    found = decoded(transcode(data, "image/jpeg", "png", max_width=max_width)).astype(int)
    # Where each of the four corners has gone: EXIF's own table of rows and columns.
    corners = ["red", "green", "blue", "black"]
    right = {
        1: [0, 1, 2, 3], 2: [1, 0, 3, 2], 3: [3, 2, 1, 0], 4: [2, 3, 0, 1],
        5: [0, 2, 1, 3], 6: [2, 0, 3, 1], 7: [3, 1, 2, 0], 8: [1, 3, 0, 2],
    }  # fmt: skip
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (0, 0, 0): "black"}
    spots = [found[4, 4], found[4, -5], found[-5, 4], found[-5, -5]]
    seen = [names[spot[0] > 128, spot[1] > 128, spot[2] > 128] for spot in spots]
    assert seen == [corners[place] for place in right[orientation]]
    assert found.shape[1] == (max_width or (96 if orientation < 5 else 64))
    assert not Image.open(io.BytesIO(transcode(data, "image/jpeg", "jpeg"))).getexif()


def test_what_it_was_said_to_be_is_what_it_must_be() -> None:
    """A producer that names the wrong type is told so."""
    data = encode(copy_pixels(picture(4, 4)))
    with pytest.raises(PictureError, match="data is image/png, not image/webp"):
        transcode(data, "image/webp")
    assert identify(transcode(data, ""))[0] == "image/jpeg"


def test_an_older_pillow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot decode a format, the error says so."""
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.raises(PictureError, match=r"Pillow [0-9.]+ cannot decode image/avif: update it"):
        transcode(avif(5, 7), "image/avif")


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_damaged_files_raise_nothing_else(kind: str, draw: st.DataObject) -> None:
    """Cut or changed anywhere, they are decoded or refused."""
    data = bytearray(saved(Image.fromarray(picture(30, 20)), kind))
    for _ in range(draw.draw(st.integers(0, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    try:
        found = transcode(cut, "", "png", max_pixels=1 << 20)
    except PictureError:
        return
    assert identify(found)


def test_a_decompression_bomb_is_not_decoded() -> None:
    """Its header is enough to refuse it: no memory is taken."""
    rows = zlib.compress(bytes(1 << 20), 9)
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))
    bomb += struct.pack(">I", len(rows)) + b"IDAT" + rows + struct.pack(">I", zlib.crc32(b"IDAT" + rows))
    tracemalloc.start()
    with pytest.raises(PictureError, match="3,600,000,000 pixels; at most 67,108,864"):
        transcode(bomb, "image/png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


BIG: Final = picture(1280, 720)
BIG_JPEG: Final = saved(Image.fromarray(BIG), "JPEG")


@pytest.mark.parametrize(
    "work",
    [
        lambda: encode(copy_pixels(BIG)),
        lambda: encode(copy_pixels(BIG), "jpeg"),
        lambda: encode(copy_pixels(BIG), "webp"),
        lambda: transcode(BIG_JPEG, "image/jpeg", "jpeg", max_width=480),
    ],
    ids=["png", "jpeg", "webp", "transcode"],
)
def test_other_threads_run_while_a_picture_is_encoded(work: Callable[[], object]) -> None:
    """The interpreter is released meanwhile.

    No thread is made to give it up here, so that the other one runs only when the encoder lets it.
    """
    ticks = [0]
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            time.sleep(1e-5)
            ticks[0] += 1

    other = threading.Thread(target=tick)
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        other.start()
        end_s = time.monotonic() + TIMEOUT_S
        while True:
            before = ticks[0]
            work()
            if ticks[0] > before:
                break
            assert time.monotonic() < end_s, "it was held all the time"
            time.sleep(0.001)
    finally:
        done.set()
        other.join()
        sys.setswitchinterval(interval_s)


def test_jpeg_without_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux has them; elsewhere a temporary file does as well."""
    pixels = copy_pixels(picture(20, 10))
    expected = encode(pixels, "jpeg")
    monkeypatch.delattr("os.memfd_create", raising=False)
    assert encode(pixels, "jpeg") == expected
