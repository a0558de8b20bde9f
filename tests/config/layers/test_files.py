"""Reading files as layers: each trap of dynaconf has its test here."""

import os
import socket
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.config.errors import SettingsError
from beats.config.layers.files import IrregularFileError, open_regular, read_layer
from beats.config.layers.merging import Level
from tests.config.fakes import EXPLORE, TEXTS, VALUES, House, to_document
from tests.support.permissions import permissions_hold


def read_toml(path: Path) -> Mapping[str, object]:
    return read_layer(Level.PROFILE, path).tree


def refused(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read_toml(path)
    [problem] = caught.value.problems
    return str(problem)


@pytest.mark.timeout(10)
def test_what_might_never_end_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO without a writer, a device; nothing is left open."""
    os.mkfifo(tmp_path / "fifo")
    before = set(Path("/dev/fd").iterdir())
    for path in (str(tmp_path / "fifo"), "/dev/zero"):
        with pytest.raises(IrregularFileError, match="is not a regular file"):
            open_regular(path, os.O_RDONLY)
    assert set(Path("/dev/fd").iterdir()) == before
    assert refused(tmp_path / "fifo").endswith("is not a regular file: write the settings into one")


def test_a_socket_cannot_be_opened(tmp_path: Path) -> None:
    """The message is the system's own."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert "No such device or address" in refused(tmp_path / "socket")


def test_an_empty_file_is_an_empty_layer(tmp_path: Path) -> None:
    """Dynaconf treats it as a missing file; a link to the null device, which masks a service, is one too."""
    (tmp_path / "null.toml").symlink_to(os.devnull)
    (tmp_path / "x.toml").write_text("# nothing yet\n")
    assert read_toml(tmp_path / "null.toml") == read_toml(tmp_path / "x.toml") == {}


def test_every_broken_file_is_reported(house: House) -> None:
    """With its line, and without the faults that result from it."""
    profile = house.write("mine", "[sinks.browser]\nport = = 3\n")
    local = house.write("local", "[kernel\n")
    house.sets = ["also wrong"]
    assert [str(problem) for problem in house.problems()] == [
        f"{profile}:2: is not valid TOML: Invalid value (column 8)",
        f"{local}:1: is not valid TOML: Expected ']' at the end of a table declaration (column 8)",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'a = "b', "is not valid TOML: Unterminated string (at end of document)"),
        (b'a = "\xff"', "is not UTF-8 text (at byte 5)"),
        ("a = 1\n".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("\ufeffa = 1\n".encode("utf-16-be"), "is UTF-16 text: save it as UTF-8"),
        ("a = 1\n".encode("utf-32"), "is UTF-32 text: save it as UTF-8"),
        ("\ufeffa = 1\n".encode("utf-32-be"), "is UTF-32 text: save it as UTF-8"),
        (b"a = " + b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """Dynaconf would read another encoding with another library and a warning."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    assert refused(path) == f"{path}: {message}"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """Some editors begin every file with one; it does not change the lines."""
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf[sinks.browser]\r\nport = 9000\r\n")
    layer = read_layer(Level.PROFILE, path)
    assert layer.tree == {"sinks": {"browser": {"port": 9000}}}
    assert layer.place(("sinks", "browser", "port")) == f"{path}:2"


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """Dynaconf would skip it, without a warning if its name has `.local.` in it."""
    for name in ("x.toml", "x.local.toml"):
        assert refused(tmp_path / name) == f"{tmp_path / name}: cannot be read: No such file or directory"
    (tmp_path / "folder.toml").mkdir()
    assert refused(tmp_path / "folder.toml").endswith("folder.toml: cannot be read: Is a directory")
    (tmp_path / "closed.toml").touch(0o000)
    with permissions_hold():
        assert refused(tmp_path / "closed.toml").endswith("closed.toml: cannot be read: Permission denied")


def test_a_file_that_disappears_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynaconf would return nothing, and the profile would run without its settings."""
    path = tmp_path / "x.local.toml"
    path.write_text("")

    def vanish(*_: object) -> object:
        raise FileNotFoundError

    monkeypatch.setattr(tomllib, "loads", vanish)
    assert "the file disappeared while it was read" in refused(path)


def test_dynaconfs_markers_are_plain_content(tmp_path: Path) -> None:
    """Markers, names of dynaconf's own settings and letter case are kept."""
    content = {
        "dynaconf_merge": True,
        "dynaconf_include": ["other.toml"],
        "PORT_FOR_DYNACONF": 3,
        "Sinks": {"a": 1},
        "sinks": {
            "A": 1,
            "a": 2,
            "dynaconf_merge": True,
            "dynaconf_merge_unique": ["x"],
            "b__c": 1,
            "d.e": 1,
        },
        "at": ["@int 3", "@format {env[HOME]}", "@jinja {{ 1 }}", "@del", "@none", "dynaconf_merge"],
        "validators": {"x": 1},
        "env": {"default": {"x": 1}},
    }
    path = tmp_path / "x.toml"
    path.write_text(to_document(content))
    assert read_toml(path) == content


def test_only_the_files_of_the_profile_are_read(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other settings files, no .env, no hooks, and none of dynaconf's own variables."""
    trap = "[sinks.browser]\nport = 1\n"
    for folder in (tmp_path, Path.cwd(), house.folder):
        for name in ("settings.toml", "settings.local.toml", ".secrets.toml", "mine.local.toml"):
            (folder / name).write_text(trap)
        (folder / ".env").write_text("BEATS_SINKS__BROWSER__PORT=1\nDYNACONF_SINKS='{}'\n")
        (folder / "dynaconf_hooks.py").write_text("raise SystemExit('a hook was run')\n")
    for variable in ("SETTINGS_FILE", "INCLUDES", "PRELOAD", "SECRETS"):
        monkeypatch.setenv(f"{variable}_FOR_DYNACONF", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("MERGE_ENABLED_FOR_DYNACONF", "true")
    monkeypatch.setenv("DYNACONF_SINKS__BROWSER__PORT", "1")
    house.write("mine", "[sinks.browser]\nhost = 'x'")
    browser = house.browser()
    assert (browser.host, browser.port) == ("x", 8765)
    assert "BEATS_SINKS__BROWSER__PORT" not in os.environ


@EXPLORE
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_dynaconf_returns_the_content_unchanged(content: dict[str, object]) -> None:
    """Every value and type of TOML."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_text(to_document(content), encoding="utf-8", newline="")
        found = read_toml(path)
    assert found == content
    assert repr(found) == repr(content)  # because 1 == True == 1.0
