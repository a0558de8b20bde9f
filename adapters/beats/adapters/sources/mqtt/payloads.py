"""What a payload means: a picture, JSON, or text. Pure."""

import json
import math
from typing import Final, NoReturn

from beats.kernel.envelope import Frame
from beats.pictures.cutter import why_damaged
from beats.pictures.errors import PictureError
from beats.pictures.formats import identify

_SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""The first bytes of PNG and JPEG files."""


def picture_of(payload: bytes, max_pixels: int) -> Frame | None:
    """The picture in a payload, without an id; None if it is no picture.

    Raises:
        ValueError: it begins as a picture does, and cannot be published as one; says why.
    """
    if not payload.startswith(_SIGNATURES) and not (payload[:4] == b"RIFF" and payload[8:12] == b"WEBP"):
        return None
    try:
        info = identify(payload, max_pixels=max_pixels)
    except PictureError as error:
        raise ValueError(str(error)) from None
    if (fault := why_damaged(payload)) is not None:
        raise ValueError(fault)
    return Frame(payload, "", info.media_type, info.width, info.height)


def value_of(payload: bytes) -> object:
    """The value in a payload: that of its JSON, or the text if it is not JSON; None if it is empty.

    Raises:
        ValueError: the payload is not text in UTF-8.
    """
    if not payload:
        return None  # the broker forgets the last value of the topic
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"it is neither text in UTF-8 nor a picture: it begins with {payload[:8]!r}"
        ) from error
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("too large for a double")
    return value


_decode: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode
