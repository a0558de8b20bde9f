"""PNG files, their pixels, and palettes."""

import random
import zlib

import pytest
from PIL import Image

from beats.pictures.conversion import MAX_PX
from beats.proto.encode import PNG_SIGNATURE
from beats.recordings.export.gif import to_palette
from beats.recordings.export.png import (
    PALETTE,
    RGB,
    RGBA,
    Form,
    FrameError,
    Header,
    check,
    data_bytes,
    decode,
    fitted,
    take_apart,
)
from tests.recordings.export.material import (
    BLUE,
    GREEN,
    RED,
    assembled,
    pixels,
    plain,
    plain_png,
    png,
    without_data,
)
from tests.support import tiny_png

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def built(header: Header, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    return assembled((b"IHDR", header.packed()), *chunks, (b"IDAT", zlib.compress(data)))


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
    passes = "0088 4088 0448 2044 0224 1022 0112"
    expected = 0
    for column, row, across, down in (map(int, each) for each in passes.split()):
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
        (assembled(), "IDAT is missing"),
        (assembled((b"IDAT", b"")), "header is missing"),
        (built(Header(0, 1, 8, RGB), b""), "does not define"),
        (built(Header(1, 1, 4, RGBA), b""), "does not define"),
        (built(Header(1, 1, 8, 5), b""), "does not define"),
        (built(Header(MAX_PX + 1, 1, 8, RGB), b""), "pixels"),
        (built(Header(1, 1, 8, PALETTE), b""), "palette is missing"),
        (plain_png(RED).replace(b"\x08\x02\0\0\0", b"\x08\x06\0\0\0"), "checksum of its IHDR"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(data: bytes, said: str) -> None:
    """A file that is cut, not PNG, or has an impossible header is refused with the reason."""
    with pytest.raises(FrameError, match=said):
        take_apart(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (without_data(plain_png(RED)), "too early"),
        (built(Header(2, 2, 8, RGB), b"\0" * 13), "too early"),
        (built(Header(2, 2, 8, RGB), b"\0" * 1_000_000), "more data"),
        (tiny_png().replace(b"IDATx", b"IDATy"), "checksum of its IDAT"),
        (assembled((b"IHDR", Header(1, 1, 8, 0).packed()), (b"IDAT", b"no")), "damaged"),
    ],
)
def test_data_that_no_decoder_accepts_is_refused(data: bytes, said: str) -> None:
    """Wrong checksums and data that is cut, damaged, too short or far too long are found without decoding."""
    found = take_apart(data)
    with pytest.raises(FrameError, match=said):
        check(found)


def test_a_picture_in_many_chunks_is_whole() -> None:
    """The data may be split into IDAT chunks anywhere."""
    rng = random.Random(1)
    data = zlib.compress(b"".join(b"\0" + rng.randbytes(300) for _ in range(100)))
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    header = Header(100, 100, 8, RGB).packed()
    check(take_apart(assembled((b"IHDR", header), *((b"IDAT", each) for each in pieces))))


def test_bytes_beyond_the_last_row_are_passed_over() -> None:
    """Some encoders write a little more data than rows."""
    check(take_apart(built(Header(1, 1, 8, 0), b"\0\0and more")))


def of_colours(colours: list[tuple[int, int, int]], size: tuple[int, int] = (32, 32)) -> Image.Image:
    rng = random.Random(len(colours))
    rest = size[0] * size[1] - len(colours)
    all_of_them = [*colours, *(rng.choice(colours) for _ in range(rest))]
    return Image.frombytes("RGB", size, b"".join(map(bytes, all_of_them)))


CLOSE = [(r, g, b) for r in range(8) for g in range(8) for b in range(4)]


def test_a_picture_is_decoded_to_rgb_or_rgba() -> None:
    """Opaque ones and palettes become RGB, transparent ones RGBA; deep greyscale is reduced to eight bits."""
    indexed = Image.new("P", (2, 1), 1)
    indexed.putpalette([0, 0, 0, *GREEN])
    assert decode(png(indexed)).getpixel((1, 0)) == GREEN
    assert decode(plain_png(RED)).getpixel((0, 0)) == RED
    assert decode(plain_png((1, 2, 3, 4))).getpixel((0, 0)) == (1, 2, 3, 4)
    assert decode(tiny_png(0x8000)).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("data", [b"", b"no PNG", plain_png(RED)[:60], without_data(plain_png(RED))])
def test_what_cannot_be_decoded_is_a_picture_error(data: bytes) -> None:
    """Any error of the decoder becomes this one."""
    with pytest.raises(FrameError):
        decode(data)


def test_a_picture_of_impossible_size_takes_no_memory() -> None:
    """The size in its header is checked before decoding."""
    with pytest.raises(FrameError, match="pixels"):
        decode(assembled((b"IHDR", Header(MAX_PX, 2, 8, 2).packed()), (b"IDAT", b"")))


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    """It is returned unchanged."""
    image = plain(RED)
    assert fitted(image, image.size) is image


def test_another_size_is_filled_in_proportion() -> None:
    """A square in a wide picture gets bars at its sides, black or transparent."""
    wide = fitted(plain(RED, (2, 2)), (8, 4))
    assert [wide.getpixel((x, 1)) for x in (0, 1, 2, 5, 6)] == [(0, 0, 0), (0, 0, 0), RED, RED, (0, 0, 0)]
    clear = fitted(plain((*RED, 255), (2, 2)), (8, 4))
    assert clear.getpixel((0, 0)) == (0, 0, 0, 0)


def test_enlarged_pixels_stay_crisp() -> None:
    """No new colours appear."""
    image = plain(RED, (2, 1))
    image.putpixel((1, 0), BLUE)
    large = fitted(image, (20, 10))
    assert {colour for _, colour in large.getcolors() or []} == {RED, BLUE}


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 255, 256])
def test_few_colours_are_exact(count: int) -> None:
    """Up to 256 colours are kept, however close they are to each other."""
    image = of_colours(random.Random(count).sample(CLOSE, count))
    mapped, clear, is_transparent = to_palette(image)
    assert mapped.convert("RGB").tobytes() == image.tobytes()
    assert (clear is None) == (count == 256)
    assert not is_transparent


