"""What a picture's bytes are: `beats.pictures.formats` and `headers`."""

import contextlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.pictures.formats import MAX_PIXELS, PictureError, header_of, identify
from tests.pictures.support import HAS_AVIF, avif, box, saved

SIDES: Final = st.integers(1, 70)


def sample(form: str, width: int = 23, height: int = 17, **options: object) -> bytes:
    return saved(Image.new("RGB", (width, height), (9, 99, 200)), form, **options)


def webp_chunk(name: bytes, content: bytes) -> bytes:
    chunk = struct.pack("<4sI", name, len(content)) + content
    return struct.pack("<4sI4s", b"RIFF", len(chunk) + 4, b"WEBP") + chunk


def png_header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + ihdr + struct.pack(">I", zlib.crc32(ihdr))


SAMPLES: Final = {
    "png": sample("PNG"),
    "jpeg": sample("JPEG"),
    "webp": sample("WEBP"),
    "avif": avif(23, 17),
}


def animated_png(pictures: int) -> bytes:
    """With a chunk before the one that says so."""
    chunks = b"\0\0\0\x04gAMA" + bytes(8) + b"\0\0\0\x08acTL" + pictures.to_bytes(4) + bytes(8)
    return png_header(5, 7)[:33] + chunks + SAMPLES["png"][33:]


@settings(deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), SIDES, SIDES, st.sampled_from(["L", "RGB", "RGBA", "P"]))
def test_type_and_size_of_what_pillow_writes(form: str, width: int, height: int, mode: str) -> None:
    """Media type, width and height are those with which the file was written."""
    image = Image.new("RGB" if form == "JPEG" and mode in ("RGBA", "P") else mode, (width, height))
    assert identify(saved(image, form)) == (f"image/{form.lower()}", width, height)


@pytest.mark.skipif(not HAS_AVIF, reason="this Pillow cannot write AVIF")
@pytest.mark.parametrize("size", [(1, 1), (23, 17), (640, 480)])
def test_type_and_size_of_an_avif_of_pillow(size: tuple[int, int]) -> None:
    """Read from the boxes that libavif writes, with transparency (an item of its own) and without."""
    for mode in ("RGB", "RGBA"):
        assert identify(saved(Image.new(mode, size), "AVIF", speed=10)) == ("image/avif", *size)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (sample("JPEG", progressive=True), (23, 17)),
        (sample("JPEG", exif=bytes(6) + b"x" * 60_000, icc_profile=b"p" * 200_000), (23, 17)),
        (b"\xff\xd8\xff\xff\xff" + sample("JPEG")[3:], (23, 17)),
        (sample("WEBP", lossless=True), (23, 17)),
        (sample("WEBP", exif=b"Exif\0\0"), (23, 17)),
        (webp_chunk(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 0x4000 + 640, 480)), (640, 480)),
        (webp_chunk(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14)), (640, 480)),
        (webp_chunk(b"VP8X", bytes(4) + struct.pack("<IH", 6999, 8999)[:3] + b"\x27\x23\0"), (7000, 9000)),
        (avif(640, 480), (640, 480)),
        (avif(640, 480, wide=True), (640, 480)),
        (avif(640, 480, brand=b"mif1"), (640, 480)),
        (png_header(5, 7, depth=16, colour=6, interlace=1), (5, 7)),
        (animated_png(1), (5, 7)),
    ],
    ids=lambda value: None if isinstance(value, bytes) else "x".join(map(str, value)),
)
def test_size_of_rarer_headers(data: bytes, size: tuple[int, int]) -> None:
    """Progressive, long metadata, fill bytes, lossless, extended; several items, long numbers; deep PNG."""
    assert identify(data)[1:] == size


