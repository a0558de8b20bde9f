"""Values of files that stand in the environment."""

import pytest

from beats.config.layers.merging import Layer, Level, Text
from beats.config.layers.references import named, resolve
from tests.config.fakes import House


def layer(level: Level, tree: dict[str, object]) -> Layer:
    return Layer(level, "wall.toml", tree)


def test_a_reference_becomes_the_text_of_its_variable() -> None:
    """Wherever it stands in a file, and whatever its place expects."""
    tree: dict[str, object] = {"sinks": {"a": {"token": "${TOKEN}", "queue": {"size": "${SIZE}"}}}}
    (found,), problems = resolve([layer(Level.PROFILE, tree)], {"TOKEN": "12345678", "SIZE": "7"})
    assert found.tree == {"sinks": {"a": {"token": Text("12345678"), "queue": {"size": Text("7")}}}}
    assert problems == []


@pytest.mark.parametrize(
    ("environ", "value"), [({}, "a:1,b:2"), ({"HOSTS": ""}, "a:1,b:2"), ({"HOSTS": "c"}, "c")]
)
def test_a_reference_may_say_what_it_stands_for_without_its_variable(
    environ: dict[str, str], value: str
) -> None:
    """As in a shell: also where the variable is there and empty."""
    (found,), problems = resolve([layer(Level.SHIPPED, {"kernel": {"x": "${HOSTS:-a:1,b:2}"}})], environ)
    assert found.tree == {"kernel": {"x": Text(value)}}
    assert problems == []


def test_an_empty_default_is_one() -> None:
    """It is for the check of the settings to say whether nothing will do."""
    (found,), problems = resolve([layer(Level.LOCAL, {"kernel": {"x": "${HOSTS:-}"}})], {})
    assert found.tree == {"kernel": {"x": Text("")}}
    assert problems == []


@pytest.mark.parametrize(
    "text",
    ["$TOKEN", "a${TOKEN}", "${TOKEN}b", "${}", "${TO KEN}", "{TOKEN}", "${TOKEN:x}", "${TOKEN-x}", "${:-x}"],
)
def test_only_a_whole_value_is_a_reference(text: str) -> None:
    """A path or a pattern may hold a dollar."""
    tree: dict[str, object] = {"sinks": {"a": {"path": text}}}
    assert resolve([layer(Level.LOCAL, tree)], {"TOKEN": "x"}) == ([layer(Level.LOCAL, tree)], [])


def test_a_second_dollar_makes_it_plain_text() -> None:
    """For whoever means the text itself."""
    (found,), problems = resolve([layer(Level.LOCAL, {"kernel": {"x": "$${TOKEN}"}})], {})
    assert found.tree == {"kernel": {"x": "${TOKEN}"}}
    assert problems == []


def test_variables_and_set_hold_no_references() -> None:
    """The shell has resolved its own already."""
    tree: dict[str, object] = {"kernel": {"x": "${TOKEN}"}}
    assert resolve([layer(Level.SET, tree)], {"TOKEN": "x"}) == ([layer(Level.SET, tree)], [])


def test_a_variable_that_is_not_set_is_a_problem_with_its_place() -> None:
    """File, key, the reference and the variable."""
    (_, problems) = resolve([layer(Level.PROFILE, {"sinks": {"a": {"token": "${TOKEN}"}}})], {})
    assert [str(problem) for problem in problems] == [
        'wall.toml: sinks.a.token = "${TOKEN}": the environment variable TOKEN is not set'
    ]


@pytest.mark.parametrize(
    "higher", [{"sinks": {"a": {"token": "given"}}}, {"sinks": {"a": {"enabled": False}}}]
)
def test_what_is_not_used_needs_no_variable(higher: dict[str, object]) -> None:
    """A higher layer gives the value, or the sink is off."""
    lower = layer(Level.PROFILE, {"sinks": {"a": {"token": "${TOKEN}"}}})
    _, problems = resolve([lower, layer(Level.SET, higher)], {})
    assert problems == []


def test_a_whole_profile_takes_its_values_from_the_environment(house: House) -> None:
    """As its place expects; a wrong one is reported with the file and its line."""
    house.write("wall", '[sinks.browser]\nport = "${WALL_PORT}"\n')
    assert "WALL_PORT is not set" in str(house.problem())
    house.environ = {"WALL_PORT": "9000"}
    assert house.browser().port == 9000
    house.environ = {"WALL_PORT": "many"}
    assert str(house.problem()).startswith(f'{house.folder / "wall.toml"}:2: sinks.browser.port = "many"')


def test_files_alone_name_variables() -> None:
    """With a default or without; not as plain text."""
    tree: dict[str, object] = {"sinks": {"a": {"x": "${ONE}", "y": "${TWO:-2}", "z": "$${THREE}"}}}
    assert named([layer(Level.LOCAL, tree), layer(Level.SET, {"kernel": {"x": "${FOUR}"}})]) == {"ONE", "TWO"}


def test_a_variable_that_a_file_names_is_a_known_one(house: House) -> None:
    """Though it begins as those do that set a key by their name."""
    house.write("wall", '[sinks.browser]\nport = "${BEATS_WALL_PORT:-9000}"\n')
    house.environ = {"BEATS_WALL_PORT": "9001", "BEATS_WALL_PROT": "1"}
    assert house.browser().port == 9001
    (warning,) = house.load().warnings
    assert "BEATS_WALL_PROT" in warning
