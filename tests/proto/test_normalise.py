import json
import sys
import traceback
from array import array
from collections import OrderedDict, UserList, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, cast
from uuid import UUID

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.proto.normalise import MAX_DEPTH, to_json
from tests.proto.strategies import examples, plain_json, scalars


class Colour(Enum):
    RED = "red"
    POINT = (1, 2)


class Level(IntEnum):
    LOW = 1


class Mode(StrEnum):
    SLOW = "slow"


class Labelled(str, Enum):  # noqa: UP042 - an enum whose members are other text than their values
    KNOB = "knob"

    def __new__(cls, text: str) -> "Labelled":
        member = str.__new__(cls, f"label of {text}")
        member._value_ = text
        return member


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Reading:
    value: object
    unit: str = "°C"


@dataclass
class NamedList(list[int]):
    name: str = "n"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "other"


class Number(int):
    def __int__(self) -> int:
        return -1


class Real(float):
    def __float__(self) -> float:
        return -1.0


A_UUID = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Reading(1.5), '{"value":1.5,"unit":"°C"}'),
        (Reading(Reading(None)), '{"value":{"value":null,"unit":"°C"},"unit":"°C"}'),
        (NamedList("five"), '{"name":"five"}'),
        (Colour.RED, '"red"'),
        (Colour.POINT, "[1,2]"),
        (Level.LOW, "1"),
        (Mode.SLOW, '"slow"'),
        (Labelled.KNOB, '"knob"'),
        (A_UUID, '"12345678-1234-5678-1234-567812345678"'),
        (date(2024, 5, 1), '"2024-05-01"'),
        (datetime(2024, 5, 1, 1, 2, 3, 4, tzinfo=UTC), '"2024-05-01T01:02:03.000004+00:00"'),
        (b"\x00\xff", '"00ff"'),
        (bytearray(b"\x01"), '"01"'),
        (memoryview(b"\x02"), '"02"'),
        (memoryview(b"\x02\xff\x03")[::2], '"0203"'),
        (memoryview(array("d", [1.5, 2])), "[1.5,2.0]"),
        (array("B", [1, 2]), "[1,2]"),
        (deque([1, (2,)]), "[1,[2]]"),
        (range(3), "[0,1,2]"),
        (UserList([b"\x01"]), '["01"]'),
        (numpy.float32(0.5), "0.5"),
        (numpy.float64(0.1), "0.1"),
        (numpy.int64(-3), "-3"),
        (numpy.uint64(2**64 - 1), "18446744073709551615"),
        (numpy.bool_(True), "true"),
        (numpy.str_("text"), '"text"'),
        (numpy.datetime64("2024-05-01"), '"2024-05-01"'),
        (numpy.arange(4).reshape(2, 2), "[[0,1],[2,3]]"),
        (numpy.array(7), "7"),
        (numpy.empty((1, 0)), "[[]]"),
        (numpy.array([{"a": numpy.int8(1)}]), '[{"a":1}]'),
        ({numpy.int64(3), numpy.int64(1)}, "[1,3]"),
        ((1, (2,)), "[1,[2]]"),
        (Point(1, 2), "[1,2]"),
        (Text("text"), '"text"'),
        (Number(7), "7"),
        (Real(0.5), "0.5"),
        (OrderedDict([("b", 1), ("a", 2)]), '{"b":1,"a":2}'),
        (MappingProxyType({"a": b"\x01"}), '{"a":"01"}'),
    ],
)
def test_values_that_json_lacks_become_ones_that_it_has(value: object, expected: str) -> None:
    """Each kind of value has the form in the module's table."""
    assert to_json(value).decode() == expected
    assert to_json({"at": [value]}).decode() == f'{{"at":[{expected}]}}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (set[int](), "[]"),
        ({10, 9, -1}, "[-1,9,10]"),
        ({10, 9.5}, "[9.5,10]"),
        (frozenset({"b", "a!", "a"}), '["a","a!","b"]'),
        ({"b", 10, 9, None, True}, '["b",10,9,null,true]'),
        ({Level.LOW, Colour.RED}, '["red",1]'),
        ({(2, 1), (10,)}, "[[10],[2,1]]"),
        ({Reading: 1}.keys() and {b"\x02", b"\x01"}, '["01","02"]'),
    ],
)
def test_sets_become_sorted_arrays(value: object, expected: str) -> None:
    """Always in the same order: numbers by size, texts by code point, others by their JSON."""
    assert to_json(value).decode() == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("text", "text"),
        (Text("text"), "text"),
        (Mode.SLOW, "slow"),
        (Colour.RED, "red"),
        (Labelled.KNOB, "knob"),
        (A_UUID, str(A_UUID)),
        (numpy.int64(3), "3"),
        (date(2024, 5, 1), "2024-05-01"),
        (b"\x0a", "0a"),
        (Level.LOW, "1"),
        (12, "12"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        ((0, 1), "[0,1]"),
        (frozenset({2, 1}), "[1,2]"),
        (Colour.POINT, "[1,2]"),
    ],
)
def test_keys_become_text(key: object, expected: str) -> None:
    """A key is its text form, or the compact JSON of its other form."""
    assert json.loads(to_json({key: 1})) == {expected: 1}
    assert json.loads(to_json({key: b""})) == {expected: ""}