@settings(deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_cut_file_has_its_size_or_is_refused(kind: str, draw: st.DataObject) -> None:
    """What is left of a file either has its whole header, or is called cut off, damaged or too short."""
    whole = SAMPLES[kind]
    cut = whole[: draw.draw(st.integers(0, len(whole)))]
    with contextlib.suppress(PictureError):
        assert identify(cut) == identify(whole)


@settings(deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255))))
def test_a_damaged_file_raises_nothing_else(kind: str, changes: list[tuple[int, int]]) -> None:
    """Whatever bytes are changed, there is an answer or a `PictureError`."""
    data = bytearray(SAMPLES[kind])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        info = identify(bytes(data))
    except PictureError:
        return
    assert 0 < info.width * info.height <= MAX_PIXELS


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:12] for data in SAMPLES.values())]))
def test_random_bytes_are_refused(rest: bytes, start: bytes) -> None:
    """Also behind the signature of a format."""
    with pytest.raises(PictureError, match=r"^(data is|a picture of) "):
        identify(start[:-1] + rest if start else b"\0" + rest)


def test_a_cut_header_says_how_much_there_was() -> None:
    """In bytes."""
    with pytest.raises(
        PictureError, match=r"a PNG that is cut off: its 20 bytes do not hold its whole header"
    ):
        identify(SAMPLES["png"][:20])


def damaged(kind: str, old: bytes, new: bytes) -> bytes:
    assert old in SAMPLES[kind]
    return SAMPLES[kind].replace(old, new, 1)


