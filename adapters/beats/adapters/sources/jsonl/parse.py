"""One line of JSON to one peripheral update; pure, and strict about what it takes."""

import difflib
import json
import math
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple, NoReturn, cast

from beats.kernel.envelope import Location, Peripheral, Tag

Object = dict[str, object]

LINE_KEYS: Final = ("id", "data", "tags", "location", "captured_unix_ns")
TAP_KEYS: Final = ("kind", "topic", "sequence", "received_unix_ns", "size_bytes", "payload_type")
"""What `beats tap --json` says besides: the stream numbers and times an update itself."""
TAG_KEYS: Final = ("name", "variant", "metadata")
LOCATION_KEYS: Final = ("x", "y", "z", "time")
MAX_UNIX_NS: Final = 2**63 - 1
"""The wire's field is a signed 64-bit number."""
SHOWN: Final = 60
"""Characters of a wrong value that an error repeats."""

NOT_EMPTY: Final = "a text that is not empty"
_MISSING: Final = object()


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
    fields = _fields(_load(line), LINE_KEYS, "the line", wanted, TAP_KEYS)
    name = fields.get("id", "")
    if not isinstance(name, str):
        _refuse("id", "a text", name)
    data = fields.get("data", _MISSING)
    if data is _MISSING:
        _refuse("data", "any JSON value, or null", data)
    tags = fields.get("tags")
    location = fields.get("location")
    message = Peripheral(
        name,
        data,
        () if tags is None else _tags(tags),
        None if location is None else _location(location),
    )
    captured = fields.get("captured_unix_ns")
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
        _refuse("tags", "a list of objects or texts", value)
    return tuple(_tag(item, f"tags[{index}]") for index, item in enumerate(cast("list[object]", value)))


def _tag(value: object, where: str) -> Tag:
    if isinstance(value, str) and value:
        return Tag(value)
    fields = _fields(value, TAG_KEYS, where, "an object with a name, or " + NOT_EMPTY)
    name = fields.get("name", _MISSING)
    if not isinstance(name, str) or not name:
        _refuse(f"{where}.name", NOT_EMPTY, name)
    variant = fields.get("variant", "")
    if not isinstance(variant, str):
        _refuse(f"{where}.variant", "a text", variant)
    metadata = fields.get("metadata", {})
    if not isinstance(metadata, dict):
        _refuse(f"{where}.metadata", "an object of texts", metadata)
    for key, item in cast("Object", metadata).items():
        if not isinstance(item, str):
            _refuse(f"{where}.metadata[{_shown(key)}]", "a text", item)
    return Tag(name, variant, cast("Mapping[str, str]", metadata))


def _location(value: object) -> Location:
    fields = _fields(value, LOCATION_KEYS, "location", "an object with x, y, z and time")
    time = fields.get("time", "")
    if not isinstance(time, str):
        _refuse("location.time", "ISO 8601 text", time)
    return Location(_number(fields, "x"), _number(fields, "y"), _number(fields, "z"), time)


def _number(fields: Object, axis: str) -> float:
    value = fields.get(axis, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > sys.float_info.max:
        _refuse(f"location.{axis}", "a number", value)
    return float(value)


def _unix_ns(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UNIX_NS:
        _refuse("captured_unix_ns", "whole nanoseconds since 1970", value)
    return value


def _fields(
    value: object, known: tuple[str, ...], where: str, wanted: str, passed_over: tuple[str, ...] = ()
) -> Object:
    if not isinstance(value, dict):
        _refuse(where, wanted, value)
    fields = cast("Object", value)
    for key in fields:
        if key not in known and key not in passed_over:
            near = difflib.get_close_matches(key[:SHOWN], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{where} has an unknown key {_shown(key)}: {hint}")
    return fields


def _refuse(where: str, wanted: str, value: object) -> NoReturn:
    found = "is missing" if value is _MISSING else f"is {_shown(value)}"
    raise ValueError(f"{where} must be {wanted}, but {found}")


def _shown(value: object) -> str:
    """A value as JSON, ASCII only and cut short, so that no input can forge or flood a log line."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > 10**SHOWN:
        return "a huge number"
    text = json.dumps(value[: 2 * SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