def test_two_keys_of_one_text_are_refused() -> None:
    """One of the two values would be lost silently."""
    with pytest.raises(ValueError, match=r"^data\['a'\]: two keys become the text '1'$"):
        to_json({"a": {1: "number", "1": "text"}})


@given(plain_json)
@examples(300)
def test_plain_data_is_what_the_standard_encoder_writes(data: object) -> None:
    """Checking plain data first does not change how it is written."""
    expected = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    assert to_json(data).decode() == expected


leaves = (
    scalars
    | st.uuids()
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(timezone(timedelta(hours=2))))
    | st.sampled_from([*Colour, *Level, *Mode, *Labelled])
    | st.builds(Text, st.text())
    | st.frozensets(scalars, max_size=4)
)
rich_data: st.SearchStrategy[object] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4).map(MappingProxyType)
        | st.builds(Reading, inner)
    ),
    max_leaves=12,
)


def _composed(value: object) -> str:
    """Each leaf written by itself, and put together by hand."""
    match value:
        case Reading():
            return f'{{"value":{_composed(value.value)},"unit":"{value.unit}"}}'
        case list() | tuple():
            return f"[{','.join(map(_composed, cast('list[object]', value)))}]"
        case dict() | MappingProxyType():
            items = cast("dict[str, object]", value).items()
            pairs = (f"{to_json(key).decode()}:{_composed(item)}" for key, item in items)
            return f"{{{','.join(pairs)}}}"
        case _:
            return to_json(value).decode()


@given(rich_data)
@examples(400)
def test_shortcuts_change_nothing(data: object) -> None:
    """Any data is written as if each value in it had been converted one by one."""
    assert to_json(data).decode() == _composed(data)


def test_what_the_producer_holds_is_not_changed() -> None:
    """Only copies of the producer's value are changed."""
    data = {"plain": [1, 2], "set": {1}, 3: {"bytes": b"\x01"}}
    to_json(data)
    assert data == {"plain": [1, 2], "set": {1}, 3: {"bytes": b"\x01"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (float("nan"), r"^data: nan is not a number in JSON$"),
        ({"a": [1, float("-inf")]}, r"^data\['a'\]\[1\]: -inf is not a number"),
        ({"a": numpy.array([0, float("nan")])}, r"^data\['a'\]\[1\]: nan is not a number"),
        (Reading(float("nan")), r"^data\['value'\]: nan is not a number"),
        ({"a": {1.5, float("nan")}}, r"^data\['a'\]\[[01]\]: nan is not a number"),
        ({"a": {"b", float("nan")}}, r"^data\['a'\]: nan is not a number"),
        ({"a": {float("nan"): 1}}, r"^data\['a'\]\[key nan\]: nan is not a number"),
        ({"a": {(1, float("inf")): 1}}, r"^data\['a'\]\[key \(1, inf\)\]\[1\]: inf is not a number"),
        (["\ud800"], r"^data\[0\]: text that is not Unicode: surrogates not allowed$"),
        ({"a": {"\udfff": 1}}, r"^data\['a'\]\[key '\\udfff'\]: text that is not Unicode"),
        ([10**5000], r"^data\[0\]: an integer of more than \d+ digits$"),
        ({10**5000: 1}, r"^data\[key <int>\]: an integer of more than \d+ digits$"),
    ],
)
def test_values_that_cannot_be_written_are_refused_by_their_path(data: object, message: str) -> None:
    """The message gives the path to the value."""
    with pytest.raises(ValueError, match=message):
        to_json(data)


