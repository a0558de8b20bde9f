"""What is written as TOML is what TOML reads."""

import enum
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.config.toml_text import dotted, key_text, value_text


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (0.5, "0.5"),
        (1e20, "1e+20"),
        ('a\n"b"\x7f', '"a\\n\\"b\\"\\u007F"'),
        (Path("a/b"), '"a/b"'),
        (Colour.RED, '"red"'),
        (("a", 1), '["a", 1]'),
        ({"a b": {"c": []}}, '{ "a b" = { c = [] } }'),
        ({}, "{}"),
    ],
)
def test_values_are_written_in_one_line(value: object, text: str) -> None:
    """Each in TOML's own form."""
    assert value_text(value) == text


def test_keys_have_quotes_where_they_need_them() -> None:
    """A dot in a name is not one between names."""
    assert dotted(["sinks", "a.b", "c-d", 0]) == 'sinks."a.b".c-d.0'
    assert key_text("sinks", "a.b", "é", "") == 'sinks."a.b"."é".""'


def test_a_star_is_any_name_in_a_message() -> None:
    """It stands for every sink of a type, where no file is meant to have it."""
    assert dotted(["sinks", "*", "port"]) == "sinks.*.port"
    assert key_text("*") == '"*"'


_values = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(),
        st.dates(),
        st.datetimes().map(lambda moment: moment.replace(fold=0)),
    ),
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.text(st.characters(codec="ascii")), below, max_size=3)
    ),
    max_leaves=6,
)


@given(_values)
def test_what_is_written_is_read_again(value: object) -> None:
    """In value and type."""
    found = tomllib.loads(f"value = {value_text(value)}")["value"]
    assert found == value
    assert repr(found) == repr(value)
