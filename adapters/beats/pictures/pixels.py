"""`Pixels`: one copy of the pixels that a program has, in the order in which its library keeps them.

Bringing them into the order that an encoder needs is left to the thread that encodes.
"""

from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from beats.pictures import arrays, surfaces
from beats.pictures.errors import MAX_PIXELS, PictureError, check_size
from beats.pictures.formats import kind_of

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["L", "RGB", "RGBA"]
"""Grey, colour, colour with alpha; 8 bits each, as Pillow names them."""
GivenMode = Literal["L", "RGB", "RGBA", "RGBX"]
"""The same, and four bytes a pixel of which the last is ignored, as screenshots have them."""
Order = Literal["rgb", "bgr"]

_CHANNELS: Final[dict[str, int]] = {"L": 1, "RGB": 3, "RGBA": 4, "RGBX": 4}
_MODES: Final[dict[int, GivenMode]] = {1: "L", 3: "RGB", 4: "RGBA"}
_RIGHT: Final = (
    "give an array of uint8 with a shape of (height, width), (height, width, 3) or (height, width, 4), a PIL "
    "image, a pygame surface, or bytes with size=(width, height)"
)


class Pixels:
    """The pixels of one picture, which nothing changes any more."""

    __slots__ = ("_layout", "_store", "height", "mode", "width")

    def __init__(
        self, width: int, height: int, mode: Mode, store: "bytes | memoryview | Image", layout: str
    ) -> None:
        """Take what is given without a copy; `copy_pixels` makes one.

        Args:
            width: in pixels.
            height: in pixels.
            mode: what `packed` and `image` give.
            store: the bytes, row by row from the top without gaps; or a PIL image of that mode.
            layout: the order of the bytes of a pixel, as Pillow's raw decoder names it, such as `BGRX`.
        """
        self.width: Final = width
        self.height: Final = height
        self.mode: Final[Mode] = mode
        self._store: Final = store
        self._layout: Final = layout

    @staticmethod
    def of_image(image: "Image") -> "Pixels":
        """Take over a PIL image of mode L, RGB or RGBA; there is no copy."""
        return Pixels(image.width, image.height, cast("Mode", image.mode), image, image.mode)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def channels(self) -> int:
        """Bytes per pixel of `packed`."""
        return _CHANNELS[self.mode]

    @property
    def nbytes(self) -> int:
        """How much memory they take, about."""
        return self.width * self.height * len(self._layout)

    def packed(self) -> bytes | memoryview:
        """All rows from the top without gaps, with the channels in the order of the mode."""
        if isinstance(self._store, bytes | memoryview) and self._layout == self.mode:
            return self._store
        return self.image().tobytes()

    def image(self, *, own: bool = False) -> "Image":
        """The same as a PIL image, to be read only; `own` to save it, which notes options in the image."""
        if not isinstance(self._store, bytes | memoryview):
            return self._store.copy() if own else self._store
        from PIL import Image

        data = cast("bytes", self._store)  # Pillow takes a memoryview too
        if self._layout == self.mode:  # L and RGBA share the memory
            return Image.frombuffer(self.mode, self.size, data, "raw", self._layout, 0, 1)
        return Image.frombytes(self.mode, self.size, data, "raw", self._layout)

    def __repr__(self) -> str:
        return f"<Pixels {self.width}x{self.height} {self.mode}>"


