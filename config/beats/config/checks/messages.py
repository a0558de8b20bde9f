"""Turns pydantic's errors into problems worded for the operator."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, EnumType
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from beats.config.errors import MASK, Problem, dotted, nearest, shown
from beats.config.layers.environment import key_of_word
from beats.config.layers.merging import Level, Node, Table, child, highest_level, plain, where
from beats.config.schema import expected_at, holds_password, holds_secret, known_keys, members

_Context = Mapping[str, Any]
_ModelT = TypeVar("_ModelT", bound=BaseModel)

NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})


def check(
    model: type[_ModelT], table: Table, key: Sequence[str], aliases: Mapping[str, str] = NO_ALIASES
) -> _ModelT | list[Problem]:
    """The settings in the table at `key`, or every problem in them.

    Args:
        model: their types.
        table: what was given.
        key: its place.
        aliases: short variables of these settings, whose words a person may take for keys.
    """
    try:
        return model.model_validate(plain(table))
    except ValidationError as error:
        return _problems(error, model, table, key, aliases)


def _problems(
    error: ValidationError,
    model: type[BaseModel],
    table: Table,
    key: Sequence[str],
    aliases: Mapping[str, str],
) -> list[Problem]:
    found: dict[tuple[str | int, ...], Problem] = {}
    data = plain(table)
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and len(detail["input"]) >= detail.get("ctx", {})["min_length"]:
            continue  # only valid items count: those that are not are reported themselves
        path = _path(detail, data)
        problem = _problem(detail, path, model, table, key, aliases)
        # A value that fits none of several types is reported once for each of them.
        if (earlier := found.get(path)) is not None and problem.message not in earlier.message:
            problem = earlier._replace(message=f"{earlier.message}, or {problem.message}")
        found[path] = problem
    # An array or table that fails inside one of several types need not be of another one.
    outer = {path[:length] for path in found for length in range(len(path))}
    outer = {path for path in outer if len(members(expected_at(model, path))) > 1}
    return [problem for path, problem in found.items() if path not in outer]


def _path(detail: ErrorDetails, data: object) -> tuple[str | int, ...]:
    """The path of a fault in the data; pydantic's own path has names of types in between."""
    path: list[str | int] = []
    for part in detail["loc"]:
        if isinstance(data, Mapping) and part in data:
            data = cast(Mapping[object, object], data)[part]
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int):
            if part >= len(cast(Sequence[object], data)):  # the array is too short: it is at fault itself
                break
            data = cast(Sequence[object], data)[part]
        elif detail["type"] != "missing" or part != detail["loc"][-1]:
            continue
        path.append(part)
    return tuple(path)


def _problem(
    detail: ErrorDetails,
    path: tuple[str | int, ...],
    model: type[BaseModel],
    table: Table,
    key: Sequence[str],
    aliases: Mapping[str, str],
) -> Problem:
    kind = detail["type"]
    expected = expected_at(model, path)
    message = allowed(detail)
    if types := _items(detail, expected):
        kind, message = "too_short", f"must have {len(types)} items"
        if set(types) == {int}:
            message += f", such as {list(range(1, len(types) + 1))}"
    if kind == "value_error" and isinstance(detail["input"], Mapping):
        return _rule_problem(message, path, model, table, key)
    siblings = known_keys(expected_at(model, path[:-1]))
    meant: str | None = None
    secret = holds_secret(expected)
    if kind == "extra_forbidden":
        name = str(path[-1])
        meant = (key_of_word(name, aliases) if len(path) == 1 else None) or nearest(name, siblings)
        message = "unknown key" if meant else f"unknown key; known are: {', '.join(siblings)}"
        # A misspelt secret must not be shown, nor an unknown key of a table that holds secrets.
        secret = holds_secret(expected_at(model, [*path[:-1], *meant.split(".")] if meant else path[:-1]))
    elif choices := _choices(detail, expected):
        message = f"must be one of {', '.join(choices)}"
        if isinstance(detail["input"], str):  # the most similar number may mean the opposite
            meant = nearest(detail["input"], choices)
    elif kind in _ARRAY_TYPES and _has_texts(expected):
        message = 'must be an array of texts, such as ["a", "b"]'
    elif kind == "is_instance_of" and Path in members(expected):
        message = "must be a path, in quotes"
    value = None if kind == "missing" or isinstance(detail["input"], Mapping) else shown(detail["input"])
    if value is not None and (secret or holds_password(detail["input"])):
        value = MASK
    return Problem(_where(table, path), dotted([*key, *path]), value, message, meant)


def allowed(detail: ErrorDetails) -> str:
    """What would be right, in place of what pydantic says."""
    kind = detail["type"]
    return _MESSAGES[kind](detail.get("ctx", {})) if kind in _MESSAGES else detail["msg"]


