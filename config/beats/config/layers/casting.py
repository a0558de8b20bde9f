"""Converts values to the types that the settings expect; never guesses.

Text from a variable or `--set` is converted to the expected type only: `12345678` stays text where text is
expected. Text that does not fit stays text, and the check of the settings reports it. Values from TOML and
Python are typed already; only what TOML cannot express is converted (tuples, sets, paths, enum members).

| expected        | text that fits                                                                     |
|-----------------|------------------------------------------------------------------------------------|
| whole number    | decimal digits, with a sign or `_` between digits: `8765`, `-1`, `10_000`          |
| number          | the same, or with a point or exponent: `0.5`, `1e3`                                |
| true or false   | `true` `1` `yes` `on`, `false` `0` `no` `off`, in any letter case                  |
| array           | a TOML array, `["a", "b"]`, or comma-separated values, `a, b`; empty: no items     |
| table           | a TOML inline table, `{ size = 4 }`                                                |
| date or time    | as in TOML                                                                         |
| text            | any, unchanged                                                                     |

Where several types are allowed (`int | Literal["auto"]`), the first one that fits is taken.
"""

import datetime
import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin

from beats.config.layers.merging import Text
from beats.config.schema import inside, is_mapping, is_model, is_sequence, members

_BOOLS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_CONTAINERS: Final[Mapping[Any, Any]] = {tuple: tuple, set: set, frozenset: frozenset}
_T = TypeVar("_T")
_MOMENTS: Final = (datetime.datetime, datetime.date, datetime.time)


class _UnfitError(Exception):
    """The value is not of the type that was tried."""


def fit(value: object, annotation: Any) -> object:
    """The value converted to the annotation, or unchanged; no `Text` is left in it."""
    for member in members(annotation):
        try:
            return _from_text(value.text, member) if isinstance(value, Text) else _from_value(value, member)
        except _UnfitError:
            continue
    return _without_text(value)


def inline_table(text: str) -> dict[str, object]:
    """Parse an inline table.

    Raises:
        ValueError: the text is not an inline table.
    """
    table = _toml_value(text)
    if not isinstance(table, dict):
        raise ValueError("not an inline table")  # noqa: TRY004  # the text is wrong, not its type
    return cast(dict[str, object], table)


def _toml_value(text: str) -> object:
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError) as error:
        raise ValueError("not a TOML value") from error
    if document.keys() != {"value"}:  # a line break in the text began a second key
        raise ValueError("more than one TOML value")
    return document["value"]


def _from_text(text: str, expected: Any) -> object:
    if get_origin(expected) is Literal:
        return _first(get_args(expected), lambda choice: str(choice) == text)
    if is_model(expected) or is_mapping(expected):
        return _from_value(_read(inline_table, text), expected)
    if is_sequence(expected):
        return _array(text, expected)
    if not isinstance(expected, type):  # Any or a type variable: it may be text
        return text
    if issubclass(expected, Enum):
        return _first(expected, lambda member: str(member.value) == text)
    if expected in _MOMENTS:
        return _moment(text, expected)
    reader = _READERS.get(expected)
    return text if reader is None else _read(reader, text)


def _from_value(value: object, expected: Any) -> object:
    if isinstance(expected, type) and issubclass(expected, Enum):
        return _first(expected, lambda member: member is value or _same(member.value, value))
    if isinstance(value, Mapping) and (is_model(expected) or is_mapping(expected)):
        table = cast(Mapping[str, object], value)
        return {key: fit(item, inside(expected, key)) for key, item in table.items()}
    if isinstance(value, list | tuple) and is_sequence(expected):
        return _sequence(cast("list[object] | tuple[object, ...]", value), expected)
    if isinstance(value, str) and expected is Path:
        return Path(value)
    raise _UnfitError


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other  # because 1 == True == 1.0


def _read(reader: Callable[[str], _T], text: str) -> _T:
    try:
        return reader(text)
    except (ValueError, KeyError) as error:
        raise _UnfitError from error


def _ascii(text: str) -> str:
    if not text.isascii():  # int() and float() accept the digits of every script
        raise ValueError("not a number")
    return text


_READERS: Final[Mapping[Any, Callable[[str], object]]] = {
    bool: lambda text: _BOOLS[text.strip().casefold()],
    int: lambda text: int(_ascii(text)),
    float: lambda text: float(_ascii(text)),
    Path: Path,
}


def _first(choices: Iterable[Any], fits: Callable[[Any], bool]) -> object:
    for choice in choices:
        if fits(choice):
            return choice
    raise _UnfitError


def _moment(text: str, expected: Any) -> object:
    value = _read(_toml_value, text)
    if type(value) is not expected:
        raise _UnfitError
    return value


def _array(text: str, expected: Any) -> object:
    if text.lstrip().startswith("["):
        value = _read(_toml_value, text)
        if not isinstance(value, list):
            raise _UnfitError
        return _sequence(cast(list[object], value), expected)
    items = [Text(item.strip()) for item in text.split(",")] if text.strip() else []
    return _sequence(items, expected)


def _sequence(items: "list[Any] | tuple[object, ...]", expected: Any) -> object:
    fitted = [fit(item, inside(expected, index)) for index, item in enumerate(items)]
    make: Callable[[list[object]], object] | None = _CONTAINERS.get(get_origin(expected) or expected)
    try:
        return make(fitted) if make else fitted
    except TypeError:  # a table in a set: the check of the settings reports it
        return fitted


def _without_text(value: object) -> object:
    if isinstance(value, Text):
        return value.text
    if isinstance(value, Mapping):
        return {key: _without_text(item) for key, item in cast(Mapping[str, object], value).items()}
    if isinstance(value, list):
        return [_without_text(item) for item in cast(list[object], value)]
    return value
