"""`beats config`, by the real command."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.support import ran


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a profile `wall`, and one like it."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "wall.toml").write_text(
        "# For the wall.\n\n[sinks.browser]\nport = 9000\ntoken = 'hush'\n"
    )
    (tmp_path / "config" / "twin.toml").write_text("extends = 'wall'\n")
    return tmp_path


def test_show_names_the_layer_of_each_value(folder: Path) -> None:
    """As TOML that loads again, the file with its line."""
    code, out, err = ran("config", "show", "-p", "wall", cwd=folder, BEATS_SINKS__BROWSER__HOST="::1")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "port = 9000 # config/wall.toml:4, over default.toml:14 = 8765" in lines
    assert 'host = "::1" # BEATS_SINKS__BROWSER__HOST' in lines
    assert "hush" not in out
    assert tomllib.loads(out)["sinks"]["browser"]["port"] == 9000


def test_show_has_a_form_for_programs(folder: Path) -> None:
    """A list with value, layer and what lies below."""
    code, out, err = ran(
        "config", "show", "--profile", "wall", "--json", "-s", "sinks.browser.port=1", cwd=folder
    )
    assert (code, err) == (0, "")
    settings = {setting["key"]: setting for setting in json.loads(out)}
    port = settings["sinks.browser.port"]
    assert (port["value"], port["layer"], port["where"]) == (1, "set", "--set sinks.browser.port")
    assert [step["value"] for step in port["over"]] == [9000, 8765]
    assert settings["sinks.browser.token"]["value"] == "********"


@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("sinks.browser.port", "9000\n"),
        ("sinks.browser.host", "localhost\n"),
        ("sinks.browser.token", "********\n"),
        ("sinks.browser.tls_cert", "\n"),
        ("sinks.browser.enabled", "true\n"),
        ("sinks.browser.emojis", '["poop", "skull", "heart", "star", "rainbow"]\n'),
    ],
)
def test_get_prints_the_plain_value(folder: Path, key: str, printed: str) -> None:
    """For a script: text without quotes, nothing where there is no value, secrets masked."""
    assert ran("config", "get", key, cwd=folder, BEATS_PROFILE="wall") == (0, printed, "")


def test_get_prints_a_table_as_lines(folder: Path) -> None:
    """The keys in it."""
    code, out, _ = ran("config", "get", "sinks.browser.queue", "--config", "config", cwd=folder)
    assert code == 0
    assert out.startswith("size = 256\n")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sinks.browser.prot", "sinks.browser.prot: no such setting; did you mean 'sinks.browser.port'?\n"),
        ("a..b", "a..b: no such setting\n"),
    ],
)
def test_get_says_the_nearest_key(folder: Path, key: str, said: str) -> None:
    """With the exit code of something that failed."""
    assert ran("config", "get", key, cwd=folder) == (1, "", said)


def test_diff_shows_what_differs(folder: Path) -> None:
    """Both values with their layers; 1 as `diff` has it, and 0 for two that have the same effect."""
    code, out, err = ran("config", "diff", "default", "wall", cwd=folder)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "--- default",
        "+++ wall",
        "- sinks.browser.port = 8765  # default.toml:14",
        "+ sinks.browser.port = 9000  # config/wall.toml:4, over default.toml:14 = 8765",
        "- sinks.browser.token = (none)  # default",
        '+ sinks.browser.token = "********"  # config/wall.toml:5',
    ]
    assert ran("config", "diff", "wall", "twin", cwd=folder) == (0, "", "")


def test_what_is_wrong_is_said_as_a_run_says_it(folder: Path) -> None:
    """Nothing is explained that does not hold."""
    for command in (("show",), ("get", "kernel"), ("diff", "default", "wall")):
        code, out, err = ran("config", *command, "--set", "sinks.browser.port=99999", cwd=folder)
        assert (code, out) == (78, "")
        assert "must be at most 65535" in err
