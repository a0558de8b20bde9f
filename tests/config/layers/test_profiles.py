from pathlib import Path

import pytest

from beats.config.errors import SettingsError
from beats.config.layers.merging import Level
from beats.config.layers.profiles import (
    EXTENDS,
    SHIPPED,
    choose,
    find_folder,
    list_profiles,
    profile_layers,
    profile_of,
)
from beats.config.load import read_layers
from tests.config.fakes import House
from tests.support import SHIPPED_PROFILES
from tests.support.permissions import permissions_hold


def refused(profile: str | None, folder: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        choose(profile, folder, environ or {})
    return str(caught.value)


def test_without_a_name_the_base_layer_stands_alone() -> None:
    """The first start needs no argument; an empty variable counts as not set."""
    assert choose(None, None, {})[:3] == ("default", None, None)
    empty = {"BEATS_PROFILE": "", "BEATS_CONFIG_DIR": ""}
    assert choose(None, None, empty)[:3] == ("default", None, None)


def test_the_argument_comes_before_the_variable(house: House) -> None:
    """An argument is for this start, a variable for the shell."""
    path = house.write("mine", "")
    house.write("other", "")
    assert choose("mine", house.folder, {"BEATS_PROFILE": "other"}).profile == path
    assert choose(None, house.folder, {"BEATS_PROFILE": "mine"}).profile == path


def test_the_folder_is_the_argument_then_the_variable_then_config(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order; folders above the current one are not searched."""
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    variable = {"BEATS_CONFIG_DIR": str(house.folder)}
    assert find_folder(tmp_path, variable) == tmp_path
    assert find_folder(None, variable) == house.folder
    assert find_folder(None, {}) == Path("config")
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert find_folder(None, {}) is None


def test_a_named_folder_must_exist(tmp_path: Path) -> None:
    """A typing error in --config must not select the shipped profiles."""
    missing = tmp_path / "missing"
    assert refused(None, missing) == f'config: "{missing}": no such folder'
    assert refused(None, None, {"BEATS_CONFIG_DIR": str(missing)}).startswith("BEATS_CONFIG_DIR: ")
    missing.write_text("")
    assert "is not a folder" in refused(None, missing)


def test_a_users_profile_replaces_a_shipped_one(house: House) -> None:
    """The user's folder is searched first; a `default` of the user is not used by other profiles."""
    own = house.write("default", "")
    assert choose(None, house.folder, {}).profile == own
    assert choose("studio", house.folder, {}).profile == SHIPPED / "studio.toml"
    own = house.write("studio", "")
    assert choose("studio", house.folder, {}).profile == own


def test_the_local_file_is_the_one_in_the_folder(house: House, tmp_path: Path) -> None:
    """One in the current folder is ignored."""
    Path("local.toml").write_text("")
    assert choose(None, house.folder, {}).local is None
    local = house.write("local", "")
    assert choose(None, house.folder, {}).local == local


def test_an_unknown_profile_is_an_error_with_the_known_ones(house: House) -> None:
    """And the most similar one."""
    house.write("stage", "")
    message = refused("studoi", house.folder)
    assert message.startswith(f'profile: "studoi": no such profile in {house.folder} or ')
    assert (
        "default, desk, edge, headless, home, kiosk, lighting, origin, program, record, replay, screen, "
        "sensors, stage, studio, video, wall" in message
    )
    assert message.endswith("did you mean 'studio'?")
    assert refused(None, None, {"BEATS_PROFILE": "x"}).startswith('BEATS_PROFILE: "x": no such profile')


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\\b", ".hidden", "a b", "a\0", "a\n"])
def test_the_name_of_a_profile_is_not_a_path(name: str, house: House) -> None:
    """A name cannot lead out of the folder."""
    assert "a profile's name is made of" in refused(name, house.folder)


def test_local_is_not_a_profile(house: House) -> None:
    """It is a layer above every profile."""
    house.write("local", "")
    assert "a layer above every profile" in refused("local", house.folder)


def test_profiles_are_listed_with_their_purpose(house: House) -> None:
    """The first comment that is not for editors; local.toml is left out, an unreadable file is not."""
    house.write("stage", "#:schema ./beats.json\n\n#  \n# For the stage.\n# More.\n[kernel]\n")
    house.write("marked", "\ufeff# After a byte order mark.\n")
    house.write("closed", "# For nothing.\n").chmod(0o000)
    house.write("studio", "[kernel]\n")
    house.write("local", "# Not listed.\n")
    (house.folder / "broken.toml").write_bytes(b"\xff\xfe")
    (house.folder / "folder.toml").mkdir()
    with permissions_hold():
        found = {info.name: info for info in list_profiles(house.folder, {})}
    assert list(found) == sorted({"broken", "closed", "marked", "stage", *SHIPPED_PROFILES})
    assert found["stage"].summary == "For the stage."
    assert found["marked"].summary == "After a byte order mark."
    assert found["broken"].summary == found["closed"].summary == ""
    assert found["studio"] == ("studio", house.folder / "studio.toml", "")
    assert found["record"].path == SHIPPED / "record.toml"


def test_a_file_gives_a_profile_and_its_folder(tmp_path: Path) -> None:
    """local.toml gives `default`."""
    for name in ("wall.toml", "local.toml", "wall.txt"):
        (tmp_path / name).write_text("")
    assert profile_of(tmp_path / "wall.toml") == ("wall", tmp_path)
    assert profile_of(tmp_path / "local.toml") == ("default", tmp_path)
    for name, message in (("gone.toml", "no such file"), ("wall.txt", r"ends with \.toml")):
        with pytest.raises(SettingsError, match=message):
            profile_of(tmp_path / name)


def closed(folder: Path, mode: int) -> Path:
    """A folder with a profile, which may not be read."""
    folder.mkdir()
    (folder / "wall.toml").write_text("# For the wall.\n")
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_folder_without_permission_is_an_error(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its origin and the reason, whether it may not be listed or not be searched, also as `./config`."""
    folder = closed(tmp_path / "config", mode)
    monkeypatch.chdir(tmp_path)
    inside = folder / "sub"
    with permissions_hold():
        for profile in ("wall", "default", None):
            assert "cannot be read: Permission denied" in refused(profile, folder)
        assert "cannot be read: Permission denied" in refused(None, None)
        assert refused(None, inside) == f'config: "{inside}": cannot be read: Permission denied'
        environ = {"BEATS_CONFIG_DIR": str(inside)}
        assert refused(None, None, environ).startswith(f'BEATS_CONFIG_DIR: "{inside}": cannot be read')
        with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
            profile_of(folder / "wall.toml")
        with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
            list_profiles(folder, {})


def layers(house: House) -> list[str]:
    return [layer.where for layer in read_layers(house.profile, house.folder, {}).layers]


def test_an_extended_profile_is_a_lower_layer(house: House) -> None:
    """Over several levels, between the shipped default and local.toml."""
    a = house.write("a", "[sinks.browser]\nport = 1\nhost = 'a'\norigins = ['x', 'y']")
    b = house.write("b", "extends = 'a'\n[sinks.browser]\nport = 2\norigins = ['z']")
    local = house.write("local", "[sinks.browser]\nstall_timeout_s = 9.0")
    c = house.write("c", "extends = 'b'\n[sinks.browser]\nport = 3")
    browser = house.browser()
    assert (browser.port, browser.host, browser.origins) == (3, "a", ("z",))
    assert browser.stall_timeout_s == 9
    assert house.load().profile == "c"
    assert layers(house) == [str(path) for path in (SHIPPED / "default.toml", a, b, c, local)]
    found = profile_layers(choose("b", house.folder, {}))
    assert [layer.level for layer in found] == [Level.PROFILE, Level.PROFILE]
    assert all(EXTENDS not in layer.tree for layer in found)


def test_a_profile_can_extend_a_shipped_one(house: House) -> None:
    """The user's own of that name comes first, as for `--profile`."""
    house.write("mine", "extends = 'studio'")
    assert list(house.load().sinks) == ["browser", "recorder"]
    own = house.write("studio", "")
    house.profile = "mine"
    assert list(house.load().sinks) == ["browser"]
    assert str(own) in layers(house)


def test_a_profile_can_extend_the_users_default(house: House) -> None:
    """Without such a file, there is only the shipped default."""
    house.write("mine", "extends = 'default'")
    assert house.browser().port == 8765
    house.write("default", "[sinks.browser]\nport = 1")
    house.profile = "mine"
    assert house.browser().port == 1


def test_a_cycle_is_shown(house: House) -> None:
    """With the file and line that close it."""
    house.write("a", "extends = 'b'")
    house.write("b", "# first\nextends = 'c'")
    last = house.write("c", "extends = 'b'")
    house.profile = "a"
    assert str(house.problem()) == (f'{last}:1: extends = "b": a profile cannot extend itself: b -> c -> b')
    house.write("self", "extends = 'self'")
    assert house.problem().message.endswith("self -> self")


def test_a_missing_extended_profile_is_reported_where_it_is_named(house: House) -> None:
    """With the most similar one."""
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
    """A single one, in the form that `--profile` takes."""
    house.write("mine", f"extends = {value}")
    problem = house.problem()
    assert problem.key == "extends"
    assert message in problem.message
