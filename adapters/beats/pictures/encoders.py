"""From pixels to PNG, JPEG and WebP, and from one of these formats to another.

Everything here takes milliseconds and is for worker threads. The interpreter is released while a picture is
encoded, decoded and scaled. It is held while Pillow brings pixels from one memory layout to another and
filters the rows of a PNG: at 1280 x 720 for 0.3 ms at a time, for 1.5 ms by WebP and by the decoder of PNG.

Figures are of one core of an x86-64 server and a drawn scene with slight noise.
"""

import io
import os
import struct
import tempfile
import zlib
from typing import IO, Any, Final, Protocol, cast

import PIL
from PIL import Image, ImageChops

from beats.pictures.conversion import to_rgb
from beats.pictures.errors import MAX_PIXELS, PictureError
from beats.pictures.formats import DEFAULT_QUALITY, FORMATS, PNG_SIGNATURE, Format, identify
from beats.pictures.pixels import Pixels

_EXIF_ORIENTATION: Final = 0x0112
_TURNS: Final[dict[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn a picture whose EXIF data names an orientation: CIPA DC-008, section 4.6.5.1."""
_MAX_SIDES: Final[dict[Format, int]] = {"png": (1 << 31) - 1, "jpeg": 65_500, "webp": 16_383}
"""libjpeg's and libwebp's own limits."""


class _Deflate(Protocol):
    def __call__(self, data: bytes, level: int) -> bytes: ...


class _Checksum(Protocol):
    def __call__(self, data: bytes, value: int = 0, /) -> int: ...


def _fast() -> tuple[_Deflate, _Checksum] | None:
    """Intel's deflate and CRC; None where the package has no wheel and is not installed."""
    try:
        from isal import isal_zlib
    except ImportError:
        return None
    library: Any = isal_zlib
    return library.compress, library.crc32


_FAST: Final = _fast()


def encode(
    pixels: Pixels,
    format: Format = "png",  # noqa: A002 - the settings' own word
    quality: int = DEFAULT_QUALITY,
    max_width: int | None = None,
) -> bytes:
    """Encode a picture.

    Args:
        pixels: what `copy_pixels` gave.
        format: `png` keeps every pixel as it is. `jpeg` has no transparency: what lies behind is black.
        quality: 1 to 100, of JPEG and WebP.
        max_width: scale down to this width, in pixels; nothing is ever enlarged.

    Raises:
        PictureError: format, quality or width are out of range, or the picture is too large for the format.
    """
    _check(format, quality, max_width)
    size = _target(pixels.size, max_width)
    if size != pixels.size:
        pixels = Pixels.of_image(_scaled(pixels.image(), size))
    if max(pixels.size) > _MAX_SIDES[format]:
        raise PictureError(
            f"a picture of {pixels.width:,} x {pixels.height:,} does not fit into {format}, which allows "
            f"{_MAX_SIDES[format]:,} pixels a side: make it smaller, or take png"
        )
    if format == "png":
        return _png(pixels)
    if format == "jpeg":
        return _jpeg(opaque(pixels.image(own=True)), quality)
    out = io.BytesIO()
    # Method 0 takes a seventh of the time of the default, 4, for a fifth more bytes.
    pixels.image(own=True).save(out, "WEBP", quality=quality, method=0)
    return out.getvalue()


def transcode(
    data: bytes,
    media_type: str,
    format: Format = "jpeg",  # noqa: A002 - the settings' own word
    quality: int = DEFAULT_QUALITY,
    max_width: int | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
) -> bytes:
    """Encode a PNG, JPEG, WebP or AVIF file in another format or size.

    The result shows what a browser shows of the original: turned as its EXIF data says, without metadata.
    A colour profile is left out, and deep colours are brought to 8 bits.

    Args:
        data: the file.
        media_type: what it was said to be; a file that is something else is refused.
        format: of the result; see `encode`.
        quality: 1 to 100, of JPEG and WebP.
        max_width: scale down to this width, in pixels; nothing is ever enlarged.
        max_pixels: most pixels that are decoded.

    Raises:
        PictureError: it cannot be decoded, is too large, or is not of that type; or as `encode`.
    """
    _check(format, quality, max_width)
    return encode(decode(data, media_type, max_width, max_pixels=max_pixels), format, quality)


def decode(
    data: bytes, media_type: str = "", max_width: int | None = None, *, max_pixels: int = MAX_PIXELS
) -> Pixels:
    """Decode a PNG, JPEG, WebP or AVIF file to the pixels that a browser shows; see `transcode`.

    Args:
        data: the file.
        media_type: what it was said to be; a file that is something else is refused. Empty: any.
        max_width: scale down to this width, in pixels; nothing is ever enlarged.
        max_pixels: most pixels that are decoded.

    Raises:
        PictureError: it cannot be decoded, is too large, or is not of that type.
    """
    found = identify(data, max_pixels=max_pixels)
    if media_type and found.media_type != media_type:
        raise PictureError(f"data is {found.media_type}, not {media_type}")
    return _decoded(data, found.media_type, max_width)


def _check(format: Format, quality: int, max_width: int | None) -> None:  # noqa: A002 - as above
    if format not in FORMATS:
        raise PictureError(f"format is {format!r}; it must be one of {', '.join(FORMATS)}")
    if not 1 <= quality <= 100:
        raise PictureError(f"quality is {quality}; it must be from 1 to 100")
    if max_width is not None and max_width < 1:
        raise PictureError(f"max_width is {max_width}; it must be at least 1 pixel")


def _png(pixels: Pixels) -> bytes:
    if _FAST is None:
        out = io.BytesIO()
        pixels.image(own=True).save(out, "PNG", compress_level=1)
        return out.getvalue()
    deflate, _ = _FAST
    # Level 1: levels 2 and 3 save 1 to 3 % of some scenes and take up to eight times as long for drawn ones.
    body = deflate(_filtered(pixels), 1)
    colour = {"L": 0, "RGB": 2, "RGBA": 6}[pixels.mode]
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, colour, 0, 0, 0)
    parts = [PNG_SIGNATURE]
    for name, content in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")):
        parts += png_chunk(name, content)
    return b"".join(parts)


def png_chunk(name: bytes, content: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """The pieces of a chunk: PNG (third edition), section 5.3; not joined, which would copy the content."""
    crc32 = zlib.crc32 if _FAST is None else _FAST[1]
    crc = crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)), name, content, struct.pack(">I", crc)


