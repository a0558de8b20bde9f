"""What a program may give to `Stream`."""

from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy
import pytest

from beats.kernel.envelope import Frame, Location, Tag
from beats.runtime.arguments import captured, frame, peripheral
from tests.support import picture, tiny_png

PNG = tiny_png()


@pytest.mark.parametrize(
    "png_data",
    [
        PNG,
        bytearray(PNG),
        memoryview(PNG),
        memoryview(b"".join(bytes([byte, 0]) for byte in PNG))[::2],
        array("B", PNG),
        numpy.frombuffer(PNG, numpy.uint8),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_picture_may_be_any_bytes_like_object(png_data: Any) -> None:
    """It is converted to immutable bytes."""
    assert frame(png_data) == Frame(PNG, width=1, height=1)
    assert type(frame(png_data).data) is bytes


def test_bytes_are_not_copied() -> None:
    """A large frame costs no copy."""
    assert frame(PNG).data is PNG


@pytest.mark.parametrize("png_data", ["text", None, [1, 2]])
def test_anything_else_is_no_picture(png_data: Any) -> None:
    """The error names the actual and the accepted type."""
    with pytest.raises(TypeError, match=rf"data is {type(png_data).__name__}; it must be a PNG, JPEG"):
        frame(png_data)


@pytest.mark.parametrize(
    ("form", "media_type"), [(name, f"image/{name}") for name in ("png", "jpeg", "webp")]
)
def test_type_and_size_of_a_picture_are_read_from_it(form: str, media_type: str) -> None:
    """Whether or not its type is given."""
    data = picture(form, 6, 4)
    assert frame(data, "cam") == frame(data, "cam", media_type) == Frame(data, "cam", media_type, 6, 4)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GIF89a" + bytes(20), "data is a GIF: give one picture as PNG, JPEG, WebP or AVIF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "data is no whole PNG: its first chunk is not an IHDR"),
        (PNG[:20], "data is a PNG that is cut off"),
        (b"BM" + bytes(60), "data is a BMP: give a whole PNG"),
        (b"hello", "data is text that begins with 'hello'"),
        (b"", "data is empty"),
    ],
)
def test_what_no_viewer_can_draw_is_refused(data: bytes, why: str) -> None:
    """The error names what it is and what would be right."""
    with pytest.raises(ValueError, match=why):
        frame(data)


def test_a_media_type_must_be_that_of_the_data() -> None:
    """A wrong one would send a viewer to the wrong decoder."""
    with pytest.raises(
        ValueError, match="media_type is 'image/jpeg', but data is image/png: leave media_type out"
    ):
        frame(PNG, media_type="image/jpeg")


@pytest.mark.parametrize("unix_ns", [5, numpy.int64(5), numpy.uint32(5)])
def test_a_time_may_be_any_whole_number(unix_ns: Any) -> None:
    """It becomes an int."""
    assert captured(unix_ns) == 5
    assert type(captured(unix_ns)) is int
    assert captured(None) is None


@pytest.mark.parametrize("unix_ns", [1.7e18, True, "1700000000", datetime.now(UTC)])
def test_a_time_that_is_no_whole_number_is_a_type_error(unix_ns: Any) -> None:
    """The error names the type and the unit."""
    kind = type(unix_ns).__name__
    with pytest.raises(TypeError, match=rf"captured_unix_ns is {kind}; it must be an int, in nanoseconds"):
        captured(unix_ns)


def test_tags_may_be_tags_names_and_mappings() -> None:
    """In any collection, and in the same forms as in a line of `--stdin`."""
    given: list[Iterable[Any]] = [
        ["a", Tag("b", "c"), {"name": "d", "variant": "e", "metadata": {"f": "g"}}],
        (tag for tag in ("a", Tag("b", "c"), {"name": "d", "variant": "e", "metadata": {"f": "g"}})),
    ]
    for tags in given:
        assert peripheral("knob", 1, tags, None).tags == (Tag("a"), Tag("b", "c"), Tag("d", "e", {"f": "g"}))
    assert peripheral("knob", 1, (), None).tags == ()


@pytest.mark.parametrize("tags", ["abc", b"abc", {"name": "abc"}, Tag("abc"), 7, None])
def test_what_is_no_collection_of_tags_is_a_type_error(tags: Any) -> None:
    """A string is not a list of letters, and a tag is not a list of its fields."""
    with pytest.raises(TypeError, match=rf"tags is {type(tags).__name__}; it must be a list of tags"):
        peripheral("knob", 1, tags, None)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ([""], r"tags\[0\] must be an object with a name, or a text that is not empty"),
        (["a", {"nme": "b"}], r"tags\[1\] has an unknown key \"nme\": did you mean 'name'\?"),
        ([{"name": "a", "metadata": {"b": 1}}], r"tags\[0\]\.metadata\[\"b\"\] must be a text, but is 1"),
    ],
)
def test_a_wrong_tag_is_named(tags: Any, why: str) -> None:
    """The error gives its index."""
    with pytest.raises(ValueError, match=why):
        peripheral("knob", 1, tags, None)


def test_a_location_may_be_a_mapping() -> None:
    """In the same form as in a line of `--stdin`, and with a datetime."""
    now = datetime.now(UTC)
    assert peripheral("knob", 1, (), {"x": 1, "time": now}).location == Location(1.0, 0.0, 0.0, now)
    assert peripheral("knob", 1, (), Location(2)).location == Location(2)
    assert peripheral("knob", 1, (), None).location is None


@pytest.mark.parametrize("location", [{"x": "1"}, {"x": numpy.array([1])}, {"y": 10**400}])
def test_a_wrong_location_is_refused(location: Any) -> None:
    """The error names the axis."""
    with pytest.raises(ValueError, match=r"location\.[xy] must be a number, but is"):
        peripheral("knob", 1, (), location)
