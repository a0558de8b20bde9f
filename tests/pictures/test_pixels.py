"""One copy of the pixels that a program has: `beats.pictures.pixels`, `arrays` and `surfaces`."""

import array
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.pictures.arrays import gather
from beats.pictures.encoders import encode
from beats.pictures.errors import PictureError
from beats.pictures.pixels import GivenMode, Order, Pixels, copy_pixels
from tests.pictures.support import Array, arrays, decoded, in_order, picture, saved, zeros

CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4}


class Interface:
    """Shows an array by `__array_interface__` alone."""

    def __init__(self, whole: Array) -> None:
        self._whole = whole
        self.__array_interface__ = whole.__array_interface__


def shown(pixels: Pixels) -> Array:
    """What comes back through a PNG file."""
    data = encode(pixels, "png")
    found = decoded(data)
    assert found.shape[:2] == (pixels.height, pixels.width)
    return found


@pytest.fixture(params=["numpy", "no numpy"])
def numpy_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NumPy loaded, and as if the program had never loaded it."""
    if request.param == "no numpy":
        monkeypatch.delitem(sys.modules, "numpy")


@settings(deadline=None)
@given(arrays(), st.sampled_from(["rgb", "bgr"]), st.booleans(), st.booleans(), st.booleans())
def test_arrays_come_back_through_png(
    view: Array, order: Order, is_reversed: bool, has_numpy: bool, is_interface: bool
) -> None:
    """Any strides, modes and orders, with NumPy loaded and without, by buffer and by interface."""
    if is_reversed and view.ndim == 3:
        view = view[..., ::-1]
    source = Interface(view) if is_interface else view
    with pytest.MonkeyPatch.context() as patch:
        if not has_numpy:
            patch.delitem(sys.modules, "numpy")
        pixels = copy_pixels(source, order=order)
    expected = in_order(view, order)
    assert np.array_equal(shown(pixels), expected)
    assert np.array_equal(np.asarray(pixels.image()), expected)
    assert bytes(pixels.packed()) == expected.tobytes()


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(["L", "RGB", "RGBA"]), st.data())
def test_bytes_come_back_through_png(width: int, height: int, mode: GivenMode, draw: st.DataObject) -> None:
    """With a size; the mode may be left out."""
    length = width * height * CHANNELS[mode]
    data = draw.draw(st.binary(min_size=length, max_size=length))
    source = draw.draw(st.sampled_from([data, bytearray(data), memoryview(data), array.array("B", data)]))
    given_mode = mode if draw.draw(st.booleans()) else None
    pixels = copy_pixels(source, size=(width, height), mode=given_mode)
    assert pixels.mode == mode
    assert pixels.size == (width, height)
    assert shown(pixels).tobytes() == data


@pytest.mark.usefixtures("numpy_or_not")
def test_the_pixels_are_a_copy() -> None:
    """What the program draws next changes nothing."""
    for whole in (picture(8, 6), picture(8, 6)[::-1], picture(16, 6)[:, ::2], picture(8, 6)[..., ::-1]):
        before = whole.copy()
        pixels = copy_pixels(whole)
        whole[:] = 0
        assert np.array_equal(np.asarray(pixels.image()), before)


@pytest.mark.usefixtures("numpy_or_not")
def test_one_channel_may_have_a_dimension_of_its_own() -> None:
    """(height, width, 1) is grey, as (height, width) is."""
    whole = picture(8, 6, 1)
    assert copy_pixels(whole[..., None]).packed() == copy_pixels(whole).packed() == whole.tobytes()


def test_repeated_rows_and_columns_have_strides_of_zero() -> None:
    """As `numpy.broadcast_to` makes them."""
    row, column = picture(8, 1), picture(1, 6)
    for whole in (np.broadcast_to(row, (6, 8, 3)), np.broadcast_to(column, (6, 8, 3))):
        view = whole.__array_interface__
        source = Interface(whole)
        assert view["strides"] is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(sys.modules, "numpy")
            assert bytes(copy_pixels(source).packed()) == whole.tobytes()


def test_gathering_needs_no_more_memory_than_there_is() -> None:
    """A row that runs backwards ends before the first byte."""
    memory = memoryview(bytes(range(6)))
    assert gather(memory, 5, (1, 6, 1), (6, -1, 1)) == bytes(range(5, -1, -1))
    assert gather(memory, 5, (2, 1, 3), (-3, 3, -1)) == bytes(range(5, -1, -1))


@settings(deadline=None)
@given(
    st.sampled_from(["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "F", "LAB"])
)
def test_images_of_any_mode(mode: str) -> None:
    """PIL images become grey, colour, or colour with alpha."""
    image = Image.fromarray(picture(9, 7)).convert("L" if mode in ("PA", "LAB", "I;16", "F") else "RGB")
    image = Image.new(mode, (9, 7)) if mode in ("PA", "LAB") else image.convert(mode)
    pixels = copy_pixels(image)
    found = shown(pixels)
    assert pixels.mode in CHANNELS
    if mode in ("L", "RGB", "RGBA"):
        assert np.array_equal(found, np.asarray(image))
    if mode == "1":
        assert np.array_equal(found, np.asarray(image.convert("L")))


def test_an_image_with_a_transparent_colour_has_alpha() -> None:
    """As PNG files and GIFs name one."""
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    image.info["transparency"] = (1, 2, 3)
    pixels = copy_pixels(image)
    assert pixels.mode == "RGBA"
    assert [int(alpha) for alpha in shown(pixels)[0, :, 3]] == [0, 255]


def test_an_image_is_copied(tmp_path: Any) -> None:
    """Also one that is read only now; a file that is damaged is refused."""
    image = Image.fromarray(picture(64, 64))
    pixels = copy_pixels(image)
    image.putpixel((0, 0), (1, 1, 1))
    assert tuple(shown(pixels)[0, 0]) != (1, 1, 1)
    file = tmp_path / "cut.png"
    file.write_bytes(saved(image, "PNG")[:-2000])
    with Image.open(file) as cut, pytest.raises(PictureError, match="the image cannot be read"):
        copy_pixels(cut)


class Surface:
    """A pygame surface as far as it is used, of one pixel after the other in memory."""

    def __init__(self, size: tuple[int, int], data: bytes, masks: Sequence[int], key: object = None) -> None:
        self._size, self._data, self._masks, self._key = size, data, tuple(masks), key

    def get_size(self) -> tuple[int, int]:
        return self._size

    def get_bytesize(self) -> int:
        return len(self._data) // (self._size[0] * self._size[1])

    def get_masks(self) -> tuple[int, ...]:
        return self._masks

    def get_losses(self) -> tuple[int, ...]:
        return tuple(8 - mask.bit_count() for mask in self._masks)

    def get_colorkey(self) -> object:
        return self._key

    def get_buffer(self) -> object:
        return SimpleNamespace(raw=self._data)


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A library of that name, which converts surfaces to one colour."""

    def convert(surface: Surface, form: str) -> bytes:
        width, height = surface.get_size()
        return bytes(range(65, 65 + len(form))) * (width * height)

    library = SimpleNamespace(Surface=Surface, image=SimpleNamespace(tobytes=convert))
    monkeypatch.setitem(sys.modules, "pygame", cast("Any", library))
    return library


