"""`beats init`."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support import BEATS, Program, called, clean_environment, ran
from tests.support.permissions import hold_permissions


@pytest.mark.parametrize("name", ["default", "wall"])
def test_the_first_profile_is_valid_and_runs(tmp_path: Path, name: str) -> None:
    """With `beats config check`, the schema, and `beats run`."""
    code, out, err = called("init", "--profile", name, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == (
        f"wrote config/{name}.toml\nwrote config/local.toml.example\nwrote config/beats.schema.json\n"
        f"next: beats config check config/{name}.toml\n"
    )
    code, out, err = called("config", "check", f"config/{name}.toml", "--strict", cwd=tmp_path)
    assert (code, err) == (0, "")
    schema = json.loads((tmp_path / "config" / "beats.schema.json").read_text())
    validator: Any = Draft202012Validator(schema)
    for file in (f"{name}.toml", "local.toml.example"):
        validator.validate(tomllib.loads((tmp_path / "config" / file).read_text()))
    arguments = ("run", "--profile", name, "--duration", "0.3")
    code, out, err = ran(*arguments, cwd=tmp_path, BEATS_WEBSOCKET_PORT="0")
    assert code == 0, err


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An existing profile is an error; files that all profiles share are kept."""
    assert called("init", cwd=tmp_path)[0] == 0
    for path in (tmp_path / "config").iterdir():
        path.write_text("mine")
    code, out, err = called("init", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("config/default.toml exists")
    code, out, err = called("init", "-p", "wall", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "config/beats.schema.json exists already and was kept\n" in out
    assert {path.name for path in (tmp_path / "config").iterdir() if path.read_text() == "mine"} == {
        "default.toml", "local.toml.example", "beats.schema.json",
    }  # fmt: skip


def test_an_invalid_name_or_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    """As by `--profile`; a file in place of the folder is an error with the system's reason."""
    for name in ("local", "../x", ""):
        code, _, err = called("init", "--profile", name, cwd=tmp_path)
        assert (code, err.startswith("--profile: ")) == (78, True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "config").write_text("")
    code, _, err = called("init", cwd=tmp_path)
    assert (code, err.splitlines()[0]) == (1, "config: cannot be written: File exists")


def test_a_folder_without_permission_is_an_error(tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "config").mkdir(0o000)
    with Program([*BEATS, "init"], tmp_path, clean_environment(), before=hold_permissions) as program:
        assert program.end() == 1
    assert program.err.text().splitlines()[0] == "config/default.toml: cannot be written: Permission denied"


def test_a_package_of_one_s_own_is_whole(tmp_path: Path) -> None:
    """From its wheel, its types are listed and run; its tests, with the contract of all adapters, pass."""
    for option, name in (("--sink", "printer"), ("--source", "my_lamp")):
        code, out, err = called("init", option, name, cwd=tmp_path)
        assert (code, err) == (0, "")
    folders = [tmp_path / "beats-printer", tmp_path / "beats-my-lamp"]
    assert out.splitlines()[-1].startswith("next: cd beats-my-lamp && pip install ")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", site, *folders], check=True, timeout=150)
    environment = clean_environment(PYTHONPATH=str(site))
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    done = subprocess.run(
        [*tests, *folders], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    profile = folders[0] / "config" / "printer.toml"
    profile.write_text(profile.read_text() + (folders[1] / "config" / "my_lamp.toml").read_text())
    arguments = ("run", "--config", str(profile.parent), "--profile", "printer", "--duration", "0.5")
    code, out, err = ran(*arguments, cwd=tmp_path, PYTHONPATH=str(site), BEATS_WEBSOCKET_PORT="0")
    assert code == 0, err
    assert (tmp_path / "printer.txt").read_text().startswith("peripheral/my_lamp 1 ")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--sink", "websocket"), 78, "--sink: there is a sink 'websocket' already"),
        (("--source", "3x"), 78, "--source: '3x' is not a type, such as my_printer"),
        (("--source", "../x"), 78, "--source: '../x' is not a type"),
        (("--sink", "a", "--source", "b"), 2, "--profile, --sink and --source write different things"),
        (("--sink", "taken"), 1, "beats-taken exists and is not overwritten"),
    ],
)
def test_a_package_that_cannot_be_is_not_begun(
    arguments: tuple[str, ...], code: int, why: str, tmp_path: Path
) -> None:
    """Wrong names, two things at once, and a folder that exists."""
    (tmp_path / "beats-taken").mkdir()
    found, out, err = called("init", *arguments, cwd=tmp_path)
    assert (found, out, err.startswith(why)) == (code, "", True), err
    assert [path.name for path in tmp_path.rglob("*")] == ["beats-taken"]
