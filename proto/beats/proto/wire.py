"""The wire format as far as it is read and written by hand.

A serialized message may be written in pieces: fields come in any order, and pieces of one message merge
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). So a picture never goes through a protobuf
object, which copies it twice into new memory: 1.9 ms for 1 MB, against 0.02 ms here. Sequence number and
capture time are about a dozen bytes after the payload.
"""

import struct
from typing import Final, NamedTuple

MAX_SEQUENCE: Final = 2**64 - 1
MIN_UNIX_NS: Final = -(2**63)
MAX_UNIX_NS: Final = 2**63 - 1
MAX_PICTURE_BYTES: Final = 2**31 - 64
"""Protobuf readers refuse a message of 2 GiB or more; this leaves room for the other fields."""

# A tag is the field's number times 8 plus its wire type: 0 for a varint, 1 for 64 bits, 2 for a length and
# that many bytes. tests/proto/test_wire.py compares them with the schema.
_FRAME: Final = b"\x0a"  # StreamEnvelope.frame = 1
_PNG_DATA: Final = b"\x0a"  # Frame.png_data = 1
_DATA: Final = b"\xb2\x06"  # Frame.data = 102
_SEQUENCE: Final = b"\xa0\x06"  # StreamEnvelope.sequence = 100
_CAPTURED_UNIX_NS: Final = b"\xa9\x06"  # StreamEnvelope.captured_unix_ns = 101
_PERIPHERAL: Final = b"\x12"  # StreamEnvelope.peripheral = 2
_PERIPHERAL_INFO: Final = b"\x0a"  # PeripheralEnvelope.peripheral_info = 1
_PAYLOAD: Final = b"\x12"  # PeripheralEnvelope.payload = 2
JSON_ENCODED: Final = b"\x18\x01"  # PeripheralEnvelope.payload_encoding = 3, JSON_UTF8 = 1
_SMALL: Final = tuple(bytes([number]) for number in range(0x80))
_TAG_AND_TIME: Final = struct.Struct("<2sq")
_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
_SEQUENCE_FIELD: Final = 100
_CAPTURED_TAG: Final = 101 << 3 | 1
_PNG_TAG: Final = 1 << 3 | 2
_DATA_TAG: Final = 102 << 3 | 2
_MIN_TAG: Final = 1 << 3  # fields are numbered from 1
_MAX_TAG: Final = 2**32 - 1
_MAX_VARINT_BYTES: Final = 10
_MAX_SHORT_BYTES: Final = 5  # of a tag or a length, which have 32 bits: the runtime refuses longer ones


def varint(number: int) -> bytes:
    """A number from 0 as groups of seven bits, lowest first; the eighth bit says that another follows."""
    if number < 0x80:
        return _SMALL[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def frame_head(size_bytes: int, info: bytes = b"", *, is_png: bool = True) -> bytes:
    """The bytes before a picture of this size in a `StreamEnvelope`.

    Args:
        size_bytes: of the picture.
        info: the serialized other fields of its `Frame`.
        is_png: whether it goes into `png_data`; otherwise into `data`.

    Raises:
        ValueError: the picture is too large for one message.
    """
    if size_bytes + len(info) > MAX_PICTURE_BYTES:
        raise ValueError(f"data has {size_bytes} bytes; one message holds at most {MAX_PICTURE_BYTES}")
    inner = info + (_PNG_DATA if is_png else _DATA) + varint(size_bytes)
    return _FRAME + varint(len(inner) + size_bytes) + inner


def update_head(info: bytes, payload_bytes: int) -> bytes:
    """The bytes before a JSON payload of this size in a `StreamEnvelope`; `JSON_ENCODED` follows the payload.

    Args:
        info: a serialized `PeripheralInfo`.
        payload_bytes: the length of the payload.
    """
    inner = _PERIPHERAL_INFO + varint(len(info)) + info + _PAYLOAD + varint(payload_bytes)
    return _PERIPHERAL + varint(len(inner) + payload_bytes + len(JSON_ENCODED)) + inner


def tail(sequence: int, captured_unix_ns: int) -> bytes:
    """An envelope's sequence number and capture time, which follow its payload.

    Raises:
        ValueError: a number does not fit its field.
        TypeError: the time is not an int.
    """
    if not 1 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"sequence is {sequence}; it must be from 1 to 2**64 - 1")
    return _SEQUENCE + varint(sequence) + time_tail(captured_unix_ns)


def check_time(captured_unix_ns: int) -> None:
    """Raise ValueError if a capture time does not fit its field."""
    if not MIN_UNIX_NS <= captured_unix_ns <= MAX_UNIX_NS:
        raise ValueError(f"captured_unix_ns is {captured_unix_ns}; it must be from -2**63 to 2**63 - 1")


