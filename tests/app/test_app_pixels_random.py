"""Random pixels come back through a real viewer, and random garbage disturbs nobody."""

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.app import Stream
from beats.kernel.envelope import Frame
from beats.pictures.pixels import Order
from tests.adapters.sources.images.pictures import huge_png
from tests.pictures.support import Array, arrays, decoded, in_order, picture, zeros
from tests.support import Viewer, quiet, tiny_png, watching

CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4, "RGBX": 4}
SMALL: Final = picture(8, 6)


class OnAir(NamedTuple):
    """A stream with a viewer of all pictures."""

    stream: Stream
    viewer: Viewer

    def frame(self, topic: str) -> Frame:
        """The next frame of a picture."""
        message = self.viewer.until(lambda envelope: envelope.topic == topic).message
        assert isinstance(message, Frame)
        return message


@pytest.fixture(scope="module")
def on_air() -> Generator[OnAir]:
    with (
        Stream.open(overrides=quiet(browser={"queue": {"size": 4096}})) as stream,
        watching(f"{stream.sinks['browser'].address.url}?topics=*&formats=png") as viewer,
    ):
        stream.publish_peripheral("begin", 1)
        viewer.until(lambda envelope: envelope.topic == "peripheral/begin")
        yield OnAir(stream, viewer)


SHARED: Final = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SHARED
@given(arrays(), st.sampled_from(["rgb", "bgr"]), st.sampled_from(["", "cam-1"]), st.booleans())
def test_any_array_is_seen_as_it_was(
    on_air: OnAir, view: Array, order: Order, id_: str, is_reversed: bool
) -> None:
    """Strides, negative ones too, modes and orders: the viewer's PNG is equal to the last bit."""
    if is_reversed:
        view = view[..., ::-1]
    on_air.stream.publish_pixels(view, order=order, id=id_)
    frame = on_air.frame(f"frame/{id_}" if id_ else "frame")
    assert np.array_equal(decoded(frame.data), in_order(view, order))


@SHARED
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(list(CHANNELS)), st.data())
def test_any_bytes_are_seen_as_they_were(
    on_air: OnAir, width: int, height: int, mode: Any, draw: st.DataObject
) -> None:
    """In every mode; RGBX without its fourth channel."""
    length = width * height * CHANNELS[mode]
    data = draw.draw(st.binary(min_size=length, max_size=length))
    on_air.stream.publish_pixels(data, size=(width, height), mode=mode)
    whole = np.frombuffer(data, np.uint8).reshape(height, width, -1)
    shown = whole[..., :3] if mode == "RGBX" else whole
    assert decoded(on_air.frame("frame").data).tobytes() == shown.tobytes()


def damaged(data: bytes, place: int, value: int) -> bytes:
    place %= len(data)
    return data[:place] + bytes([value]) + data[place + 1 :]


GARBAGE: Final = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=9),
    st.floats(),
    st.binary(max_size=99),
    st.lists(st.integers(), max_size=3),
    st.builds(damaged, st.just(tiny_png()), st.integers(0, 60), st.integers(0, 255)),
    st.builds(
        zeros,
        st.lists(st.integers(0, 5), max_size=4),
        st.sampled_from("?bBhHiIqQefdFDSUOM"),
    ),
)


@SHARED
@given(
    st.lists(
        st.tuples(
            GARBAGE,
            st.one_of(st.none(), st.tuples(st.integers(-2, 9), st.integers(-2, 9)), GARBAGE),
            st.one_of(st.sampled_from([None, "L", "RGB", "RGBX"]), GARBAGE),
            st.one_of(st.just("garbage"), st.integers(), st.none(), st.just("\ud800")),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_garbage_raises_the_documented_errors_and_disturbs_nobody(
    on_air: OnAir, calls: list[tuple[Any, Any, Any, Any]]
) -> None:
    """As pixels and as files: all that others publish meanwhile arrives, in order and without a gap."""
    stream, viewer = on_air
    for data, size, mode, id_ in calls:
        for publish, options in (
            (stream.publish_pixels, {"size": size, "mode": mode}),
            (stream.publish_frame, {"media_type": mode}),
        ):
            with suppress(TypeError, ValueError):
                publish(data, id=id_, **options)
            stream.publish_peripheral("knob", 1)
    stream.publish_pixels(SMALL, id="good")
    assert np.array_equal(decoded(on_air.frame("frame/good").data), SMALL)
    numbers = viewer.topics()["peripheral/knob"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {each.topic for each in stream.stats().given_up} <= {"frame/garbage"}


def test_decompression_bombs_are_refused_before_anything_is_copied(on_air: OnAir, tmp_path: Path) -> None:
    """A file whose header claims too many pixels, an image that was not decoded yet, an array of one byte."""
    bomb = huge_png(tmp_path / "bomb.png", 9_000)
    one_byte = np.broadcast_to(np.uint8(0), (60_000, 60_000, 3))
    with pytest.raises(ValueError, match="has 81,000,000 pixels; at most 67,108,864 are allowed"):
        on_air.stream.publish_frame(bomb.read_bytes())
    with (
        Image.open(bomb) as image,
        pytest.raises(ValueError, match="has 81,000,000 pixels; at most 67,108,864 are allowed"),
    ):
        on_air.stream.publish_pixels(image)
    with pytest.raises(ValueError, match="has 3,600,000,000 pixels; at most 67,108,864 are allowed"):
        on_air.stream.publish_pixels(one_byte)