_UP: Final = 2
"""Each byte less the one above it: PNG (third edition), section 9.2. Beside "sub" it makes 1 % more of a
smooth scene with noise, 8 % less of a natural one, 35 % less of a gradient, 20 % less of enlarged pixels."""


def _filtered(pixels: Pixels) -> bytes:
    """The rows, each with the filter "up" and its number before it.

    Pillow subtracts as quickly as NumPy does, once it takes each byte for a grey pixel.
    """
    width, height = pixels.width * pixels.channels, pixels.height
    rows = pixels.packed()
    out = Image.new("L", (width + 1, height), _UP)
    whole = _grey(rows, width, height)
    out.paste(whole, (1, 0))  # the first row stays: above it are zeros
    if height > 1:
        below = _grey(memoryview(rows)[width:], width, height - 1)
        # The result is as high as the lower of the two.
        out.paste(ImageChops.subtract_modulo(below, whole), (1, 1))
    return out.tobytes()


def _grey(data: bytes | memoryview, width: int, height: int) -> Image.Image:
    """An image of the first bytes, in the same memory."""
    return Image.frombuffer("L", (width, height), cast("bytes", data), "raw", "L", 0, 1)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    # Pillow releases the interpreter only while it encodes into a file with a descriptor. At 1280 x 720
    # all of 1.8 ms were held with BytesIO, and 0.1 ms with a file in memory. Such a file costs 15 µs: too
    # much for a small picture, which takes 30.
    is_small = image.width * image.height <= _SMALL_PIXELS
    with io.BytesIO() if is_small else _file_in_memory() as file:
        image.save(file, "JPEG", quality=quality)
        file.seek(0)
        return file.read()


_SMALL_PIXELS: Final = 1 << 16
"""Takes about 0.1 ms as a JPEG."""


def _file_in_memory() -> IO[bytes]:
    if hasattr(os, "memfd_create"):  # Linux
        return os.fdopen(os.memfd_create("beats-picture", os.MFD_CLOEXEC), "w+b", buffering=0)
    return cast("IO[bytes]", tempfile.TemporaryFile(buffering=0))


def opaque(image: Image.Image) -> Image.Image:
    """The image on black, if it has transparency."""
    if image.mode != "RGBA":
        return image
    behind = Image.new("RGB", image.size)
    behind.paste(image, mask=image.getchannel("A"))
    return behind


def _flipped(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]


def _target(size: tuple[int, int], max_width: int | None) -> tuple[int, int]:
    width, height = size
    if max_width is None or width <= max_width:
        return size
    return max_width, max(1, round(height * max_width / width))


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    # From 1280 to 480 pixels: BOX 2.3 ms, BILINEAR 3.4, LANCZOS 18. BOX is the mean of the pixels that one
    # pixel covers, so that nothing flickers, and the pixels of an LED wall get no halos.
    return image.resize(size, Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]


def _decoded(data: bytes, media_type: str, max_width: int | None) -> Pixels:
    kind = media_type.removeprefix("image/").upper()
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            orientation = image.getexif().get(_EXIF_ORIENTATION) if _may_be_turned(image) else None
            turn = _TURNS.get(cast("Any", orientation))
            is_on_its_side = isinstance(orientation, int) and orientation >= 5 and turn is not None
            shown = _flipped(image.size) if is_on_its_side else image.size
            size = _target(shown, max_width)
            stored = _flipped(size) if is_on_its_side else size
            if stored != image.size:
                image.draft(None, stored)  # of a JPEG, decodes a half, a quarter or an eighth of each side
            is_grey = image.mode in ("1", "L") and not image.has_transparency_data
            whole = image.convert("L") if is_grey else to_rgb(image)
    # Pillow and the libraries below it raise errors of many kinds for damaged files.
    except Exception as error:
        if kind not in Image.OPEN:  # such as AVIF, in a Pillow built without it
            raise PictureError(f"Pillow {PIL.__version__} cannot decode {media_type}: update it") from error
        raise PictureError(f"data cannot be decoded as {media_type}: {error}") from error
    if stored != whole.size:
        whole = _scaled(whole, stored)
    return Pixels.of_image(whole if turn is None else whole.transpose(turn))


def _may_be_turned(image: Image.Image) -> bool:
    # Of a PNG, Pillow would decode all of it to look for EXIF data behind the pixels, where nothing puts it.
    return "exif" in image.info
