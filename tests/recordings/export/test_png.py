"""PNG files, taken apart."""

import random
import zlib

import pytest
from PIL import Image

from beats.kit.pixels import MAX_PX
from beats.proto.encode import PNG_SIGNATURE
from beats.recordings.export.png import (
    PALETTE,
    RGB,
    RGBA,
    Form,
    Header,
    PictureError,
    check,
    chunk,
    data_bytes,
    take_apart,
)
from tests.recordings.export.material import RED, plain, plain_png, png, without_data
from tests.support import tiny_png

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def built(header: Header, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    inner = b"".join(chunk(*each) for each in chunks)
    return (
        PNG_SIGNATURE
        + chunk(b"IHDR", header.packed())
        + inner
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("mode", MODES)
def test_whatever_an_encoder_writes_passes_the_check(mode: str) -> None:
    """All colour types and depths of Pillow, at a width that ends within a byte."""
    check(take_apart(png(Image.new(mode, (13, 7)))))


def test_the_parts_are_those_of_the_file() -> None:
    """Header, palette, transparency and data are unchanged, and the chunks keep their order."""
    image = Image.new("P", (5, 4), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    found = take_apart(png(image, transparency=1))
    assert found.form == Form(Header(5, 4, 1, PALETTE), b"\0\0\0\xff\0\0", b"\xff\0")
    assert [each.name for each in found.before] == [b"PLTE", b"tRNS"]
    rows = zlib.decompress(b"".join(each.data for each in found.data))
    assert rows.startswith(b"\0\xf8")
    assert len(rows) == 4 * 2


def test_transparency_is_told_by_colour_type_or_trns() -> None:
    """A picture is opaque if it has neither an alpha channel nor tRNS."""
    assert take_apart(plain_png((1, 2, 3, 255))).form.may_be_transparent
    assert take_apart(png(plain(RED), transparency=RED)).form.may_be_transparent
    assert not take_apart(plain_png(RED)).form.may_be_transparent


def test_a_truecolour_palette_is_a_suggestion() -> None:
    """PLTE in a truecolour picture does not change its form."""
    header = Header(1, 1, 8, RGB)
    assert take_apart(built(header, b"\0abc", (b"PLTE", b"xyz"))).form == Form(header)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (5, 3), (8, 8), (33, 17)])
@pytest.mark.parametrize("depth", [1, 8])
def test_interlaced_rows_are_counted_pass_by_pass(size: tuple[int, int], depth: int) -> None:
    """The seven passes contain each pixel once; passes without pixels have no rows."""
    width, height = size
    starts = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    expected = 0
    for column, row, across, down in starts:
        columns, rows = len(range(column, width, across)), len(range(row, height, down))
        expected += rows * (1 + (columns * depth + 7) // 8) if columns else 0
    assert data_bytes(Header(width, height, depth, 0, interlaced=1)) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "begin"),
        (b"GIF89a", "begin"),
        (PNG_SIGNATURE, "cut"),
        (plain_png(RED)[:-1], "cut"),
        (plain_png(RED)[:50], "cut"),
        (PNG_SIGNATURE + chunk(b"IEND", b""), "IDAT is missing"),
        (PNG_SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "header is missing"),
        (built(Header(0, 1, 8, RGB), b""), "does not define"),
        (built(Header(1, 1, 4, RGBA), b""), "does not define"),
        (built(Header(1, 1, 8, 5), b""), "does not define"),
        (built(Header(MAX_PX + 1, 1, 8, RGB), b""), "pixels"),
        (built(Header(1, 1, 8, PALETTE), b""), "palette is missing"),
        (plain_png(RED).replace(b"\x08\x02\0\0\0", b"\x08\x06\0\0\0"), "checksum of its IHDR"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_outside(data: bytes, said: str) -> None:
    """A file that is cut, not PNG, or has an impossible header is refused with the reason."""
    with pytest.raises(PictureError, match=said):
        take_apart(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (without_data(plain_png(RED)), "too early"),
        (built(Header(2, 2, 8, RGB), b"\0" * 13), "too early"),
        (built(Header(2, 2, 8, RGB), b"\0" * 1_000_000), "more data"),
        (tiny_png().replace(b"IDATx", b"IDATy"), "checksum of its IDAT"),
        (
            PNG_SIGNATURE
            + chunk(b"IHDR", Header(1, 1, 8, 0).packed())
            + chunk(b"IDAT", b"no")
            + chunk(b"IEND", b""),
            "damaged",
        ),
    ],
)
def test_what_no_decoder_gets_through_is_refused(data: bytes, said: str) -> None:
    """Wrong checksums and data that is cut, damaged, too short or far too long are found without decoding."""
    found = take_apart(data)
    with pytest.raises(PictureError, match=said):
        check(found)


def test_a_picture_in_many_chunks_is_whole() -> None:
    """The data may be split into IDAT chunks anywhere."""
    rng = random.Random(1)
    data = zlib.compress(b"".join(b"\0" + rng.randbytes(300) for _ in range(100)))
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    header = chunk(b"IHDR", Header(100, 100, 8, RGB).packed())
    check(
        take_apart(
            PNG_SIGNATURE + header + b"".join(chunk(b"IDAT", each) for each in pieces) + chunk(b"IEND", b"")
        )
    )


def test_bytes_beyond_the_last_row_are_passed_over() -> None:
    """Some encoders write a little more data than rows."""
    check(take_apart(built(Header(1, 1, 8, 0), b"\0\0and more")))