@pytest.mark.usefixtures("pygame")
@pytest.mark.parametrize("layout", ["RGBX", "BGRX", "XRGB", "XBGR", "RGBA", "BGRA", "ARGB", "ABGR"])
def test_surfaces_of_four_bytes_in_any_order(layout: str) -> None:
    """Their masks say in which order."""
    whole = picture(8, 6, 4)
    data = whole[..., ["RGBAX".index(name) % 4 if name != "X" else 3 for name in layout]].tobytes()
    places = layout if sys.byteorder == "little" else layout[::-1]
    masks = [0xFF << 8 * places.index(name) if name in places else 0 for name in "RGBA"]
    pixels = copy_pixels(Surface((8, 6), data, masks))
    assert pixels.mode == ("RGBA" if "A" in layout else "RGB")
    assert np.array_equal(shown(pixels), whole[..., : len(pixels.mode)])


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(
    ("surface", "mode"),
    [
        (Surface((3, 2), bytes(3 * 2), (0, 0, 0, 0)), "RGB"),
        (Surface((3, 2), bytes(3 * 2 * 3), (0xFF, 0xFF00, 0xFF0000, 0)), "RGB"),
        (Surface((3, 2), bytes(3 * 2 * 4), (0xFF, 0xFF00, 0xFF0000, 0), key=(1, 2, 3)), "RGBA"),
        (Surface((3, 2), bytes(3 * 2 * 4), (0x3FF, 0xFFC00, 0x3FF00000, 0)), "RGB"),
    ],
    ids=["256 colours", "3 bytes", "transparent colour", "10 bits"],
)
def test_other_surfaces_are_converted_by_pygame(
    pygame: SimpleNamespace, surface: Surface, mode: str, is_old: bool
) -> None:
    """By `tobytes`, or by `tostring` where it is older."""
    if is_old:
        pygame.image = SimpleNamespace(tostring=pygame.image.tobytes)
    pixels = copy_pixels(surface)
    assert pixels.mode == mode
    assert bytes(pixels.packed()[: len(mode)]) == b"ABCD"[: len(mode)]


