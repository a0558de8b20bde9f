import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr
from typing_extensions import TypeAliasType

from beats.config.layers.casting import fit, inline_table
from beats.config.layers.merging import Text
from beats.config.settings import LaneSettings, QueueSettings
from tests.config.fakes import EXPLORE

Port = TypeAliasType("Port", Annotated[int, Field(ge=0)])


class Colour(Enum):
    RED = "red"
    ONE = 1


class Nested(BaseModel):
    size: int = 0
    name: str = ""
    tags: tuple[str, ...] = ()
    inner: LaneSettings | None = None


def same(value: object, expected: object) -> bool:
    return type(value) is type(expected) and value == expected


@pytest.mark.parametrize("annotation", [str, str | None, Annotated[str, Field(min_length=1)], SecretStr, Any])
@EXPLORE
@given(st.one_of(st.text(), st.sampled_from(["12345678", "1e5", "2024-01-01", "true", "[1]", "@int 3"])))
def test_text_stays_text_where_text_is_expected(annotation: Any, text: str) -> None:
    """A token of digits is not a number."""
    assert same(fit(Text(text), annotation), text)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("8765", int, 8765),
        (" -1 ", int | None, -1),
        ("7", Port | None, 7),
        ("10_000", int, 10_000),
        ("5", float, 5.0),
        ("1e3", float, 1000.0),
        (".5", Annotated[float, Field(gt=0)], 0.5),
        *[(text, bool, True) for text in ("TRUE", "1", "on", "Yes")],
        *[(text, bool, False) for text in ("false", "0", "off", "no")],
        ("a", Literal["a", "b"], "a"),
        ("2", Literal[1, 2], 2),
        ("red", Colour, Colour.RED),
        ("1", Colour, Colour.ONE),
        ("a/b", Path, Path("a/b")),
        ("2024-01-01", datetime.date, datetime.date(2024, 1, 1)),
        ("12:30:00", datetime.time, datetime.time(12, 30)),
        ('["a", "b"]', list[str], ["a", "b"]),
        ("a, b", list[str], ["a", "b"]),
        ("a", tuple[str, ...], ("a",)),
        ("", tuple[str, ...], ()),
        ("1,2", tuple[int, ...], (1, 2)),
        ("1,x", tuple[int, str], (1, "x")),
        ("[1, 2]", frozenset[int], frozenset({1, 2})),
        ("123, 1e5", list[str], ["123", "1e5"]),
        ("{ size = 4 }", QueueSettings, {"size": 4}),
        ("{ a = 1 }", dict[str, int], {"a": 1}),
        ("7", int | Literal["auto"], 7),
        ("auto", int | Literal["auto"], "auto"),
    ],
)
def test_text_is_converted_to_the_expected_type(text: str, annotation: Any, value: object) -> None:
    """One case for each form that the table in the module lists."""
    assert same(fit(Text(text), annotation), value)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        *[(text, int) for text in ("1.0", "True", "", "0x10", "٣", "9" * 5000)],
        ("fast", float),
        ("2", bool),
        ("", bool),
        ("c", Literal["a", "b"]),
        ("blue", Colour),
        ("today", datetime.date),
        ("2024-01-01T00:00:00", datetime.date),
        ("[1", list[int]),
        ("[1]\nb = 2", list[int]),
        ("size = 4", QueueSettings),
        ("3", QueueSettings),
    ],
)
def test_text_that_does_not_fit_stays_text(text: str, annotation: Any) -> None:
    """The check reports it as the operator wrote it."""
    assert same(fit(Text(text), annotation), text)


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], {"a": 1}, None, datetime.date(2024, 1, 1)])
def test_typed_values_are_not_converted(value: object) -> None:
    """True from TOML is not an integer."""
    assert same(fit(value, int), value)


def test_values_become_types_that_toml_lacks() -> None:
    """An array becomes a tuple or set, text a path or an enum member."""
    assert same(fit(["a"], tuple[str, ...]), ("a",))
    assert same(fit(("a",), list[str]), ["a"])
    assert same(fit([1, 1], set[int]), {1})
    assert same(fit("a", Path), Path("a"))
    assert fit("red", Colour) is Colour.RED
    assert fit(1, Colour) is Colour.ONE
    assert fit(Colour.RED, Colour) is Colour.RED
    assert fit(True, Colour) is True
    assert fit([{"a": 1}], set[Any]) == [{"a": 1}]


def test_no_unconverted_text_is_left() -> None:
    """Unknown keys become plain text, so that they are shown as they were written."""
    tree = {
        "size": Text("1"),
        "name": Text("1"),
        "tags": Text("a,b"),
        "inner": {"size": Text("2")},
        "x": Text("3"),
    }
    assert fit(tree, Nested) == {"size": 1, "name": "1", "tags": ("a", "b"), "inner": {"size": 2}, "x": "3"}
    assert fit({"a": [Text("1")]}, Any) == {"a": ["1"]}
    assert fit({"a": Text("1")}, int) == {"a": "1"}


def test_an_inline_table_is_one_table() -> None:
    """A line break cannot add a second key."""
    assert inline_table('{ type = "null" }') == {"type": "null"}
    for text in ("3", "{ a = 1 }\nb = 2", "{", "[" * 100_000):
        with pytest.raises(ValueError, match=r"TOML value|inline table"):
            inline_table(text)
