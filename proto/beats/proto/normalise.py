"""Turns the values of producers into compact JSON, including those that JSON lacks.

| value | JSON |
|---|---|
| dataclass | object of its fields |
| enum | its value |
| UUID | text |
| date, datetime | ISO 8601 text |
| bytes, bytearray, memoryview of bytes | hex text |
| set, frozenset | array, sorted: numbers by size, texts by code point, others by their JSON |
| tuple, named tuple, deque, range, any sequence | array |
| anything with `tolist()`: NumPy arrays and scalars, `array.array`, other memoryviews | what that gives |
| any mapping | object |
| key of a mapping | its text form; if it has none, its JSON: `1`, `true`, `[0,1]` |

Subclasses of str, int, float, list and dict count as what they extend. Anything else is refused.
"""

import json
import json.encoder
import math
import reprlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final, NoReturn, cast
from uuid import UUID

MAX_DEPTH: Final = 100
"""Most levels of nested arrays and objects. Far below the recursion limits of known JSON readers; it also
finds values that contain themselves."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_NUMBERS: Final = frozenset({int, float})
_TEXT: Final = frozenset({str})
_BYTE_FORMATS: Final = frozenset({"B", "b", "c"})
"""Formats of a memoryview whose items are bytes, as in the module `struct`."""
_PATH_STEPS_SHOWN: Final = 8
_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80

# check_circular would cost a dictionary entry per container; the limit of depth finds cycles too.
_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
# JSONEncoder creates a C encoder for each call, which takes longer than encoding a small update. Interpreters
# without that encoder use the documented way.
_make_encoder: Final[Any] = getattr(json.encoder, "c_make_encoder", None)
_c_encode: Final[Any] = _make_encoder and _make_encoder(
    None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)


def _encode(plain: object) -> str:
    if _c_encode is None or not isinstance(plain, dict | list):
        return _ENCODER.encode(plain)
    return "".join(_c_encode(plain, 0))


def to_json(value: object) -> bytes:
    """The compact JSON of a value, in UTF-8.

    Plain data is checked at C speed, one container at a time, and given to the C encoder as it is; only the
    containers around a value that JSON lacks are copied.

    Raises:
        TypeError: something in the value has no JSON; says where, and of which type it is.
        ValueError: it holds NaN or an infinity, text that is not Unicode, two keys that become the same
            text, an integer too long to write, or is too deeply nested; says where.
    """
    try:
        plain = _plain(value, 0)
        try:
            return _encode(plain).encode()
        except ValueError:
            _blame(plain)
    except _Refusal as refusal:
        raise refusal.error() from None
    except RecursionError:
        raise ValueError("data: too deeply nested for what is left of the caller's stack") from None


def iso_8601(moment: datetime) -> str:
    """A time as text with its offset; a time without one is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def short(value: object) -> str:
    """The `repr` of a value, shortened for an error message."""
    try:
        return _REPR.repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return f"<{type(value).__qualname__}>"


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    """Something that cannot be written; collects the path to it while it propagates."""

    def __init__(self, kind: type[TypeError | ValueError], why: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why
        self.steps: list[str] = []

    def error(self) -> TypeError | ValueError:
        steps = self.steps[::-1]
        if len(steps) > _PATH_STEPS_SHOWN:
            steps[_PATH_STEPS_SHOWN:] = ["[…]"]
        return self.kind(f"data{''.join(steps)}: {self.why}")


def _plain(value: object, depth: int) -> object:
    """The value in exact str, int, float, bool, None, list and dict only."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return _object(cast("dict[object, object]", value), depth, is_dict=True)
    if kind is list:
        return _array(cast("list[object]", value), depth)
    return _converted(value, depth)


def _converted(value: object, depth: int) -> object:
    # The order matters: an IntEnum is an int too, and a dataclass may extend list or dict.
    match value:
        case Enum():
            return _plain(value.value, _deeper(depth))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _object({field.name: getattr(value, field.name) for field in fields(value)}, depth)
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
        case bytes() | bytearray():
            return value.hex()
        case memoryview() if value.format in _BYTE_FORMATS:
            return value.tobytes().hex()
        case list() | tuple():
            return _array(list(cast("Iterable[object]", value)), depth)
        case set() | frozenset():
            return _sorted(_array(list(cast("Iterable[object]", value)), depth, "[…]"))
        case Mapping():
            return _object(cast("Mapping[object, object]", value), depth)
        case _:
            return _unpacked(value, depth)


def _unpacked(value: object, depth: int) -> object:
    """The plain form of arrays and numbers of other libraries, recognised by their methods."""
    tolist: object = getattr(value, "tolist", None)
    if callable(tolist) and not isinstance(value, type):
        plain: object = tolist()
        if type(plain) is not type(value):  # else a number without a Python type, such as numpy.longdouble
            return _plain(plain, depth)
    elif isinstance(value, Sequence):
        return _array(list(cast("Iterable[object]", value)), depth)
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    raise _Refusal(TypeError, f"{module}{kind.__qualname__} has no JSON form; publish something that has")


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise _Refusal(ValueError, f"more than {MAX_DEPTH} levels deep, or it contains itself")
    return depth + 1


def _array(items: list[object], depth: int, step: str | None = None) -> list[object]:
    depth = _deeper(depth)
    if _SCALARS.issuperset(map(type, items)):
        return items
    return [
        item if type(item) in _SCALARS else _child(item, depth, step or f"[{index}]")
        for index, item in enumerate(items)
    ]


def _object(mapping: Mapping[object, object], depth: int, *, is_dict: bool = False) -> object:
    depth = _deeper(depth)
    if is_dict and _TEXT.issuperset(map(type, mapping)) and _SCALARS.issuperset(map(type, mapping.values())):
        return mapping
    result: dict[str, object] = {}
    for key, item in mapping.items():
        text = key if type(key) is str else _key(key, depth)
        if text in result:
            raise _Refusal(ValueError, f"two keys become the text {short(text)}")
        result[text] = item if type(item) in _SCALARS else _child(item, depth, f"[{short(text)}]")
    return result


def _child(item: object, depth: int, step: str) -> object:
    try:
        return _plain(item, depth)
    except _Refusal as refusal:
        refusal.steps.append(step)
        raise


def _key(key: object, depth: int) -> str:
    try:
        plain = _plain(key, depth)
        return plain if isinstance(plain, str) else _text(plain)
    except _Refusal as refusal:
        refusal.steps.append(f"[key {short(key)}]")
        raise


def _sorted(items: list[Any]) -> list[Any]:
    """The elements of a set, always in the same order."""
    kinds = frozenset(map(type, items))
    if kinds <= _TEXT:
        return sorted(items)
    if kinds <= _NUMBERS:
        return sorted(items, key=lambda number: (number, type(number) is float))
    return sorted(items, key=_text)


def _text(plain: object) -> str:
    try:
        return _encode(plain)
    except ValueError:
        _blame(plain)


def _blame(plain: object) -> NoReturn:
    """Raise for the value that the encoder refused; the encoder does not say which."""
    _check(plain)
    raise _Refusal(ValueError, "JSON cannot hold it")


def _check(plain: object) -> None:
    match plain:
        case float() if not math.isfinite(plain):
            raise _Refusal(ValueError, f"{plain} is not a number in JSON")
        case int():
            try:
                str(plain)
            except ValueError:
                limit = sys.get_int_max_str_digits()
                raise _Refusal(ValueError, f"an integer of more than {limit} digits") from None
        case str():
            try:
                plain.encode()
            except UnicodeEncodeError as error:
                raise _Refusal(ValueError, f"text that is not Unicode: {error.reason}") from None
        case list():
            for index, item in enumerate(cast("list[object]", plain)):
                _checked_child(item, f"[{index}]")
        case dict():
            for key, item in cast("dict[str, object]", plain).items():
                _checked_child(key, f"[key {short(key)}]")
                _checked_child(item, f"[{short(key)}]")
        case _:
            pass


def _checked_child(item: object, step: str) -> None:
    try:
        _check(item)
    except _Refusal as refusal:
        refusal.steps.append(step)
        raise
