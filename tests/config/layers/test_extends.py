"""Profiles that build on one another."""

import pytest

from beats.config.layers.extends import EXTENDS, profile_layers
from beats.config.layers.merging import Layer, Level
from beats.config.layers.profiles import SHIPPED, choose
from beats.config.load import read_layer, read_layers
from tests.config.fakes import House


def layers(house: House) -> list[str]:
    return [layer.where for layer in read_layers(house.profile, house.folder, {}).layers]


def test_what_a_profile_extends_lies_below_it(house: House) -> None:
    """Over several levels; the shipped default is lowest, local.toml highest."""
    a = house.write("a", "[sinks.browser]\nport = 1\nhost = 'a'\norigins = ['x', 'y']")
    b = house.write("b", "extends = 'a'\n[sinks.browser]\nport = 2\norigins = ['z']")
    local = house.write("local", "[sinks.browser]\nstall_timeout_s = 9.0")
    c = house.write("c", "extends = 'b'\n[sinks.browser]\nport = 3")
    browser = house.browser()
    assert (browser.port, browser.host, browser.origins) == (3, "a", ("z",))
    assert browser.stall_timeout_s == 9
    assert house.load().profile == "c"
    assert layers(house) == [str(path) for path in (SHIPPED / "default.toml", a, b, c, local)]


def test_a_profile_can_extend_a_shipped_one(house: House) -> None:
    """They are found where `--profile` finds them, the user's own first."""
    house.write("mine", "extends = 'studio'")
    assert list(house.load().sinks) == ["browser", "recorder"]
    own = house.write("studio", "")
    house.profile = "mine"
    assert list(house.load().sinks) == ["browser"]
    assert str(own) in layers(house)


def test_extending_default_means_the_users_own(house: House) -> None:
    """Which has no part in other profiles unless they say so; without one there is only the shipped one."""
    house.write("mine", "extends = 'default'")
    assert house.browser().port == 8765
    house.write("default", "[sinks.browser]\nport = 1")
    house.profile = "mine"
    assert house.browser().port == 1


def test_the_layers_of_all_files_are_profiles(house: House) -> None:
    """They are one height: below local.toml, above the shipped default."""
    house.write("a", "")
    house.write("b", "extends = 'a'")
    found = profile_layers(choose("b", house.folder, {}), read_layer)
    assert [layer.level for layer in found] == [Level.PROFILE, Level.PROFILE]
    assert all(EXTENDS not in layer.tree for layer in found)


def test_a_new_type_in_an_extending_profile_starts_afresh(house: House) -> None:
    """What the extended profile says to the old type alone is dropped, as across any two files."""
    house.write("a", "[sinks.out]\ntype = 'websocket'\nport = 1\nqueue = { size = 9 }")
    house.write("b", "extends = 'a'\n[sinks.out]\ntype = 'null'")
    assert house.load().sinks["out"].queue.size == 9


def test_a_cycle_is_shown(house: House) -> None:
    """From the profile that closes it, with file and line."""
    house.write("a", "extends = 'b'")
    house.write("b", "# first\nextends = 'c'")
    last = house.write("c", "extends = 'b'")
    house.profile = "a"
    assert str(house.problem()) == (f'{last}:1: extends = "b": a profile cannot build on itself: b -> c -> b')
    house.write("self", "extends = 'self'")
    assert house.problem().message.endswith("self -> self")


def test_a_missing_one_names_the_file_and_the_nearest(house: House) -> None:
    """Not the file that is missing, but the one that names it."""
    path = house.write("mine", "\nextends = 'studoi'")
    problem = house.problem()
    assert (problem.where, problem.key, problem.value) == (f"{path}:2", "extends", '"studoi"')
    assert problem.nearest == "studio"
    assert problem.message.startswith("no such profile")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("3", "must be text"),
        ("['a']", "must be text"),
        ("'local'", "local.toml"),
        ("'../x'", "without a folder"),
    ],
)
def test_only_a_name_can_be_extended(house: House, value: str, message: str) -> None:
    """One, as `--profile` takes it."""
    house.write("mine", f"extends = {value}")
    problem = house.problem()
    assert problem.key == "extends"
    assert message in problem.message


def test_a_broken_file_below_is_reported_with_the_others(house: House) -> None:
    """All files that cannot be read are named at once."""
    below = house.write("below", "x = = 1")
    local = house.write("local", "[kernel\n")
    house.write("mine", "extends = 'below'")
    assert [problem.where for problem in house.problems()] == [f"{below}:1", f"{local}:1"]


def test_local_cannot_extend(house: House) -> None:
    """It lies above every profile; which one that is, is said elsewhere."""
    path = house.write("local", "extends = 'studio'")
    assert str(house.problem()) == (
        f"{path}:1: extends: stands at the top of a profile's own file, nowhere else"
    )


def test_the_place_is_the_file_where_no_line_is_known() -> None:
    """Arrays of tables elsewhere in the file take its lines away."""
    chosen = choose("studio", None, {})

    def read(level: Level, path: object) -> Layer:
        return Layer(level, "x.toml", {"extends": "studio"})

    with pytest.raises(ValueError, match=r"^x\.toml: extends"):
        profile_layers(chosen, read)
