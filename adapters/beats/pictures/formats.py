"""What a picture's bytes are: media type, width and height, from the headers alone."""

import re
import struct
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from beats.kernel.envelope import Frame
from beats.pictures.errors import MAX_PIXELS, PictureError, check_size
from beats.pictures.headers import avif_size, brands, jpeg_size, png_size, webp_size

__all__ = [
    "DEFAULT_QUALITY",
    "FORMATS",
    "MAX_PIXELS",
    "MEDIA_TYPES",
    "Format",
    "PictureError",
    "PictureInfo",
    "identify",
    "width_of",
]

Format = Literal["png", "jpeg", "webp"]
"""What can be encoded; AVIF can be published, and takes too long to encode for live pictures."""
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MEDIA_TYPES: Final[dict[Format, str]] = {name: f"image/{name}" for name in FORMATS}
DEFAULT_QUALITY: Final = 85
"""Default quality of JPEG and WebP. At 85, a JPEG of a camera looks like the original at a glance."""

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_RIGHT: Final = "give a whole PNG, JPEG, WebP or AVIF file"


class PictureInfo(NamedTuple):
    """What the header of a picture tells."""

    media_type: str
    """`image/png`, `image/jpeg`, `image/webp` or `image/avif`."""
    width: int
    """Width in pixels, as stored: an orientation that EXIF names is not applied."""
    height: int
    """Height in pixels, as stored."""


def identify(data: bytes, *, max_pixels: int = MAX_PIXELS) -> PictureInfo:
    """Tell what a picture is. Takes a few microseconds and decodes nothing.

    A file that is cut off after its header passes: what is missing is seen only when it is decoded.

    Raises:
        PictureError: `data` is no PNG, JPEG, WebP or AVIF file, is animated (WebP, AVIF), its header is cut
            off or wrong, or it has more than `max_pixels` pixels.
    """
    if not isinstance(data, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - of callers without types
        raise PictureError(f"data is {type(data).__qualname__}: {_RIGHT}, as bytes")
    if data.startswith(PNG_SIGNATURE) and data[37:41] == b"IDAT":  # nothing else is looked at
        return _plain_png(data[:33], max_pixels)
    return _examined(data, max_pixels)


def _examined(data: bytes, max_pixels: int) -> PictureInfo:
    kind = _kind(data)
    try:
        if kind == "png":
            width, height = png_size(data)
        elif kind == "jpeg":
            width, height = jpeg_size(data)
        elif kind == "webp":
            width, height = webp_size(data)
        elif kind == "avif":
            width, height = avif_size(data)
        else:
            raise PictureError(f"data is {_foreign(data)}")
    except (struct.error, IndexError):
        name = {"png": "PNG", "jpeg": "JPEG", "webp": "WebP"}.get(kind, "AVIF")
        raise PictureError(
            f"data is a {name} that is cut off: its {len(data):,} bytes do not hold its whole header"
        ) from None
    check_size(width, height, max_pixels)
    return PictureInfo(f"image/{kind}", width, height)


_plain_png: Final = lru_cache(maxsize=64)(_examined)
"""Of a PNG whose pixels follow its header, up to there: the frames of a stream have few such headers."""


class Header(NamedTuple):
    """What a picture's bytes begin with, and what stands at an offset: all that decides on type and size.

    Every picture with both has the same `PictureInfo`. The frames of a stream mostly do.
    """

    start: bytes
    mark: bytes
    mark_at: int


def header_of(data: bytes, info: PictureInfo) -> Header | None:
    """The header of a picture that `identify` gave `info` for; None if later bytes decide as well."""
    if info.media_type == MEDIA_TYPES["png"] and data[37:41] == b"IDAT":
        return Header(data[:33], b"IDAT", 37)  # between them is the length of the pixels
    if info.media_type != MEDIA_TYPES["jpeg"]:
        return None
    # Its frame header mostly follows two quantisation tables, and is all that counts.
    for size in (256, 1024):
        try:
            if _examined(data[:size], MAX_PIXELS) == info:
                return Header(data[:size], b"", 0)
        except PictureError:
            pass
    return None


def width_of(frame: Frame) -> int:
    """In pixels, from the header if the frame does not tell; 0 when it is damaged."""
    if frame.width:
        return frame.width
    try:
        return identify(frame.data).width
    except PictureError:
        return 0


def _kind(data: bytes) -> str:
    """The subtype of `image/` whose signature the bytes have; empty for others."""
    if data.startswith(PNG_SIGNATURE):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):  # SOI and the first byte of the next marker
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        major, compatible = brands(data)
        if major == b"avif" or (b"avif" in compatible and major != b"avis"):
            return "avif"
    return ""