def _rule_problem(
    message: str, path: tuple[str | int, ...], model: type[BaseModel], table: Table, key: Sequence[str]
) -> Problem:
    """A problem of settings that do not fit each other; it is where those are that the message names.

    What the lowest layer of every profile gives is at fault only if nothing else is.
    """
    known = known_keys(expected_at(model, path))
    node = _node(table, path)
    named = {name: child(node, name) for name in re.findall(r"\w+", message) if name in known}
    given = {name: below for name, below in named.items() if below is not None}
    own = {name: below for name, below in given.items() if highest_level(below) > Level.SHIPPED}
    match list((own or given).items()):
        case []:
            return Problem(where(node), dotted([*key, *path]), None, message)
        case [(name, below)]:
            value = plain(below)
            is_secret = holds_secret(expected_at(model, [*path, name])) or holds_password(value)
            text = MASK if is_secret else None if isinstance(below, Table) else shown(value)
            return Problem(where(below), dotted([*key, *path, name]), text, message)
        case several:
            places = ", ".join(dict.fromkeys(where(below) for _, below in several))
            return Problem(places, dotted([*key, *path]), None, message)


def _has_texts(expected: Any) -> bool:
    """Whether an array of this type may hold texts."""
    items = (item for array in members(expected) for item in get_args(array))
    return any(member in (str, Path) for item in items for member in members(item))


def _items(detail: ErrorDetails, expected: Any) -> tuple[Any, ...]:
    """The types of the items that an array must have, when it has another number than there are types for."""
    is_short = detail["type"] == "missing" and isinstance(detail["loc"][-1], int)
    if is_short or detail["type"] == "too_long":
        for member in members(expected):
            if get_origin(member) is tuple and Ellipsis not in (types := get_args(member)):
                return types
    return ()


def _where(table: Table, path: Sequence[str | int]) -> str:
    """Where the value at a path came from; for a missing one, where its table came from."""
    return where(_node(table, path))


def _node(table: Table, path: Sequence[str | int]) -> Node:
    """The node at a path, or the last one on the way to it."""
    node: Node = table
    for part in path:
        below = child(node, str(part))
        if below is None:
            break
        node = below
    return node


def _choices(detail: ErrorDetails, expected: Any) -> list[str]:
    """The allowed values, when the fault is that the value is not one of them."""
    if detail["type"] == "literal_error":
        literals = [member for member in members(expected) if get_origin(member) is Literal]
        return [str(choice) for literal in literals for choice in get_args(literal)]
    if detail["type"] == "is_instance_of":
        enums = [member for member in members(expected) if isinstance(member, EnumType)]
        return [str(choice.value) for enum in enums for choice in cast(Iterable[Enum], enum)]
    return []


def _number(value: float) -> str:
    """A bound as text; a float without a fraction is shown as a whole number."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _at_least(noun: str) -> Callable[[_Context], str]:
    def message(context: _Context) -> str:
        least = context["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {least} {noun}"

    return message


def _always(message: str) -> Callable[[_Context], str]:
    return lambda _: message


_ARRAY_TYPES: Final = ("list_type", "tuple_type", "set_type", "frozen_set_type")
_MUST_BE: Final = {
    "a whole number": ("int_type", "int_parsing", "int_from_float"),
    "a number": ("float_type", "float_parsing"),
    "a finite number": ("finite_number",),
    "text, in quotes": ("string_type",),
    "true or false": ("bool_type", "bool_parsing"),
    "an array, such as [1, 2]": _ARRAY_TYPES,
    "a table, such as { key = 1 }": ("dict_type", "mapping_type", "model_type", "model_attributes_type"),
    "a date": ("date_type",),
    "a date and time": ("datetime_type",),
    "a time of day": ("time_type",),
}
_MESSAGES: Final[Mapping[str, Callable[[_Context], str]]] = {
    **{kind: _always(f"must be {what}") for what, kinds in _MUST_BE.items() for kind in kinds},
    "missing": _always("is required"),
    "literal_error": lambda context: f"must be one of {context['expected']}",
    "enum": lambda context: f"must be one of {context['expected']}",
    "greater_than_equal": lambda context: f"must be at least {_number(context['ge'])}",
    "greater_than": lambda context: f"must be more than {_number(context['gt'])}",
    "less_than_equal": lambda context: f"must be at most {_number(context['le'])}",
    "less_than": lambda context: f"must be less than {_number(context['lt'])}",
    "multiple_of": lambda context: f"must be a multiple of {_number(context['multiple_of'])}",
    "string_too_short": _at_least("characters"),
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "string_pattern_mismatch": lambda context: f"must match the pattern {context['pattern']}",
    "too_short": _at_least("items"),
    "too_long": lambda context: f"must have at most {context['max_length']} items",
    "value_error": lambda context: str(context["error"]),
    "assertion_error": lambda context: str(context["error"]),
}
