"""Values of variables that hold more than was meant."""

import pytest

from beats.config.checks.oddities import oddity
from tests.config.fakes import House

TOKEN = '[sinks.browser]\ntoken = "${WALL_TOKEN}"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc\r", "carriage return"),
        ('"abc"\r', "carriage return"),
        ("abc\n", "line end"),
        (" abc", "blank"),
        ("abc\t", "blank"),
        ('"abc"', "quotes"),
        ("'abc'", "quotes"),
    ],
)
def test_what_files_of_variables_leave_around_a_value_is_odd(text: str, said: str) -> None:
    """And what to do about it is said."""
    assert said in str(oddity(text))


@pytest.mark.parametrize("text", ["", "abc", "a b", '"', "it's", '"a" b', "'abc\"", "größe"])
def test_what_stands_within_a_value_is_not(text: str) -> None:
    """Nobody is warned of a value that may well be meant."""
    assert oddity(text) is None


def test_a_variable_whose_oddity_is_in_a_setting_is_named(house: House) -> None:
    """A token, a path, an item of a list; whichever way the variable sets it. No value is shown."""
    house.environ = {
        "WALL_TOKEN": "secret\r",
        "BEATS_SINKS__TAPE__PATH": '"secret.mcap"',
        "BEATS_SINKS__BROWSER__ORIGINS": "https://a, 'https://b'",
    }
    house.write("mine", TOKEN + '[sinks.tape]\ntype = "recorder"\n')
    warnings = house.load().warnings
    assert sorted(warning.partition(":")[0] for warning in warnings) == sorted(house.environ)
    assert "secret" not in "".join(warnings)


def test_an_oddity_that_has_no_effect_is_no_matter(house: House) -> None:
    """Of a number, of a value that a higher layer replaces or that is not asked for."""
    house.environ = {
        "WALL_TOKEN": "secret\r",
        "BEATS_SINKS__BROWSER__PORT": " 8765\r",
        "BEATS_STREAM_QUEUE_OVERFLOW": " latest ",
        "BEATS_SINKS__BROWSER__ORIGINS": '["https://a"]',
    }
    house.write("mine", TOKEN)
    house.sets = ["sinks.browser.token=other"]
    assert house.load().warnings == ()
    house.sets = ["sinks.browser.enabled=false"]
    assert house.load().warnings == ()


def test_one_variable_is_one_warning(house: House) -> None:
    """However many sinks it acts on."""
    house.write("mine", '[sinks.other]\ntype = "websocket"\nport = 1\n')
    house.environ = {"BEATS_WEBSOCKET_HOST": "'wall'"}
    assert len(house.load().warnings) == 1


@pytest.mark.parametrize("name", ["WALL_TOKEN", "BEATS_SINKS__BROWSER__TOKEN"])
def test_what_is_no_text_is_refused(house: House, name: str) -> None:
    """Bytes of another encoding in a variable: a token like that would fail every request."""
    house.write("mine", TOKEN)
    house.environ = {"WALL_TOKEN": "abc", name: "secret\udcff"}
    problem = house.problem()
    assert str(problem).endswith(": is not UTF-8 text")
    assert problem.where == name
    assert "secret" not in str(problem)


def test_an_argument_that_is_no_text_is_refused(house: House) -> None:
    """As `--set` may hold any bytes, too."""
    house.sets = ["sinks.browser.token=secret\udcff"]
    assert str(house.problem()) == "--set sinks.browser.token: sinks.browser.token: is not UTF-8 text"
