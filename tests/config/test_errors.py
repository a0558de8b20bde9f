"""Messages for the operator, and the TOML in them."""

import enum
import tomllib
from pathlib import Path

import pytest
from hypothesis import given

from beats.config.errors import Problem, SettingsError, dotted, nearest, shown
from beats.config.toml_text import key_text, value_text
from tests.config.fakes import EXPLORE, VALUES


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (
            Problem("config/studio.toml", "sinks.browser.prot", "9000", "unknown key", "port"),
            "config/studio.toml: sinks.browser.prot = 9000: unknown key; did you mean 'port'?",
        ),
        (Problem("a.toml:3", "", None, "is not valid TOML"), "a.toml:3: is not valid TOML"),
        (Problem("a.toml", "x.y", None, "is required"), "a.toml: x.y: is required"),
        (Problem("BEATS_PROFILE", "", '"x"', "no such profile"), 'BEATS_PROFILE: "x": no such profile'),
    ],
)
def test_a_problem_is_one_line(problem: Problem, line: str) -> None:
    """Place, key, value, message and hint; parts that a problem lacks are left out."""
    assert str(problem) == line


def test_an_error_lists_its_problems_one_per_line() -> None:
    """All problems are in the text of the error."""
    problems = (Problem("a", "k", None, "is required"), Problem("b", "l", "1", "is odd"))
    error = SettingsError(problems)
    assert str(error) == "a: k: is required\nb: l = 1: is odd"
    assert error.problems == problems
    assert isinstance(error, ValueError)


def test_a_long_value_is_cut() -> None:
    """A pasted file must not fill the screen."""
    assert len(shown("x" * 5000)) == 120


def test_the_nearest_name_ignores_letter_case() -> None:
    """A name like no other has none."""
    assert nearest("PROT", ["host", "port"]) == "port"
    assert nearest("debug", ["DEBUG", "INFO"]) == "DEBUG"
    assert nearest("zzz", ["host", "port"]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e20, "1e+20"),
        ('a\n"b"\x7f', '"a\\n\\"b\\"\\u007F"'),
        (Path("a/b"), '"a/b"'),
        (Colour.RED, '"red"'),
        (("a", 1), '["a", 1]'),
        ({"a b": {"c": []}, "d": {}}, '{ "a b" = { c = [] }, d = {} }'),
        (None, "None"),
    ],
)
def test_values_are_written_on_one_line(value: object, text: str) -> None:
    """In TOML, types that TOML lacks included."""
    assert value_text(value) == shown(value) == text


def test_keys_are_quoted_only_where_toml_requires_it() -> None:
    """A key from a message can be pasted into a file; `*` stands for any name in messages only."""
    assert dotted(["sinks", "a.b", "c-d", 0]) == 'sinks."a.b".c-d.0'
    assert dotted(["sinks", "*", "port"]) == "sinks.*.port"
    assert key_text("sinks", "a.b", "é", "", "*") == 'sinks."a.b"."é".""."*"'


@EXPLORE
@given(VALUES)
def test_a_written_value_can_be_read_again(value: object) -> None:
    """With the same value and type."""
    found = tomllib.loads(f"value = {value_text(value)}")["value"]
    assert found == value
    assert repr(found) == repr(value)
