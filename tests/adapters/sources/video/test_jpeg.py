"""Pictures of Motion JPEG, as cameras send them."""

import io

import pytest
from PIL import Image

from beats.adapters.sources.video.jpeg import STANDARD_TABLES, whole
from beats.pictures.errors import PictureError


def jpeg() -> bytes:
    """A small picture with all standard tables in use: colours, edges, noise."""
    file = io.BytesIO()
    Image.effect_noise((48, 32), 90).convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def without_tables(data: bytes) -> bytes:
    """As USB cameras and AVI files have it."""
    at, kept = 2, [data[:2]]
    while data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] != 0xC4:
            kept.append(data[at : at + length])
        at += length
    return b"".join(kept) + data[at:]


def test_missing_huffman_tables_are_put_in() -> None:
    """Those of the standard, which libjpeg writes too: the picture is the same pixel by pixel."""
    data = jpeg()
    bare = without_tables(data)
    assert len(bare) < len(data) - 400
    assert STANDARD_TABLES in whole(bare)
    shown = Image.open(io.BytesIO(whole(bare)))
    assert shown.tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_a_whole_picture_stays_as_it_is() -> None:
    """What a driver leaves behind its end is cut off."""
    data = jpeg()
    assert whole(data) == data == whole(data + bytes(100))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (jpeg()[:-2], "lacks its beginning or its end"),
        (jpeg()[2:], "lacks its beginning or its end"),
        (b"", "lacks its beginning or its end"),
        (b"\xff\xd8\xff\xd9", "no scan follows"),
        (b"\xff\xd8\xff\xe0\x00\x10AVI1\x01" + bytes(20) + b"\xff\xd9", "two fields: give size"),
    ],
)
def test_a_damaged_picture_is_refused(data: bytes, message: str) -> None:
    """It says what is missing."""
    with pytest.raises(PictureError, match=message):
        whole(data)