@pytest.mark.parametrize(
    ("masks", "key", "converted", "right"),
    [
        ((0xF800, 0x7E0, 0x1F, 0), None, (248, 148, 96), (255, 149, 98)),
        ((0x7C00, 0x3E0, 0x1F, 0), None, (248, 144, 96), (255, 148, 98)),
        ((0xF00, 0xF0, 0xF, 0xF000), None, (240, 144, 96, 128), (255, 153, 102, 136)),
        ((0xF800, 0x7E0, 0x1F, 0), (1, 2, 3), (248, 252, 0, 255), (255, 255, 0, 255)),
    ],
)
def test_surfaces_of_16_bits_have_the_colours_that_pygame_tells(
    pygame: SimpleNamespace, masks: Sequence[int], key: object, converted: Sequence[int], right: Sequence[int]
) -> None:
    """The values are those of pygame-ce 2.5.8: of `image.tobytes`, which only shifts, and of `get_at`."""

    def shifted(surface: Surface, form: str) -> bytes:
        return bytes(converted) * 6 if len(form) == len(converted) else b""

    pygame.image = SimpleNamespace(tobytes=shifted)
    pixels = copy_pixels(Surface((3, 2), bytes(3 * 2 * 2), masks, key))
    assert bytes(pixels.packed()) == bytes(right) * 6


class Gone(Surface):
    """Of a display that was closed."""

    def get_size(self) -> tuple[int, int]:
        raise RuntimeError("display Surface quit")


@pytest.mark.usefixtures("pygame")
def test_a_surface_that_is_gone_is_refused() -> None:
    """With what pygame says of it."""
    with pytest.raises(PictureError, match="the surface cannot be read: display Surface quit"):
        copy_pixels(Gone((1, 1), bytes(4), (0, 0, 0, 0)))


class Tensor:
    """Of another library: it becomes an array only when asked."""

    def __array__(self) -> Array:
        return picture(2, 2)


WRONG: Final[list[tuple[object, dict[str, Any], str]]] = [
    (np.zeros((4, 5, 3), np.float32), {}, r"'f4', not uint8: give \(array \* 255\).astype"),
    (np.zeros((4, 5, 3), np.uint16), {}, r"'u2', not uint8: give \(array >> 8\)"),
    (np.zeros((4, 5, 3), np.int64), {}, r"'i8', not uint8: bring its values"),
    (np.zeros((4, 5), np.bool_), {}, r"'b1', not uint8: give array.astype\('uint8'\) \* 255"),
    (np.zeros((4, 5), np.dtype("U3")), {}, "not uint8: give an array of uint8"),
    (memoryview(array.array("d", [1.0])), {}, r"type 'd', not uint8: give \(array \* 255\)"),
    (memoryview(array.array("H", [1])), {}, r"type 'H', not uint8: give \(array >> 8\)"),
    (
        np.zeros((3, 40, 50), np.uint8),
        {},
        r"shape of \(3, 40, 50\): channels come last: .*transpose\(1, 2, 0\)",
    ),
    (np.zeros((40, 50, 2), np.uint8), {}, r"grey with alpha"),
    (np.zeros((9, 40, 50, 3), np.uint8), {}, r"several pictures: give one"),
    (np.zeros((40, 50, 7), np.uint8), {}, r"shape of \(40, 50, 7\): give an array of uint8"),
    (np.zeros((), np.uint8), {}, r"shape of \(\)"),
    (np.zeros((0, 50, 3), np.uint8), {}, "50 x 0 has no pixels"),
    (np.zeros((4, 5, 3), np.uint8), {"size": (5, 4)}, r"size is for bytes: this array has .* \(4, 5, 3\)"),
    (np.zeros((4, 5, 3), np.uint8), {"mode": "RGBA"}, "mode RGBA is for 4 bytes a pixel; the pixels have 3"),
    (np.zeros((4, 5, 4), np.uint8), {"mode": "RGB"}, "the pixels have 4 .*: RGBX ignores the fourth"),
    (np.zeros((4, 4, 5), np.uint8), {}, r"shape of \(4, 4, 5\): give an array of uint8"),
    (np.zeros((4, 5, 3), np.uint8), {"order": "gbr"}, "order is 'gbr'; it must be 'rgb' or 'bgr'"),
    (np.zeros((4, 5, 3), np.uint8), {"mode": "BGR"}, "mode is 'BGR'.*order='bgr' says"),
    (np.zeros((4, 5, 3), np.uint8), {"max_pixels": 19}, "20 pixels; at most 19 are allowed"),
    (Image.new("RGB", (5, 4)), {"max_pixels": 19}, "20 pixels; at most 19"),
    (Image.new("RGB", (5, 4)), {"order": "bgr"}, "are for arrays and bytes"),
    (b"\xff\xd8\xff\xe0 and so on", {}, r"a picture \(jpeg\): publish_frame takes it"),
    (bytes(60), {}, r"60 bytes do not tell their size: give size=\(width, height\)"),
    (
        bytes(61),
        {"size": (5, 4)},
        r"61 bytes were given for 5 x 4 pixels; that takes 20 \(L\) or 60 \(RGB\) or 80",
    ),
    (bytes(60), {"size": (5, 4), "mode": "L"}, r"that takes 20 \(L\)$"),
    (bytes(60), {"size": (5, -4)}, r"size is \(5, -4\); it must be \(width, height\)"),
    (bytes(60), {"size": 5}, "size is 5; it must be"),
    (bytes(60), {"size": (5.0, 4)}, r"size is \(5.0, 4\)"),
    (bytes(60), {"size": ("5", "4")}, "size is"),
    (b"", {"size": (5, 4)}, "0 bytes were given"),
    (None, {}, "the pixels are NoneType: give an array of uint8"),
    ("image.png", {}, r"the pixels are str: open the file first"),
    (Path("image.png"), {}, r"the pixels are PosixPath: open the file first"),
    (Tensor(), {}, r"the pixels are Tensor: give it as an array \(numpy.asarray\)"),
    ([[1, 2], [3, 4]], {}, "the pixels are list"),
    (SimpleNamespace(__array_interface__={}), {}, "invalid __array_interface__"),
    (SimpleNamespace(__array_interface__={"shape": (2, "x"), "typestr": "|u1"}), {}, "invalid shape"),
    (SimpleNamespace(__array_interface__={"shape": (2, 2), "typestr": "|u1"}), {}, "cannot be copied"),
    (SimpleNamespace(__array_interface__=7), {}, "the pixels are SimpleNamespace"),
]