def gradient(side_px: int) -> Image.Image:
    ramp = Image.linear_gradient("L").transform((side_px, side_px), Image.Transform.EXTENT, (0, 0, 256, 256))
    return Image.merge("RGB", [ramp, ramp.rotate(90), ramp.rotate(180)])


@pytest.mark.parametrize("side_px", [256, 600])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_many_colours_become_close_ones(side_px: int, has_alpha: bool) -> None:
    """The colours of a gradient change by a few steps at most, also in large pictures."""
    image = gradient(side_px)
    expected = image.tobytes()
    if has_alpha:
        image.putalpha(255)
        image.putpixel((0, 0), (0, 0, 0, 0))
    mapped, clear, is_transparent = to_palette(image)
    assert is_transparent == has_alpha
    errors = [abs(a - b) for a, b in zip(mapped.convert("RGB").tobytes(), expected, strict=True)][3:]
    assert sum(errors) / len(errors) < 6
    assert (mapped.getpixel((0, 0)) == clear) == has_alpha


def test_a_large_picture_of_few_colours_is_exact() -> None:
    """A single pixel with its own colour is kept among half a million others."""
    image = plain(RED, (800, 600))
    image.putpixel((123, 456), (254, 0, 0))
    assert to_palette(image).image.convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize("count", [1, 2, 200, 254])
def test_transparent_pixels_have_a_colour_of_their_own(count: int) -> None:
    """Below half alpha a pixel is transparent, otherwise it is opaque with its exact colour."""
    image = of_colours(random.Random(count).sample(CLOSE, count)).convert("RGBA")
    for x, alpha in enumerate([0, 127, 128, 254]):
        image.putpixel((x, 31), (9, 9, x, alpha))
    image.putpixel((2, 31), (*CLOSE[0], 128))
    image.putpixel((3, 31), (*CLOSE[0], 254))
    mapped, clear, is_transparent = to_palette(image)
    assert is_transparent
    assert [mapped.getpixel((x, 31)) == clear for x in range(4)] == [True, True, False, False]
    opaque = mapped.convert("RGB")
    opaque.paste((0, 0, 0), (0, 31, 4, 32))
    expected = image.convert("RGB")
    expected.paste((0, 0, 0), (0, 31, 4, 32))
    if count < 254:  # the two pixels may add a colour
        assert opaque.tobytes() == expected.tobytes()


def test_alpha_that_hides_nothing_is_no_transparency() -> None:
    """A picture whose pixels are all at least half opaque is treated as opaque."""
    mapped, _, is_transparent = to_palette(plain((*GREEN, 200)))
    assert not is_transparent
    assert pixels(mapped)[:4] == bytes([*GREEN, 255])
