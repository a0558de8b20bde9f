"""`beats init`, by the real command."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.permissions import hold_permissions
from tests.support import BEATS, Program, clean_environment, ran


@pytest.mark.parametrize("name", ["default", "wall"])
def test_what_is_written_is_right_and_runs(tmp_path: Path, name: str) -> None:
    """Check, schema and a second on air."""
    code, out, err = ran("init", "--profile", name, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == (
        f"wrote config/{name}.toml\nwrote config/local.toml.example\nwrote config/beats.schema.json\n"
        f"next: beats config check config/{name}.toml\n"
    )
    code, out, err = ran("config", "check", f"config/{name}.toml", "--strict", cwd=tmp_path)
    assert (code, err) == (0, "")
    schema = json.loads((tmp_path / "config" / "beats.schema.json").read_text())
    validator: Any = Draft202012Validator(schema)
    for file in (f"{name}.toml", "local.toml.example"):
        validator.validate(tomllib.loads((tmp_path / "config" / file).read_text()))
    code, out, err = ran(
        "run", "--profile", name, "--duration", "0.3", cwd=tmp_path, BEATS_WEBSOCKET_PORT="0"
    )
    assert code == 0, err


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A profile that is there ends it; what all profiles share stays as it is."""
    assert ran("init", cwd=tmp_path)[0] == 0
    for path in (tmp_path / "config").iterdir():
        path.write_text("mine")
    code, out, err = ran("init", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("config/default.toml exists")
    code, out, err = ran("init", "-p", "wall", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "config/beats.schema.json is there already, and stays as it is\n" in out
    assert {path.name for path in (tmp_path / "config").iterdir() if path.read_text() == "mine"} == {
        "default.toml", "local.toml.example", "beats.schema.json",
    }  # fmt: skip


def test_a_name_that_is_none_is_a_wrong_setting(tmp_path: Path) -> None:
    """As `--profile` would refuse it later."""
    for name in ("local", "../x", ""):
        code, _, err = ran("init", "--profile", name, cwd=tmp_path)
        assert (code, err.startswith("--profile: ")) == (78, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    """Where the folder should be."""
    (tmp_path / "config").write_text("")
    code, _, err = ran("init", cwd=tmp_path)
    assert (code, err) == (1, "config: cannot be written: File exists\n")


def test_a_closed_folder_is_said(tmp_path: Path) -> None:
    """In one line, before anything is written."""
    (tmp_path / "config").mkdir(0o000)
    with Program([*BEATS, "init"], tmp_path, clean_environment(), before=hold_permissions) as program:
        assert program.end() == 1
    assert program.err.text() == "config/default.toml: cannot be written: Permission denied\n"
