"""`beats init`."""

import json
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
    assert (code, err) == (1, "config: cannot be written: File exists\n")


def test_a_folder_without_permission_is_an_error(tmp_path: Path) -> None:
    """On one line, before anything is written."""
    (tmp_path / "config").mkdir(0o000)
    with Program([*BEATS, "init"], tmp_path, clean_environment(), before=hold_permissions) as program:
        assert program.end() == 1
    assert program.err.text() == "config/default.toml: cannot be written: Permission denied\n"