_ANIMATED: Final = "give one picture as PNG, JPEG, WebP or AVIF, or show the file with the source `images`"
_SIGNATURES: Final = (
    (b"GIF87a", f"a GIF: {_ANIMATED}"),
    (b"GIF89a", f"a GIF: {_ANIMATED}"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"II+\0", "a TIFF"),
    (b"MM\0+", "a TIFF"),
    (b"\0\0\x01\0", "an icon (ICO)"),
    (b"qoif", "a QOI"),
    (b"8BPS", "a Photoshop file"),
    (b"v/1\x01", "an OpenEXR file"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\xff\xd8", "the beginning of a JPEG"),
    (b"%PDF-", "a PDF"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska video"),
    (b"RIFF", "a RIFF file (such as AVI or WAV)"),
    (b"\0\0\0\x01\x67", "an H.264 video"),
    (b"\0\0\x01\x67", "an H.264 video"),
    (b"PK\x03\x04", "a ZIP file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x89MCAP0\r\n", "an MCAP recording"),
    (b"\x93NUMPY", "a NumPy file: load it, and publish its pixels (publish_pixels)"),
)
_BRANDS: Final = {
    b"avis": f"an animated AVIF: {_ANIMATED}",
    b"heic": "a HEIC",
    b"heix": "a HEIC",
    b"hevc": "a HEIC",
    b"mif1": "a HEIF",
    b"msf1": "a HEIF",
    b"crx ": "a raw camera picture",
    b"qt  ": "a QuickTime video",
}
_BASE64: Final = re.compile(rb"(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)[A-Za-z0-9+/=\s]*")


def kind_of(source: object) -> str:
    """The format of a whole file, such as `png`; empty for anything else."""
    return _kind(bytes(source[:32])) if isinstance(source, bytes | bytearray) else ""


def _foreign(data: bytes) -> str:
    """What bytes of an unknown format seem to be, and what to do about it."""
    if not data:
        return f"empty: {_RIGHT}"
    if data[4:8] == b"ftyp":
        name = _BRANDS.get(data[8:12], "an MP4 video")
    else:
        name = next((name for start, name in _SIGNATURES if data.startswith(start)), None) or _text(data)
    return name if ": " in name else f"{name}: {_RIGHT}"


def _text(data: bytes) -> str:
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = start.lower()
    if start.startswith(b"data:image/") or _BASE64.fullmatch(start):
        return "a picture as text: decode it first (base64.b64decode), without a beginning such as data:…,"
    if lower.startswith(b"<svg") or (
        lower.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in lower
    ):
        return "an SVG: draw it first, and give the picture as PNG"
    if lower.startswith((b"<!doctype html", b"<html")):
        return "an HTML page (perhaps a server's error message)"
    if re.match(rb"P[1-6][\s#]", start):
        return "a PNM"
    if start.startswith((b"{", b"[")) and _is_printable(start):
        return "JSON"
    if _is_printable(start):
        return f"text that begins with {start[:24].decode('ascii')!r}"
    what = f"of an unknown format (it begins with {data[:8].hex(' ')})"
    return f"{what}: {_RIGHT}; for raw pixels there is publish_pixels"


def _is_printable(start: bytes) -> bool:
    return bool(start) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
