"""PIL images and pygame surfaces, told from others without importing a library that the program has not."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeGuard

if TYPE_CHECKING:
    from PIL.Image import Image

_BYTES_PER_PIXEL: Final = 4
_BYTES_OF_HIGH_COLOUR: Final = 2


class Surface(Protocol):
    """What is used of a pygame surface; documented by pygame."""

    get_size: Callable[[], tuple[int, int]]
    get_bytesize: Callable[[], int]
    get_masks: Callable[[], tuple[int, int, int, int]]
    get_losses: Callable[[], tuple[int, int, int, int]]
    get_colorkey: Callable[[], object]
    get_buffer: Callable[[], Any]


def is_image(source: object) -> "TypeGuard[Image]":
    """Whether it is a PIL image: no program has one that has not imported the library."""
    library = sys.modules.get("PIL.Image")
    # Without the class while another thread is still importing the library, such as the first encoder.
    return library is not None and isinstance(source, getattr(library, "Image", ()))


def is_surface(source: object) -> TypeGuard[Surface]:
    """Whether it is a surface of pygame, or of pygame-ce, which goes by the same name."""
    library = sys.modules.get("pygame")
    return library is not None and isinstance(source, getattr(library, "Surface", ()))


def copy(surface: Surface) -> tuple[bytes, str]:
    """All pixels of a surface without gaps, and the order of the bytes of each.

    Most surfaces have four bytes a pixel: their memory is copied as it is. Others (256 colours, three bytes,
    a colour that counts as transparent, a part of another surface) are converted by pygame.
    """
    width, height = surface.get_size()
    if surface.get_bytesize() == _BYTES_PER_PIXEL and surface.get_colorkey() is None:
        layout = _layout(surface.get_masks())
        data: bytes = surface.get_buffer().raw if layout else b""
        if layout and len(data) == width * height * _BYTES_PER_PIXEL:
            return data, layout
    has_alpha = surface.get_colorkey() is not None or surface.get_masks()[3] != 0
    form = "RGBA" if has_alpha else "RGB"
    library: Any = sys.modules["pygame"].image
    convert = getattr(library, "tobytes", None) or library.tostring  # the older name, before 2.1.3
    converted: bytes = convert(surface, form)
    if surface.get_bytesize() == _BYTES_OF_HIGH_COLOUR:
        return _widened(converted, form, surface.get_losses()), form
    return converted, form


def _widened(data: bytes, form: str, losses: tuple[int, int, int, int]) -> bytes:
    """Channels of 4 to 6 bits, whose lower bits pygame leaves at 0, as `Surface.get_at` tells them.

    The brightest becomes 255; alpha that is no channel of the surface has a loss of 8, and stays.
    """
    out = bytearray(data)
    for place, loss in zip(range(len(form)), losses, strict=False):
        if 0 < loss < 8:
            table = bytes((value >> loss) * 255 // (255 >> loss) for value in range(256))
            out[place :: len(form)] = out[place :: len(form)].translate(table)
    return bytes(out)


def _layout(masks: tuple[int, int, int, int]) -> str:
    """The order of red, green, blue and alpha in memory, from their masks; empty if they are no bytes."""
    places = dict(zip(((0xFF << shift) & 0xFFFFFFFF for shift in (0, 8, 16, 24)), range(4), strict=True))
    if sys.byteorder == "big":
        places = {mask: 3 - place for mask, place in places.items()}
    found = ["X"] * _BYTES_PER_PIXEL
    for name, mask in zip("RGBA", masks, strict=True):
        if mask in places:
            found[places[mask]] = name
        elif mask or name != "A":
            return ""
    return "".join(found)
