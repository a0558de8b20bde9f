import datetime

import pytest

from beats.config.errors import Problem, SettingsError, dotted, nearest, shown


def test_a_problem_reads_as_one_plain_line() -> None:
    """An operator sees where, what, why, and what was probably meant."""
    problem = Problem("config/studio.toml", "sinks.browser.prot", "9000", "unknown key", "port")
    assert str(problem) == (
        "config/studio.toml: sinks.browser.prot = 9000: unknown key; did you mean 'port'?"
    )


def test_what_a_problem_lacks_leaves_no_trace_in_its_line() -> None:
    """A fault of a whole file has no key, a missing key no value."""
    assert str(Problem("a.toml:3", "", None, "is not valid TOML")) == "a.toml:3: is not valid TOML"
    assert str(Problem("a.toml", "x.y", None, "is required")) == "a.toml: x.y: is required"
    assert (
        str(Problem("BEATS_PROFILE", "", '"x"', "no such profile")) == 'BEATS_PROFILE: "x": no such profile'
    )


def test_an_error_lists_its_problems_one_per_line() -> None:
    """Everything wrong is said at once."""
    problems = (Problem("a", "k", None, "is required"), Problem("b", "l", "1", "is odd"))
    error = SettingsError(problems)
    assert str(error) == "a: k: is required\nb: l = 1: is odd"
    assert error.problems == problems
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1.5, "1.5"),
        ('a"b', '"a\\"b"'),
        (["x", 1], '["x", 1]'),
        (("x",), '["x"]'),
        ({"a": {"b c": 1}}, '{ a = { "b c" = 1 } }'),
        ({}, "{}"),
        (datetime.date(2024, 1, 1), "2024-01-01"),
        (None, "None"),
    ],
)
def test_values_are_shown_as_toml_writes_them(value: object, text: str) -> None:
    """What an operator reads is what they would write."""
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    """A pasted file must not fill the screen."""
    assert len(shown("x" * 5000)) == 120


def test_a_key_is_quoted_only_where_toml_wants_it() -> None:
    """A dotted key can be pasted back into a file."""
    assert dotted(["sinks", "front-left", "a b", 3]) == 'sinks.front-left."a b".3'


def test_the_nearest_name_is_found_whatever_its_letter_case() -> None:
    """PROT is near to port; nothing is near to nonsense."""
    assert nearest("PROT", ["host", "port"]) == "port"
    assert nearest("debug", ["DEBUG", "INFO"]) == "DEBUG"
    assert nearest("zzz", ["host", "port"]) is None