SOF: Final = b"\xff\xc0\0\x11\x08"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (damaged("png", b"\0\0\0\x17", b"\0\0\0\x18"), "checksum of its header"),
        (png_header(5, 7, depth=3), "invalid header: colour type 2, depth 3"),
        (png_header(5, 7, interlace=2), "interlace 2"),
        (png_header(0, 7), "0 x 7 has no pixels"),
        (png_header(1 << 31, 1), "invalid header: a size"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI" + bytes(30), "Apple"),
        (animated_png(2), "an animated PNG: give one picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "first chunk is not an IHDR"),
        (damaged("jpeg", SOF, b"\xff\xc3\0\x11\x08"), "browsers do not show .SOF3, 8 bits"),
        (damaged("jpeg", SOF, b"\xff\xc0\0\x11\x0c"), "browsers do not show .SOF0, 12 bits"),
        (damaged("jpeg", SOF, b"\xff\xc0\0\x10\x08"), "length of its frame header"),
        (damaged("jpeg", SOF + b"\0\x11", SOF + b"\0\0"), "leaves out its height"),
        (damaged("jpeg", SOF, b"\xff\xda\0\x11\x08"), "no frame header comes before"),
        (damaged("jpeg", SOF, b"\x00\xc0\0\x11\x08"), "in place of a marker"),
        (b"\xff\xd8\xff\xe0\0\x01", "a length of 1"),
        (b"\xff\xd8" + b"\xff\xe0\0\x02" * 2_000, "in its first 1,000 segments"),
        (SAMPLES["webp"][:-5], "WebP that is cut off: 1?[0-9,]+ bytes by its header"),
        (damaged("webp", b"\x9d\x01\x2a", b"\x9d\x01\x2b"), "key frame"),
        (webp_chunk(b"VP8L", b"\x2e" + bytes(4)), "lossless header"),
        (webp_chunk(b"ALPH", bytes(10)), "begins with a chunk b'ALPH'"),
        (webp_chunk(b"VP8X", b"\x02" + bytes(9)), "animated WebP: give one picture"),
        (webp_chunk(b"VP8 ", bytes(10)).replace(b"VP8 \x0a", b"VP8 \xff"), "longer than the file"),
        (avif(5, 7).replace(b"ispe", b"ixpe"), "does not tell the size"),
        (avif(5, 7).replace(b"meta", b"mxta"), "no box `meta`"),
        (avif(5, 7).replace(b"\0\0\0\x08free", b"\0\0\0\x02free"), "size of a box b'free'"),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"free") * 2_000, "more than 1,000 boxes"),
    ],
    ids=range(26),
)
def test_a_header_that_lies_is_refused(data: bytes, message: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(PictureError, match=message):
        identify(data)


@pytest.mark.parametrize(
    "data",
    [
        png_header(60_000, 60_000),
        damaged("jpeg", SOF + b"\0\x11\0\x17", SOF + b"\xff\xff\xff\xff"),
        avif(90_000, 90_000),
    ],
    ids=["png", "jpeg", "avif"],
)
def test_a_decompression_bomb_is_refused(data: bytes) -> None:
    """By what its header says, before anything is decoded; `max_pixels` sets the bound."""
    with pytest.raises(
        PictureError, match=r"at most 67,108,864 are allowed: make it smaller, or raise pixels\.max_pixels"
    ):
        identify(data)
    identify(data, max_pixels=1 << 34)


def test_max_pixels_is_the_last_that_is_allowed() -> None:
    """A picture of exactly so many passes."""
    identify(SAMPLES["png"], max_pixels=23 * 17)
    with pytest.raises(PictureError, match="391 pixels; at most 390"):
        identify(SAMPLES["png"], max_pixels=23 * 17 - 1)


def in_pillow(form: str) -> Callable[[], bytes]:
    return lambda: sample(form)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            in_pillow("GIF"),
            "a GIF: give one picture as PNG, JPEG, WebP or AVIF, or show the file with the source `images`",
        ),
        (in_pillow("BMP"), "a BMP: give a whole PNG, JPEG, WebP or AVIF file"),
        (in_pillow("TIFF"), "a TIFF"),
        (in_pillow("ICO"), "an icon"),
        (in_pillow("PDF"), "a PDF"),
        (in_pillow("PPM"), "a PNM"),
        (lambda: b"", "empty"),
        (lambda: b"\xff\xd8", "the beginning of a JPEG"),
        (lambda: b"<?xml version='1.0'?>\n<svg width='3'/>", "an SVG: draw it first"),
        (lambda: b"\n<SVG/>", "an SVG"),
        (lambda: b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (lambda: box(b"ftyp", b"heic", bytes(4), b"mif1heic"), "a HEIC"),
        (lambda: avif(5, 7, brand=b"avis"), "an animated AVIF: give one picture"),
        (lambda: box(b"ftyp", b"isom", bytes(4), b"mp42"), "an MP4 video"),
        (lambda: b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (lambda: b"\x1aE\xdf\xa3abc", "a WebM"),
        (lambda: b"RIFF\0\0\0\0AVI LIST", "a RIFF file"),
        (lambda: json.dumps({"image": 1}).encode(), "JSON"),
        (lambda: b"hello, world", "text that begins with 'hello, world'"),
        (lambda: b"iVBORw0KGgoAAAANSUhEUg==", "a picture as text: decode it first"),
        (lambda: b"data:image/png;base64,iVBO", "a picture as text: decode it first"),
        (lambda: b"\x93NUMPY\x01\0v\0", "publish_pixels"),
        (
            lambda: bytes(range(200, 240)),
            "an unknown format .it begins with c8 c9 ca cb cc cd ce cf.*publish_pixels",
        ),
    ],
    ids=range(23),
)
def test_anything_else_is_named(make: Callable[[], bytes], message: str) -> None:
    """The error says what was given, as far as its first bytes tell, and what would be right."""
    with pytest.raises(PictureError, match=f"^data is {message}|^data is .*{message}"):
        identify(make())


@pytest.mark.parametrize("data", [None, "text", 5, bytearray(b"x"), io.BytesIO()])
def test_only_bytes_are_taken(data: object) -> None:
    """Other types are named."""
    with pytest.raises(PictureError, match=f"data is {type(data).__qualname__}: give a whole PNG"):
        identify(data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_header_tells_all_that_is_known_of_a_picture(form: str) -> None:
    """Whatever follows it, the picture has the same type and size, and can be published."""
    data = sample(form)
    header = header_of(data, identify(data))
    assert header is not None
    other = header.start.ljust(header.mark_at, b"?") + header.mark + b"anything else"
    assert identify(other) == identify(data)


def test_a_header_is_not_known_where_later_bytes_decide() -> None:
    """A PNG with chunks before its pixels may be animated; a WebP says how long it is."""
    for data in (animated_png(1), sample("WEBP"), sample("JPEG", exif=b"Exif\0\0" + bytes(2000))):
        assert header_of(data, identify(data)) is None