def _nothing() -> None: ...


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (object(), r"^data: object has no JSON form"),
        ({"a": [Decimal("1.5")]}, r"^data\['a'\]\[0\]: decimal\.Decimal has no JSON form"),
        ((1, 2j), r"^data\[1\]: complex has no JSON form"),
        (numpy.longdouble(1), r"^data: numpy\.longdouble has no JSON form"),
        ([numpy.array([1j])], r"^data\[0\]\[0\]: complex has no JSON form"),
        (numpy.ndarray, r"^data: type has no JSON form"),
        ({"a": {1, timedelta(1)}}, r"^data\['a'\]\[…\]: datetime\.timedelta has no JSON form"),
        ({timedelta(1): 1}, r"^data\[key datetime\.timedelta\(days=1\)\]: datetime\.timedelta has no"),
        ([Reading], r"^data\[0\]: type has no JSON form"),
        ([_nothing], r"^data\[0\]: function has no JSON form"),
    ],
)
def test_types_without_json_are_refused_by_name_and_path(data: object, message: str) -> None:
    """The message names the type and the path."""
    with pytest.raises(TypeError, match=message):
        to_json(data)


def _nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = 1
    for _ in range(depth):
        value = wrap(value)
    return value


def _in_a_list(value: object) -> object:
    return [value]


def _in_a_dict(value: object) -> object:
    return {"a": value}


def _in_a_tuple(value: object) -> object:
    return (value,)


@pytest.mark.parametrize("wrap", [_in_a_list, _in_a_dict, _in_a_tuple, Reading])
def test_depth_has_a_limit_that_does_not_depend_on_the_stack(wrap: Callable[[object], object]) -> None:
    """MAX_DEPTH levels are written; one more, or enough to exhaust the stack, is refused."""
    assert json.loads(to_json(_nested(MAX_DEPTH, wrap)))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(ValueError, match=rf"more than {MAX_DEPTH} levels deep, or it contains itself"):
            to_json(_nested(depth, wrap))


def test_a_value_that_contains_itself_is_refused() -> None:
    """The path in the message is shortened."""
    data: dict[str, object] = {"name": "cycle"}
    data["self"] = [data]
    with pytest.raises(ValueError, match=r"^data(\['self'\]\[0\]){4}\[…\]: more than") as caught:
        to_json(data)
    assert len(str(caught.value)) < 200


def test_an_enum_of_itself_is_refused() -> None:
    """That is a cycle too."""

    class Loop(Enum):
        LOOP = "replaced"

    setattr(Loop.LOOP, "_value_", Loop.LOOP)  # noqa: B010 - the type checkers know better
    with pytest.raises(ValueError, match="contains itself"):
        to_json(Loop.LOOP)


def test_a_caller_with_little_stack_left_gets_a_value_error() -> None:
    """Never a RecursionError, even with nearly no stack left."""
    data = _nested(MAX_DEPTH, _in_a_list)

    def descend(levels: int) -> bytes:
        return descend(levels - 1) if levels else to_json(data)

    failures = 0
    for levels in range(sys.getrecursionlimit() - 400, sys.getrecursionlimit(), 7):
        try:
            descend(levels)
        except ValueError as error:
            assert "too deeply nested for what is left" in str(error)  # noqa: PT017 - many levels, one test
            failures += 1
        except RecursionError as error:
            # The descent itself had no room; to_json was not reached.
            assert "to_json" not in [frame.name for frame in traceback.extract_tb(error.__traceback__)]  # noqa: PT017
            break
    assert failures
