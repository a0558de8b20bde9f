"""Cutting a stream of bytes into picture files."""

import io
import random
from typing import Any

import pytest
from PIL import Image

from beats.pictures.cutter import PictureCutter

MOST_BYTES = 20_000
PNG_START = b"\x89PNG\r\n\x1a\n"


def encoded(kind: str, number: int = 0, **options: Any) -> bytes:
    image = Image.frombytes("RGB", (40, 30), random.Random(number).randbytes(3600))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_thumbnail() -> bytes:
    """A JPEG with another whole JPEG in its EXIF segment."""
    inner = b"Exif\0\0" + encoded("JPEG")
    return b"\xff\xd8\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + encoded("JPEG")[2:]


def files() -> list[bytes]:
    return [
        encoded("PNG"),
        encoded("JPEG"),
        with_thumbnail(),
        encoded("JPEG", progressive=True, restart_marker_blocks=2),
        encoded("JPEG")[:-2] + b"\xff\xff\xff\xd9",  # with fill bytes
        encoded("WEBP"),
        encoded("PNG", 1),
    ]


@pytest.mark.parametrize("step", [1, 1000, 1_000_000])
def test_files_are_cut_where_they_end(step: int) -> None:
    """Wherever reads end: markers in segments, restarts and fill bytes are no ends."""
    data = b"".join(files())
    cutter = PictureCutter(MOST_BYTES)
    found = [cutter.feed(data[at : at + step]) for at in range(0, len(data), step)]
    assert [picture for cut in found for picture in cut.pictures] == files()
    assert [fault for cut in (*found, cutter.finish()) for fault in cut.faults] == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (b"\xff\xd8Hello, RIFF", "13 bytes belong to no PNG, JPEG or WebP file"),
        (encoded("PNG")[:2000], "a PNG is damaged: "),
        (encoded("JPEG")[:1000], "a JPEG is damaged: ff d8 in place of a marker"),
        (b"\xff\xd8\xff\xe0\0\x02GARBAGE", "a JPEG is damaged: 47 41 in place of a marker"),
        (PNG_START + b"\x7f\0\0\0IDAT", "a picture is larger than max_picture_bytes = 20,000"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 ", "a picture is larger than max_picture_bytes = 20,000"),
        (encoded("WEBP")[:100] + bytes(21_000), "bytes belong to no PNG, JPEG or WebP file"),
    ],
)
def test_the_picture_after_damage_is_found(damage: bytes, fault: str) -> None:
    """Also where the damaged one claims to go on; what was skipped is told."""
    whole = [encoded("JPEG", 1), encoded("PNG", 2)]
    cutter = PictureCutter(MOST_BYTES)
    cut = cutter.feed(damage + b"".join(whole))
    assert cut.pictures[-1] == whole[-1]
    assert any(fault in each for each in cut.faults), cut.faults


@pytest.mark.parametrize("start", [b"", PNG_START + b"\0\0\x40\0IDAT", b"\xff\xd8\xff\xda\0\x02"])
def test_a_stream_without_a_picture_takes_bounded_memory(start: bytes) -> None:
    """A picture that never ends is given up at its largest size, and what is no picture at once."""
    cutter = PictureCutter(MOST_BYTES)
    for _ in range(100):
        cutter.feed(start + bytes(5000))
        assert len(cutter._buffer) <= MOST_BYTES + 5000 + len(start)  # pyright: ignore[reportPrivateUsage] - memory has no other measure


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        (encoded("PNG")[:500], "the output ended within a picture, after 500 bytes of it"),
        (b"ffmpeg: no such filter", "22 bytes belong to no PNG, JPEG or WebP file"),
    ],
)
def test_what_is_left_at_the_end_is_told(rest: bytes, fault: str) -> None:
    """A picture that is cut off is not published."""
    cutter = PictureCutter(MOST_BYTES)
    assert cutter.feed(rest) == ([], [])
    assert cutter.finish() == ([], [fault])
