"""One line of JSON to one peripheral update; pure, and strict about what it takes."""

import json
import math
from typing import Final, NamedTuple, NoReturn, cast

from beats.kernel.envelope import Peripheral, Tag
from beats.kit import labels
from beats.kit.labels import MISSING, SHOWN, fields, refuse

LINE_KEYS: Final = ("id", "data", "tags", "location", "captured_unix_ns")
TAP_KEYS: Final = ("kind", "topic", "sequence", "received_unix_ns", "size_bytes", "payload_type")
"""What `beats tap --json` says besides: the stream numbers and times an update itself."""
MAX_UNIX_NS: Final = 2**63 - 1
"""The wire's field is a signed 64-bit number."""


class Update(NamedTuple):
    """What a good line says."""

    message: Peripheral
    captured_unix_ns: int | None


def parse(line: bytes) -> Update:
    """Read one line.

    Raises:
        ValueError: what is wrong with it and what would be right, in one sentence.
    """
    wanted = 'an object such as {"id": "knob-1", "data": {}}'
    given = fields(_load(line), LINE_KEYS, "the line", wanted, TAP_KEYS)
    name = given.get("id", "")
    if not isinstance(name, str):
        refuse("id", "a text", name)
    data = given.get("data", MISSING)
    if data is MISSING:
        refuse("data", "any JSON value, or null", data)
    tags = given.get("tags")
    location = given.get("location")
    message = Peripheral(
        name,
        data,
        () if tags is None else _tags(tags),
        None if location is None else labels.location(location),
    )
    captured = given.get("captured_unix_ns")
    return Update(message, None if captured is None else _unix_ns(captured))


def _load(line: bytes) -> object:
    try:
        # Decoded here because `json` would guess UTF-16 from zero bytes.
        return _decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON: send null, or leave it out")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:SHOWN]} is larger than a double can be")
    return value


_decode: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode


def _tags(value: object) -> tuple[Tag, ...]:
    if not isinstance(value, list):
        refuse("tags", "a list of objects or texts", value)
    given = enumerate(cast("list[object]", value))
    return tuple(labels.tag(item, f"tags[{index}]") for index, item in given)


def _unix_ns(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UNIX_NS:
        refuse("captured_unix_ns", "whole nanoseconds since 1970", value)
    return value