def copy_pixels(
    source: object,
    *,
    size: tuple[int, int] | None = None,
    mode: GivenMode | None = None,
    order: Order = "rgb",
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Copy pixels once, as quickly as a plain copy where the library keeps them without gaps.

    Args:
        source: an array (NumPy's, or anything else with `__array_interface__` or the buffer protocol) of
            `uint8` and shape (height, width), (height, width, 1), (height, width, 3) or (height, width, 4),
            in any strides; a PIL image of any mode; a pygame surface; or bytes, row by row from the top
            without gaps.
        size: width and height, for bytes; arrays, images and surfaces have their own.
        mode: what the channels are; by their number, when None. `RGBX` ignores the fourth.
        order: `bgr` for arrays and bytes with blue first, such as OpenCV's.
        max_pixels: most pixels that are allowed.

    Raises:
        PictureError: `source` has none of these forms; says what was given and what would be right.
    """
    if order not in get_args(Order):
        raise PictureError(f"order is {order!r}; it must be 'rgb' or 'bgr' (OpenCV)")
    if mode is not None and mode not in get_args(GivenMode):
        hint = ": order='bgr' says that blue comes first" if str(mode).startswith("BGR") else ""
        raise PictureError(f"mode is {mode!r}; it must be 'L', 'RGB', 'RGBA' or 'RGBX'{hint}")
    other = _image(source, max_pixels) or _surface(source, max_pixels)
    if other is not None:
        if size is not None or mode is not None or order != "rgb":
            raise PictureError("size, mode and order are for arrays and bytes: this picture has its own")
        return other
    shape = arrays.shape_of(source, _RIGHT)
    if len(shape) == 1:
        if size is None and (kind := kind_of(source)):
            raise PictureError(f"these are no pixels but a picture ({kind}): publish_frame takes it as it is")
        height, width, channels = _shape_of_bytes(shape[0], size, mode)
    else:
        if size is not None:
            raise PictureError(f"size is for bytes: this array has a shape of its own, {shape}")
        height, width, channels = _shape_of_array(shape)
    check_size(width, height, max_pixels)
    given = mode or _MODES[channels]
    if _CHANNELS[given] != channels:
        hint = ": RGBX ignores the fourth" if (given, channels) == ("RGB", 4) else ""
        raise PictureError(
            f"mode {given} is for {_CHANNELS[given]} bytes a pixel; the pixels have {channels} "
            f"(shape {shape}){hint}"
        )
    data, is_reversed = arrays.copy(source)
    layout: str = given
    if channels > 1 and order == "bgr":
        layout = f"BGR{given[3:]}"
    if is_reversed:
        layout = layout[::-1]
    return Pixels(width, height, "RGB" if given == "RGBX" else given, data, layout)


def _shape_of_array(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) == 2:
        return *shape, 1
    if len(shape) == 3 and shape[2] in _MODES:
        return shape
    hint = _RIGHT
    if len(shape) == 3 and shape[0] in _MODES and min(shape[1:]) > max(_MODES):
        hint = "channels come last: give array.transpose(1, 2, 0)"
    elif len(shape) == 3 and shape[2] == 2:
        hint = "grey with alpha is not known: give array[..., 0], or RGBA"
    elif len(shape) == 4:
        hint = "these are several pictures: give one, such as array[0]"
    raise PictureError(f"the array has a shape of {shape}: {hint}")


def _shape_of_bytes(
    length: int, size: tuple[int, int] | None, mode: GivenMode | None
) -> tuple[int, int, int]:
    if size is None:
        raise PictureError(f"{length:,} bytes do not tell their size: give size=(width, height)")
    try:
        width, height = size
        is_right = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0  # pyright: ignore[reportUnnecessaryIsInstance] - of callers without types
    except (TypeError, ValueError):
        is_right, width, height = False, 0, 0
    if not is_right:
        raise PictureError(f"size is {size!r}; it must be (width, height) in pixels, such as (640, 480)")
    channels, rest = divmod(length, width * height)
    if rest or (_CHANNELS[mode] != channels if mode else channels not in _MODES):
        modes = [mode] if mode else list(_MODES.values())
        right = " or ".join(f"{width * height * _CHANNELS[each]:,} ({each})" for each in modes)
        raise PictureError(f"{length:,} bytes were given for {width} x {height} pixels; that takes {right}")
    return height, width, channels


def _image(source: object, max_pixels: int) -> Pixels | None:
    """A copy of a PIL image; None for anything else."""
    if not surfaces.is_image(source):
        return None
    check_size(source.width, source.height, max_pixels)
    try:
        if source.mode in ("L", "RGB", "RGBA") and "transparency" not in source.info:
            return Pixels.of_image(source.copy())
        from beats.pictures.conversion import to_rgb

        return Pixels.of_image(source.convert("L") if source.mode == "1" else to_rgb(source))
    except (
        Exception
    ) as error:  # it is decoded only now, and its file may be damaged: Pillow raises of any kind
        raise PictureError(f"the image cannot be read: {error}") from error


def _surface(source: object, max_pixels: int) -> Pixels | None:
    """A copy of a pygame surface; None for anything else."""
    if not surfaces.is_surface(source):
        return None
    try:
        width, height = source.get_size()
        check_size(width, height, max_pixels)
        data, layout = surfaces.copy(source)
    except RuntimeError as error:  # pygame.error: of a display that was closed, for one
        raise PictureError(f"the surface cannot be read: {error}") from error
    return Pixels(width, height, "RGBA" if "A" in layout else "RGB", data, layout)
