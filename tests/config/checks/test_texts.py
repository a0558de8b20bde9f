"""Values of variables with stray characters around them."""

import pytest

from beats.config.checks.texts import stray_characters
from tests.config.fakes import House

TOKEN = '[sinks.browser]\ntoken = "${WALL_TOKEN}"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc\r", "carriage return"),
        ('"abc"\r', "carriage return"),
        ("abc\n", "line break"),
        (" abc", "blank"),
        ("abc\t", "blank"),
        ('"abc"', "quotes"),
        ("'abc'", "quotes"),
    ],
)
def test_stray_characters_around_a_text_are_found(text: str, said: str) -> None:
    """Files of variables leave them there."""
    assert said in str(stray_characters(text))


@pytest.mark.parametrize("text", ["", "abc", "a b", '"', "it's", '"a" b', "'abc\"", "größe"])
def test_characters_within_a_text_are_not_stray(text: str) -> None:
    """A value that may be intended is no reason for a warning."""
    assert stray_characters(text) is None


def test_a_variable_with_stray_characters_is_a_warning(house: House) -> None:
    """In a token, a path, or an item of a list; without the value, which may be secret."""
    house.environ = {
        "WALL_TOKEN": "secret\r",
        "BEATS_SINKS__TAPE__PATH": '"secret.mcap"',
        "BEATS_SINKS__BROWSER__ORIGINS": "https://a, 'https://b'",
    }
    house.write("mine", TOKEN + '[sinks.tape]\ntype = "recorder"\n')
    warnings = house.load().warnings
    assert sorted(warning.partition(":")[0] for warning in warnings) == sorted(house.environ)
    assert "secret" not in "".join(warnings)


def test_stray_characters_without_effect_are_ignored(house: House) -> None:
    """In a number, in an overridden value, or in a sink that is switched off."""
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


def test_a_variable_gives_one_warning(house: House) -> None:
    """Even if it acts on several sinks."""
    house.write("mine", '[sinks.other]\ntype = "websocket"\nport = 1\n')
    house.environ = {"BEATS_WEBSOCKET_HOST": "'wall'"}
    assert len(house.load().warnings) == 1


@pytest.mark.parametrize("name", ["WALL_TOKEN", "BEATS_SINKS__BROWSER__TOKEN"])
def test_a_variable_that_is_not_utf_8_is_refused(house: House, name: str) -> None:
    """No client could present such a token."""
    house.write("mine", TOKEN)
    house.environ = {"WALL_TOKEN": "abc", name: "secret\udcff"}
    problem = house.problem()
    assert str(problem).endswith(": is not UTF-8 text")
    assert problem.where == name
    assert "secret" not in str(problem)


def test_an_argument_that_is_not_utf_8_is_refused(house: House) -> None:
    """`--set` can contain any bytes, too."""
    house.sets = ["sinks.browser.token=secret\udcff"]
    assert str(house.problem()) == "--set sinks.browser.token: sinks.browser.token: is not UTF-8 text"


def test_a_file_name_that_is_not_utf_8_is_refused_once(house: House) -> None:
    """Named where it is a file of the command line; other values may be secrets."""
    house.sources = {"picture": {"type": "images", "path": "bad\udcff.gif"}}
    assert str(house.problem()) == (
        'command line: sources.picture.path = "bad\\uDCFF.gif": is not UTF-8 text: '
        "give the file another name, or give its folder"
    )
    house.sources = {}
    house.overrides = {"sinks": {"browser": {"token": "secret\udcff"}}}
    assert "secret" not in str(house.problem())