def time_tail(captured_unix_ns: int) -> bytes:
    """The capture time alone, of an envelope without a number.

    Raises:
        ValueError: it does not fit its field.
        TypeError: it is not an int.
    """
    check_time(captured_unix_ns)
    if captured_unix_ns == 0:  # as everywhere in proto3, zero is left out
        return b""
    try:
        return _TAG_AND_TIME.pack(_CAPTURED_UNIX_NS, captured_unix_ns)
    except struct.error:
        kind = type(captured_unix_ns).__qualname__
        raise TypeError(f"captured_unix_ns is {kind}; it must be an int, in nanoseconds") from None


class DecodeError(ValueError):
    """The bytes are not a message of the stream. The fault is the sender's; the text says what is wrong."""


class Fields(NamedTuple):
    """The fields of a serialized `StreamEnvelope`."""

    payload: int
    """1 for a frame, 2 for a peripheral, 0 for neither."""
    start: int
    """First byte of the payload: the serialized `Frame` or `PeripheralEnvelope`."""
    end: int
    """The offset just after the payload's last byte."""
    sequence: int
    """0 when it has none."""
    captured_unix_ns: int
    """0 when it has none."""
    is_merged: bool = False
    """Whether it has more than one payload, which readers merge."""


def fields(encoded: bytes) -> Fields:
    """Find the fields of a serialized `StreamEnvelope` without reading its payload.

    If a field occurs twice, the last one is found.

    Raises:
        DecodeError: the bytes are something else, or hold a group, which proto3 does not have.
    """
    payload = start = end = sequence = captured = at = payloads = 0
    size = len(encoded)
    while at < size:
        tag, at = _read_varint(encoded, at, _MAX_SHORT_BYTES)
        kind = tag & 7
        if not _MIN_TAG <= tag <= _MAX_TAG:
            raise DecodeError(f"not a StreamEnvelope: no field has number {tag >> 3}")
        if kind == _VARINT:
            value, at = _read_varint(encoded, at)
            if tag >> 3 == _SEQUENCE_FIELD:
                sequence = value
            continue
        if kind == _LENGTH:
            length, at = _read_varint(encoded, at, _MAX_SHORT_BYTES)
        elif kind in _FIXED_BYTES:
            length = _FIXED_BYTES[kind]
        else:
            raise DecodeError(f"not a StreamEnvelope: wire type {kind} at byte {at}")
        after = at + length
        if after > size:
            raise DecodeError(f"not a StreamEnvelope: it ends within field {tag >> 3}")
        if kind == _LENGTH and tag >> 3 in (1, 2):
            payload, start, end = tag >> 3, at, after
            payloads += 1
        elif tag == _CAPTURED_TAG:
            captured = int.from_bytes(encoded[at:after], "little", signed=True)
        at = after
    return Fields(payload, start, end, sequence, captured, payloads > 1)


def png_of(frame: bytes) -> bytes | None:
    """The picture in a serialized `Frame`; None when the frame has other fields or no picture.

    Raises:
        DecodeError: the bytes are not a `Frame`.
    """
    if not frame.startswith(_PNG_DATA):
        return None
    length, at = _read_varint(frame, 1, _MAX_SHORT_BYTES)
    return frame[at:] if at + length == len(frame) else None


class Picture(NamedTuple):
    """A serialized `Frame` in two parts."""

    info: bytes
    """All fields but the last."""
    start: int
    """First byte of the content of the last field, which is `png_data` or `data`."""
    is_png: bool
    """Whether it is `png_data`."""


def picture_of(frame: bytes) -> Picture | None:
    """Find the picture in a serialized `Frame` that ends with it, as all do that `frame_head` begins.

    Raises:
        DecodeError: the bytes are not a `Frame`.
    """
    at, size = 0, len(frame)
    while at < size:
        begins = at
        tag, at = _read_varint(frame, at, _MAX_SHORT_BYTES)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _read_varint(frame, at)
        elif kind == _LENGTH:
            length, at = _read_varint(frame, at, _MAX_SHORT_BYTES)
            if at + length == size and tag in (_PNG_TAG, _DATA_TAG):
                return Picture(frame[:begins], at, tag == _PNG_TAG)
            at += length
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        else:
            return None
    return None


def _read_varint(data: bytes, at: int, max_bytes: int = _MAX_VARINT_BYTES) -> tuple[int, int]:
    """The number at an offset, and the offset after it."""
    value = shift = 0
    while at < len(data) and shift < 7 * max_bytes:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & MAX_SEQUENCE, at
        shift += 7
    raise DecodeError(f"not a StreamEnvelope: no number at byte {at}")
