"""What payloads mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sources.mqtt.payloads import picture_of, value_of
from beats.kernel.envelope import Frame
from beats.pictures.formats import MAX_PIXELS
from tests.support import picture


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"21.5", 21.5),
        (b" 7\n", 7),
        (b"true", True),
        (b"null", None),
        (b"", None),
        (b'{"t": [1, "a"]}', {"t": [1, "a"]}),
        (b'"quoted"', "quoted"),
        (b"ON", "ON"),
        ("offen \u00e4".encode(), "offen ä"),
        (b"007", "007"),
        (b"21,5", "21,5"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b'{"t": NaN}', '{"t": NaN}'),
        (b"1e999", "1e999"),
        (b"[" * 100_000, "[" * 100_000),
        (b"1" * 5000, "1" * 5000),
        (b"RIFF is no picture", "RIFF is no picture"),
    ],
)
def test_a_payload_is_its_json_or_else_its_text(payload: bytes, value: object) -> None:
    """What JSON lacks stays text; an empty one is null."""
    assert picture_of(payload, MAX_PIXELS) is None
    assert value_of(payload) == value


def test_what_is_neither_text_nor_picture_is_refused() -> None:
    """It says how it begins."""
    with pytest.raises(ValueError, match=r"begins with b'\\x80\\x01'"):
        value_of(b"\x80\x01")


def test_a_picture_is_known_by_its_bytes() -> None:
    """With its size; one that is damaged or too large says so."""
    png = picture("png", 8, 4)
    assert picture_of(png, MAX_PIXELS) == Frame(png, "", "image/png", 8, 4)
    for broken, most, said in (
        (png[:20], 100, "cut off"),
        (png[:-20], 100, f"cut off after {len(png) - 20} bytes"),
        (png[:40] + bytes(4) + png[44:], 100, "a PNG is damaged"),
        (png, 31, "32 pixels"),
        (b"\xff\xd8\xff", 100, "JPEG"),
    ):
        with pytest.raises(ValueError, match=said):
            picture_of(broken, most)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: b"\x89PNG\r\n\x1a\n" + rest)))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    """Noise, and noise that begins as a picture."""
    found: Any = None
    try:
        found = picture_of(payload, MAX_PIXELS) or value_of(payload)
    except ValueError:
        return
    assert not isinstance(found, bytes)