@pytest.mark.usefixtures("numpy_or_not")
@pytest.mark.parametrize(("source", "options", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_pixels_are_refused(source: object, options: dict[str, Any], message: str) -> None:
    """The error says what was given and what would be right."""
    with pytest.raises(PictureError, match=message):
        copy_pixels(source, **options)


@settings(deadline=None)
@given(
    st.one_of(
        st.none(),
        st.integers(),
        st.text(),
        st.binary(),
        st.floats(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.none()),
        st.builds(zeros, st.lists(st.integers(0, 5), max_size=5), st.sampled_from("?bBhHiIqQefdFDSUOM")),
    ),
    st.one_of(st.none(), st.tuples(st.integers(-2, 9), st.integers(-2, 9)), st.text(), st.integers()),
    st.one_of(st.sampled_from([None, "L", "RGB", "RGBA", "RGBX", "BGR"]), st.text(), st.lists(st.none())),
    st.one_of(st.sampled_from(["rgb", "bgr"]), st.text(), st.none()),
)
def test_random_garbage_raises_nothing_else(source: object, size: Any, mode: Any, order: Any) -> None:
    """Pixels, or a `PictureError`."""
    try:
        pixels = copy_pixels(source, size=size, mode=mode, order=order)
    except PictureError:
        return
    assert len(pixels.packed()) == pixels.width * pixels.height * pixels.channels


def test_screenshots_have_a_fourth_byte_that_says_nothing() -> None:
    """With mode RGBX it is left out, in both orders and as an array."""
    whole = picture(8, 6, 4)
    right = np.ascontiguousarray(whole[..., :3])
    assert np.array_equal(shown(copy_pixels(whole.tobytes(), size=(8, 6), mode="RGBX")), right)
    blue_first = whole[..., [2, 1, 0, 3]]
    assert np.array_equal(shown(copy_pixels(blue_first, mode="RGBX", order="bgr")), right)


def test_a_library_may_be_half_imported_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Pillow is while the first picture is encoded: nothing can be of it yet."""
    whole = picture(4, 3)
    source = Interface(whole)
    for name in ("numpy", "PIL.Image", "pygame"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for given_source in (source, whole, whole.tobytes()):
        size = (4, 3) if isinstance(given_source, bytes) else None
        assert bytes(copy_pixels(given_source, size=size).packed()) == whole.tobytes()


def test_no_library_is_imported_that_the_program_has_not() -> None:
    """Neither NumPy nor Pillow, until there is something to do for them."""
    code = (
        "import sys\n"
        "from beats.pictures import encoding, formats, pixels\n"
        "pixels.copy_pixels(bytes(12), size=(2, 2)), pixels.copy_pixels(memoryview(bytes(12)), size=(3, 4))\n"
        "print(sorted({'numpy', 'PIL', 'pygame', 'isal'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False
    )
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
