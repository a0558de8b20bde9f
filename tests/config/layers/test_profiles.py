from pathlib import Path

import pytest

from beats.config.errors import SettingsError
from beats.config.layers.profiles import SHIPPED, choose, find_folder, list_profiles, profile_of
from tests.config.fakes import House
from tests.permissions import permissions_hold


def refused(profile: str | None, folder: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        choose(profile, folder, environ or {})
    return str(caught.value)


def test_without_a_name_the_base_layer_stands_alone() -> None:
    """The first look needs no argument; an empty variable is none."""
    assert choose(None, None, {})[:3] == ("default", None, None)
    empty = {"BEATS_PROFILE": "", "BEATS_CONFIG_DIR": ""}
    assert choose(None, None, empty)[:3] == ("default", None, None)


def test_the_argument_comes_before_the_variable(house: House) -> None:
    """What is said for this start beats what is said for the shell."""
    path = house.write("mine", "")
    house.write("other", "")
    assert choose("mine", house.folder, {"BEATS_PROFILE": "other"}).profile == path
    assert choose(None, house.folder, {"BEATS_PROFILE": "mine"}).profile == path


def test_the_folder_is_the_argument_then_the_variable_then_config(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three places, in this order."""
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    variable = {"BEATS_CONFIG_DIR": str(house.folder)}
    assert find_folder(tmp_path, variable) == tmp_path
    assert find_folder(None, variable) == house.folder
    assert find_folder(None, {}) == Path("config")


def test_no_folder_above_is_searched(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile in a parent's `config` is somebody else's."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "mine.toml").write_text("")
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert find_folder(None, {}) is None
    assert "no such profile" in refused("mine", None)


def test_a_folder_that_was_named_must_exist(tmp_path: Path) -> None:
    """A typing error in --config must not fall back to the shipped profiles."""
    missing = tmp_path / "missing"
    assert refused(None, missing) == f'config: "{missing}": no such folder'
    assert refused(None, None, {"BEATS_CONFIG_DIR": str(missing)}).startswith("BEATS_CONFIG_DIR: ")
    missing.write_text("")
    assert "is not a folder" in refused(None, missing)


def test_a_users_profile_stands_in_for_a_shipped_one(house: House) -> None:
    """The user's folder is searched first."""
    assert choose("studio", house.folder, {}).profile == SHIPPED / "studio.toml"
    own = house.write("studio", "")
    assert choose("studio", house.folder, {}).profile == own


def test_a_users_default_is_the_layer_of_that_profile_alone(house: House) -> None:
    """It lies above the shipped base and has no part in other profiles."""
    own = house.write("default", "")
    assert choose(None, house.folder, {}).profile == own
    assert choose("studio", house.folder, {}).profile == SHIPPED / "studio.toml"


def test_the_local_file_is_looked_for_in_the_folder_alone(house: House, tmp_path: Path) -> None:
    """The current folder's own is not meant."""
    Path("local.toml").write_text("")
    assert choose(None, house.folder, {}).local is None
    local = house.write("local", "")
    assert choose(None, house.folder, {}).local == local


def test_an_unknown_profile_is_an_error_that_names_those_there_are(house: House) -> None:
    """The nearest is offered."""
    house.write("stage", "")
    message = refused("studoi", house.folder)
    assert message.startswith(f'profile: "studoi": no such profile (looked in {house.folder} and ')
    assert "default, edge, headless, kiosk, origin, program, record, replay, stage, studio" in message
    assert message.endswith("did you mean 'studio'?")
    assert refused(None, None, {"BEATS_PROFILE": "x"}).startswith('BEATS_PROFILE: "x": no such profile')


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a\\b", "/etc/passwd", ".hidden", "..", "a b", "a\0", "a\n"]
)
def test_a_profiles_name_is_no_path(name: str, house: House) -> None:
    """A name cannot lead out of the folder."""
    assert "a profile's name is made of" in refused(name, house.folder)


def test_local_is_no_profile(house: House) -> None:
    """It would be read twice, and means something else."""
    house.write("local", "")
    assert "lies above every profile" in refused("local", house.folder)


def test_profiles_are_listed_with_who_they_are_for(house: House) -> None:
    """The first comment for people is the summary; local.toml is left out."""
    house.write("stage", "#:schema ./beats.json\n\n#  \n# For the stage.\n# More.\n[kernel]\n")
    house.write("studio", "[kernel]\n")
    house.write("local", "# Not listed.\n")
    (house.folder / "broken.toml").write_bytes(b"\xff\xfe")
    (house.folder / "folder.toml").mkdir()
    found = {info.name: info for info in list_profiles(house.folder, {})}
    shipped = {"default", "edge", "headless", "kiosk", "origin", "program", "record", "replay", "studio"}
    assert list(found) == sorted({"broken", "stage"} | shipped)
    assert found["stage"].summary == "For the stage."
    assert found["broken"].summary == ""
    assert found["studio"] == ("studio", house.folder / "studio.toml", "")
    assert found["record"].path == SHIPPED / "record.toml"


def test_a_file_is_a_profile_in_its_folder(tmp_path: Path) -> None:
    """local.toml is none; it lies above `default`."""
    for name in ("wall.toml", "local.toml", "wall.txt"):
        (tmp_path / name).write_text("")
    assert profile_of(tmp_path / "wall.toml") == ("wall", tmp_path)
    assert profile_of(tmp_path / "local.toml") == ("default", tmp_path)
    for name, message in (("gone.toml", "no such file"), ("wall.txt", r"ends with \.toml")):
        with pytest.raises(SettingsError, match=message):
            profile_of(tmp_path / name)


def closed(folder: Path, mode: int) -> Path:
    """A folder with a profile that its permissions keep us out of."""
    folder.mkdir()
    (folder / "wall.toml").write_text("# For the wall.\n")
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_folder_without_permission_is_a_fault_of_the_settings(tmp_path: Path, mode: int) -> None:
    """Whether it may not be listed or its files may not be looked at: where it is named, and the reason."""
    folder = closed(tmp_path / "closed", mode)
    inside = folder / "sub"
    with permissions_hold():
        for profile in ("wall", "default", None):
            assert "cannot be read: Permission denied" in refused(profile, folder)
        assert refused(None, inside) == f'config: "{inside}": cannot be read: Permission denied'
        environ = {"BEATS_CONFIG_DIR": str(inside)}
        assert refused(None, None, environ).startswith(f'BEATS_CONFIG_DIR: "{inside}": cannot be read')
        with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
            profile_of(folder / "wall.toml")
        with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
            list_profiles(folder, {})


def test_the_usual_folder_without_permission_is_a_fault_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./config` is not passed over as if it were not there."""
    closed(tmp_path / "config", 0o000)
    monkeypatch.chdir(tmp_path)
    with permissions_hold():
        assert "cannot be read: Permission denied" in refused(None, None)


def test_a_profile_without_permission_does_not_hide_the_others(house: House) -> None:
    """It is listed without a summary; reading it says why."""
    path = house.write("stage", "# For the stage.\n")
    path.chmod(0o000)
    with permissions_hold():
        found = {info.name: info for info in list_profiles(house.folder, {})}
    assert found["stage"].summary == ""


def test_a_byte_order_mark_does_not_hide_the_summary(house: House) -> None:
    """Some editors begin every text with one."""
    (house.folder / "stage.toml").write_bytes(b"\xef\xbb\xbf# For the stage.\n")
    found = {info.name: info for info in list_profiles(house.folder, {})}
    assert found["stage"].summary == "For the stage."
