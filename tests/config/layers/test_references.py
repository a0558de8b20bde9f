"""References in files to environment variables."""

import pytest

from beats.config.layers.merging import Layer, Level, Text
from beats.config.layers.references import referenced_variables, resolve
from tests.config.fakes import House


def layer(level: Level, tree: dict[str, object]) -> Layer:
    return Layer(level, "wall.toml", tree)


def test_a_reference_becomes_the_text_of_its_variable() -> None:
    """In any place of a file; the value stays text until its type is known."""
    tree: dict[str, object] = {"sinks": {"a": {"token": "${TOKEN}", "queue": {"size": "${SIZE}"}}}}
    (found,), problems = resolve([layer(Level.PROFILE, tree)], {"TOKEN": "12345678", "SIZE": "7"})
    assert found.tree == {"sinks": {"a": {"token": Text("12345678"), "queue": {"size": Text("7")}}}}
    assert problems == []


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${HOSTS:-a:1,b:2}", {}, "a:1,b:2"),
        ("${HOSTS:-a:1,b:2}", {"HOSTS": ""}, "a:1,b:2"),
        ("${HOSTS:-a:1,b:2}", {"HOSTS": "c"}, "c"),
        ("${HOSTS:-}", {}, ""),
    ],
)
def test_a_reference_may_have_a_default(text: str, environ: dict[str, str], value: str) -> None:
    """Used, as in a shell, where the variable is empty or not set; it may be empty."""
    (found,), problems = resolve([layer(Level.SHIPPED, {"kernel": {"x": text}})], environ)
    assert found.tree == {"kernel": {"x": Text(value)}}
    assert problems == []


@pytest.mark.parametrize(
    "text", ["$TOKEN", "a${TOKEN}", "${TOKEN}b", "${}", "${TO KEN}", "{TOKEN}", "${TOKEN-x}", "${:-x}"]
)
def test_only_a_whole_value_in_a_file_is_a_reference(text: str) -> None:
    """A path may contain a dollar sign; the shell expands references in variables and arguments."""
    layers = [layer(Level.LOCAL, {"x": text}), layer(Level.SET, {"x": "${TOKEN}"})]
    assert resolve(layers, {"TOKEN": "x"}) == (layers, [])


def test_a_second_dollar_makes_it_plain_text() -> None:
    """`$${TOKEN}` is the text `${TOKEN}`."""
    (found,), problems = resolve([layer(Level.LOCAL, {"kernel": {"x": "$${TOKEN}"}})], {})
    assert found.tree == {"kernel": {"x": "${TOKEN}"}}
    assert problems == []


def test_a_variable_that_is_not_set_is_a_problem() -> None:
    """With file, key, reference and variable."""
    (_, problems) = resolve([layer(Level.PROFILE, {"sinks": {"a": {"token": "${TOKEN}"}}})], {})
    assert [str(problem) for problem in problems] == [
        'wall.toml: sinks.a.token = "${TOKEN}": the environment variable TOKEN is not set'
    ]


@pytest.mark.parametrize(
    "higher", [{"sinks": {"a": {"token": "given"}}}, {"sinks": {"a": {"enabled": False}}}]
)
def test_an_unused_value_needs_no_variable(higher: dict[str, object]) -> None:
    """A higher layer overrides it, or the sink is off."""
    lower = layer(Level.PROFILE, {"sinks": {"a": {"token": "${TOKEN}"}}})
    _, problems = resolve([lower, layer(Level.SET, higher)], {})
    assert problems == []


def test_a_referenced_value_is_converted_and_checked(house: House) -> None:
    """A wrong one is reported with the file and line of the reference."""
    house.write("wall", '[sinks.browser]\nport = "${WALL_PORT}"\n')
    assert "WALL_PORT is not set" in str(house.problem())
    house.environ = {"WALL_PORT": "9000"}
    assert house.browser().port == 9000
    house.environ = {"WALL_PORT": "many"}
    assert str(house.problem()).startswith(f'{house.folder / "wall.toml"}:2: sinks.browser.port = "many"')


def test_only_files_reference_variables() -> None:
    """With or without a default, but not escaped."""
    tree: dict[str, object] = {"sinks": {"a": {"x": "${ONE}", "y": "${TWO:-2}", "z": "$${THREE}"}}}
    assert referenced_variables(
        [layer(Level.LOCAL, tree), layer(Level.SET, {"kernel": {"x": "${FOUR}"}})]
    ) == {"ONE", "TWO"}


def test_a_referenced_variable_is_not_unknown(house: House) -> None:
    """Even though it begins with `BEATS_` and names no setting."""
    house.write("wall", '[sinks.browser]\nport = "${BEATS_WALL_PORT:-9000}"\n')
    house.environ = {"BEATS_WALL_PORT": "9001", "BEATS_WALL_PROT": "1"}
    assert house.browser().port == 9001
    (warning,) = house.load().warnings
    assert "BEATS_WALL_PROT" in warning
