"""Reads OSC packets: https://opensoundcontrol.stanford.edu/spec-1_0.html. Pure.

Reads all types of arguments of OSC 1.0 and 1.1, and refuses everything that is not whole.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

BUNDLE: Final = b"#bundle\0"
IMMEDIATELY: Final = 1
"""The time tag that means: at once."""
_UNIX_S: Final = 2_208_988_800
"""Seconds from 1900-01-01, where time tags begin, to 1970-01-01: RFC 5905, section 6."""
_MAX_DEPTH: Final = 16
"""Most bundles or arrays within each other."""
_NUMBERS: Final = {
    "i": struct.Struct(">i"),
    "f": struct.Struct(">f"),
    "h": struct.Struct(">q"),
    "d": struct.Struct(">d"),
}
_SIZE: Final = struct.Struct(">i")
_TIME: Final = struct.Struct(">Q")
_CONSTANTS: Final = {"T": True, "F": False, "N": None, "I": True}


class OscMessage(NamedTuple):
    """One message."""

    address: str
    arguments: tuple[object, ...]
    time_tag: int
    """The time of the bundle around the message, in 2**-32 s since 1900; `IMMEDIATELY` without a bundle."""


def messages(packet: bytes) -> list[OscMessage]:
    """The messages in a packet, in order.

    Raises:
        ValueError: it is not a whole OSC packet; says why.
    """
    return list(_packet(packet, IMMEDIATELY, 0))


def unix_ns_of(time_tag: int) -> int:
    """A time tag in nanoseconds since 1970."""
    return (
        (time_tag >> 32) * 1_000_000_000
        - _UNIX_S * 1_000_000_000
        + ((time_tag & 0xFFFFFFFF) * 1_000_000_000 >> 32)
    )


def _packet(data: bytes, time_tag: int, depth: int) -> Iterator[OscMessage]:
    if data.startswith(BUNDLE):
        if depth == _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} bundles within each other")
        yield from _bundle(data, depth)
    elif data.startswith(b"/"):
        yield _message(data, time_tag)
    else:
        raise ValueError(f"a packet begins with {data[:8]!r}; it must begin with a slash or #bundle")


def _bundle(data: bytes, depth: int) -> Iterator[OscMessage]:
    if len(data) < 16:
        raise ValueError("a bundle is cut off before its time tag")
    (time_tag,) = _TIME.unpack_from(data, 8)
    at = 16
    while at < len(data):
        (size,) = _number(data, at, _SIZE, "the size of a bundle's element")
        at += 4
        if size <= 0 or size % 4 or at + size > len(data):
            raise ValueError(
                f"an element of a bundle has {size} bytes: it must be a multiple of 4, above 0, and at most "
                f"the {len(data) - at} bytes that are left"
            )
        yield from _packet(data[at : at + size], time_tag, depth + 1)
        at += size


def _message(data: bytes, time_tag: int) -> OscMessage:
    address, at = _text(data, 0, "the address")
    if not address.isprintable():
        raise ValueError(f"the address {address!r:.80} cannot be printed")
    if at == len(data):
        return OscMessage(address, (), time_tag)  # older senders leave out the types if there are none
    types, at = _text(data, at, "the types of arguments")
    if not types.startswith(","):
        raise ValueError(
            f"{address}: the types of its arguments are {types!r:.40}, without a comma before them"
        )
    arguments: list[object] = []
    arrays = [arguments]
    for kind in types[1:]:
        if kind == "[":
            if len(arrays) > _MAX_DEPTH:
                raise ValueError(f"{address}: more than {_MAX_DEPTH} arrays within each other")
            inner: list[object] = []
            arrays[-1].append(inner)
            arrays.append(inner)
        elif kind == "]":
            arrays.pop()
            if not arrays:
                raise ValueError(f"{address}: an array ends that did not begin")
        else:
            value, at = _argument(data, at, kind, address)
            arrays[-1].append(value)
    if len(arrays) > 1:
        raise ValueError(f"{address}: an array does not end")
    if at != len(data):
        raise ValueError(f"{address}: {len(data) - at} bytes follow after its arguments")
    return OscMessage(address, tuple(arguments), time_tag)


def _argument(data: bytes, at: int, kind: str, address: str) -> tuple[object, int]:
    """An argument, and where the next one begins."""
    what = f"{address}: an argument of the type {kind!r}"
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return _number(data, at, number, what)[0], at + number.size
    if kind in "sS":
        return _text(data, at, what)
    if kind == "b":
        (size,) = _number(data, at, _SIZE, what)
        begin, end = at + 4, at + 4 + size
        if size < 0 or _padded(end) > len(data):
            raise ValueError(f"{what} is cut off, or its size {size} is wrong")
        return data[begin:end], _padded(end)
    if kind == "t":
        (tag,) = _number(data, at, _TIME, what)
        return _moment(tag), at + 8
    if kind in "crm":
        (code,) = _number(data, at, struct.Struct(">I"), what)
        return _four_bytes(kind, code, what), at + 4
    raise ValueError(f"{address}: it has an argument of the type {kind!r}, which OSC does not know")


def _four_bytes(kind: str, code: int, what: str) -> object:
    if kind == "r":
        return f"#{code:08x}"
    if kind == "m":
        return list(code.to_bytes(4))
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError(f"{what} is no character")
    return chr(code)


def _moment(time_tag: int) -> datetime:
    # Multiplied first: seconds as a float have too few digits for microseconds.
    return datetime(1900, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_tag * 1_000_000 >> 32)


def _number(data: bytes, at: int, number: struct.Struct, what: str) -> tuple[int, ...]:
    if at + number.size > len(data):
        raise ValueError(f"{what} is cut off")
    return number.unpack_from(data, at)


def _text(data: bytes, at: int, what: str) -> tuple[str, int]:
    """A text, and what follows after its padding with zeros to a multiple of four bytes."""
    end = data.find(b"\0", at)
    if end < 0 or _padded(end + 1) > len(data):
        raise ValueError(f"{what} is cut off")
    try:
        return data[at:end].decode(), _padded(end + 1)
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not text in UTF-8: {data[at:end]!r:.80}") from None


def _padded(offset: int) -> int:
    return -(-offset // 4) * 4
