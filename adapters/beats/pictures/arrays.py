"""Arrays of `uint8` in any strides, copied without gaps.

NumPy does it where the program has loaded it; it is never imported. Without it, an array shows its memory by
the buffer protocol or by `__array_interface__` (https://numpy.org/doc/stable/reference/arrays.interface.html).
"""

import ctypes
import sys
from pathlib import Path
from typing import Any, Final, cast

from typing_extensions import Buffer

from beats.pictures.errors import PictureError

_HINTS: Final = {
    "b": "give array.astype('uint8') * 255",
    "f": "give (array * 255).astype('uint8'), if its values go from 0 to 1",
    "i": "bring its values to 0 to 255, and give array.astype('uint8')",
    "u": "give (array >> 8).astype('uint8'), if it has 16 bits",
}
"""What to do about each wrong kind of dtype, by the letter that the array interface gives it."""
_KINDS: Final = (
    {"?": "b", "e": "f", "f": "f", "d": "f", "g": "f"}
    | dict.fromkeys("bhilqn", "i")
    | dict.fromkeys("HILQN", "u")
)
"""The kind of dtype for each format of the module `struct`."""


def shape_of(source: object, right: str) -> tuple[int, ...]:
    """The shape of an array of bytes; for other objects, only their length.

    Raises:
        PictureError: the object is neither, or not of `uint8`; `right` says what would be right.
    """
    array: Any = source
    if _is_of_numpy(source) and array.dtype.char == "B":  # the usual case: the interface would cost 2 µs
        return cast("tuple[int, ...]", array.shape)
    interface = _interface(source)
    if interface is not None:
        shape, typestr = interface.get("shape"), interface.get("typestr")
        if not isinstance(shape, tuple) or not isinstance(typestr, str) or len(typestr) < 3:
            raise PictureError(f"{_name(source)} has an invalid __array_interface__: {right}")
        if typestr[1:] != "u1":
            raise PictureError(_wrong_type(source, typestr[1], typestr[1:], right))
        return _whole(cast("tuple[object, ...]", shape), source)
    try:
        view = memoryview(cast("Buffer", source))
    except (TypeError, ValueError, BufferError):
        hint = right
        if isinstance(source, (str, Path)):
            hint = "open the file first (PIL.Image.open)"
        elif hasattr(type(source), "__array__"):  # a tensor
            hint = "give it as an array (numpy.asarray)"
        raise PictureError(f"the pixels are {_name(source)}: {hint}") from None
    with view:
        if view.format not in ("B", "c", "<B", ">B", "=B", "@B"):
            form = view.format or ""
            raise PictureError(_wrong_type(source, _KINDS.get(form.lstrip("<>=@!"), ""), form, right))
        return tuple(view.shape or ())


def copy(source: object) -> tuple[bytes | memoryview, bool]:
    """A copy without gaps, and whether the channels of each pixel come in it in reverse.

    Args:
        source: an array whose shape `shape_of` told.

    Raises:
        PictureError: its memory is not as it says.
    """
    try:
        if _is_of_numpy(source):
            return _copy_by_numpy(source)
        numpy = _numpy()
        if numpy is not None and _interface(source) is not None:
            return _copy_by_numpy(numpy.asarray(source))
        try:
            with memoryview(cast("Buffer", source)) as view:
                return view.tobytes(), False
        except TypeError:  # no buffer
            return _copy_by_interface(_interface(source) or {}), False
    except (TypeError, ValueError, LookupError, AttributeError, BufferError, OverflowError) as error:
        raise PictureError(f"{_name(source)} cannot be copied: {error}") from error


def _is_of_numpy(source: object) -> bool:
    numpy = _numpy()
    return numpy is not None and isinstance(source, numpy.ndarray)


def _numpy() -> Any:
    """NumPy if the program has loaded it; not while another thread is still importing it."""
    numpy: Any = sys.modules.get("numpy")
    return numpy if hasattr(numpy, "ndarray") else None


def _copy_by_numpy(array: Any) -> tuple[bytes | memoryview, bool]:
    # `frame[..., ::-1]` turns BGR into RGB without a copy. To follow it byte by byte takes 20 times as long
    # as to copy the frame as it lies in memory and say that its channels are reversed.
    is_reversed = array.ndim == 3 and array.shape[2] > 1 and array.strides[2] == -1
    if is_reversed:
        array = array[..., ::-1]
    if array.flags.c_contiguous:
        return memoryview(array).tobytes(), is_reversed
    if array.ndim == 3 and array.strides[1:] != (array.shape[2], 1):
        # Pixels that are mirrored, left out or turned: NumPy copies one channel after the other four times as
        # fast as pixel by pixel.
        out = sys.modules["numpy"].empty(array.shape, array.dtype)
        for channel in range(array.shape[2]):
            out[..., channel] = array[..., channel]
    else:
        out = array.copy(order="C")
    return memoryview(out).cast("B"), is_reversed


def _copy_by_interface(interface: dict[str, Any]) -> bytes:
    pointer, _ = interface["data"]
    shape: tuple[int, ...] = interface["shape"]
    counts = (*shape, 1, 1)[:3] if len(shape) < 3 else shape
    steps = interface.get("strides")
    if steps is None:
        strides = (counts[1] * counts[2], counts[2], 1)
    else:
        strides = (*steps, 1, 1)[:3] if len(steps) < 3 else tuple(steps)
    reaches = [(count - 1) * stride for count, stride in zip(counts, strides, strict=True)]
    below = sum(reach for reach in reaches if reach < 0)
    above = sum(reach for reach in reaches if reach > 0)
    memory = (ctypes.c_ubyte * (above - below + 1)).from_address(pointer + below)
    return gather(memoryview(memory).cast("B"), -below, counts, strides)


def gather(memory: memoryview, first: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """The bytes of an array of three dimensions in order, row by row at least.

    Args:
        memory: all of it.
        first: where its first byte is.
        shape: rows, columns, channels.
        strides: how far the next of each is, in bytes.
    """
    rows, columns, channels = shape
    down, right, deep = strides
    width = columns * channels
    if (right == channels or columns == 1) and (deep == 1 or channels == 1):
        return (
            b"".join(memory[at : at + width] for at in range(first, first + rows * down, down))
            if down
            else (bytes(memory[first : first + width]) * rows)
        )
    out = bytearray(rows * width)
    for row in range(rows):
        for channel in range(channels):
            at = first + row * down + channel * deep
            end = at + columns * right
            column = (
                memory[at : end if end >= 0 else None : right]
                if right
                else bytes(memory[at : at + 1]) * columns
            )
            out[row * width + channel : (row + 1) * width : channels] = column
    return bytes(out)


def _interface(source: object) -> dict[str, Any] | None:
    try:
        interface = getattr(source, "__array_interface__", None)
    except Exception:  # a property of somebody else's class
        return None
    return cast("dict[str, Any]", interface) if isinstance(interface, dict) else None


def _whole(shape: tuple[object, ...], source: object) -> tuple[int, ...]:
    found = tuple(count for count in shape if isinstance(count, int) and count >= 0)
    if len(found) != len(shape):
        raise PictureError(f"{_name(source)} has an invalid shape: {shape}")
    return found


def _wrong_type(source: object, kind: str, given: str, right: str) -> str:
    return f"{_name(source)} has elements of type {given!r}, not uint8: {_HINTS.get(kind, right)}"


def _name(source: object) -> str:
    return type(source).__qualname__
