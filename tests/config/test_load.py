"""The layers through the front door, and reading files: each trap of dynaconf has its test here."""

import os
import string
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.config.errors import SettingsError
from beats.config.layers.merging import Level
from beats.config.layers.profiles import SHIPPED
from beats.config.load import load_profile, read_layer, read_layers
from tests.config.fakes import DemoSettings, FakeAdapters, House, ImagesSettings, to_document
from tests.permissions import permissions_hold


def read_toml(path: Path) -> Mapping[str, object]:
    return read_layer(Level.PROFILE, path).tree


def refused(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read_toml(path)
    [problem] = caught.value.problems
    return str(problem)


def test_each_layer_beats_the_one_below(house: House) -> None:
    """default.toml, profile, local.toml, short variable, variable, overrides, --set."""
    assert house.browser().port == 8765
    house.write("mine", "[sinks.browser]\nport = 1")
    assert house.browser().port == 1
    house.write("local", "[sinks.browser]\nport = 2")
    assert house.browser().port == 2
    house.environ["BEATS_WEBSOCKET_PORT"] = "3"
    assert house.browser().port == 3
    house.environ["BEATS_SINKS__BROWSER__PORT"] = "4"
    assert house.browser().port == 4
    house.overrides = {"sinks": {"browser": {"port": 5}}}
    assert house.browser().port == 5
    house.sets = ["sinks.browser.port=6"]
    assert house.browser().port == 6
    house.sets.append("sinks.browser.port=7")
    assert house.browser().port == 7


def test_every_layer_says_where_it_came_from(house: House) -> None:
    """Whoever explains a value needs its layer and its place."""
    profile = house.write("mine", "")
    local = house.write("local", "")
    raw = read_layers(
        "mine", house.folder, {"BEATS_KERNEL__LOG_LEVEL": "INFO"}, {"kernel": {}}, ["kernel.log_level=INFO"]
    )
    assert [(layer.level, layer.where) for layer in raw.layers] == [
        (Level.SHIPPED, str(SHIPPED / "default.toml")),
        (Level.PROFILE, str(profile)),
        (Level.LOCAL, str(local)),
        (Level.VARIABLE, "BEATS_KERNEL__LOG_LEVEL"),
        (Level.SET, "overrides"),
        (Level.SET, "--set kernel.log_level"),
    ]


def test_siblings_survive_a_profiles_table(house: House) -> None:
    """Dynaconf without its merge would wipe `type` and `queue` here."""
    house.write("mine", "[sinks.browser]\nport = 1\nqueue = { size = 3 }")
    browser = house.browser()
    assert browser.type == "websocket"
    assert (browser.queue.size, browser.queue.overflow) == (3, "drop_oldest")


def test_a_higher_layer_can_narrow_a_list(house: House) -> None:
    """Dynaconf with its merge would append, and an allow-list could never shrink."""
    house.write("mine", '[sinks.browser]\norigins = ["http://a", "http://b"]')
    house.write("local", '[sinks.browser]\norigins = ["http://b"]')
    assert house.browser().origins == ("http://b",)
    house.environ = {"BEATS_SINKS__BROWSER__ORIGINS": ""}
    assert house.browser().origins == ()


@pytest.mark.parametrize("text", ["12345678", "1e5", "2024-01-01", "true", "@int 3", "[1]", "{}"])
def test_text_stays_text_in_every_layer(house: House, text: str) -> None:
    """Dynaconf would make a number, a date or a truth of it."""
    house.write("mine", f'[sinks.browser]\nhost = "{text}"')
    assert house.browser().host == text
    house.environ = {"BEATS_SINKS__BROWSER__HOST": text}
    assert house.browser().host == text
    house.sets = [f"sinks.browser.host={text}"]
    assert house.browser().host == text


@pytest.mark.parametrize("text", ["true", "1.0", '"1"', "2024-01-01"])
def test_a_whole_number_in_toml_is_one(house: House, text: str) -> None:
    """Dynaconf's check lets True pass for an integer."""
    house.write("mine", f"[sinks.browser]\nport = {text}")
    problem = house.problem()
    assert (problem.key, problem.message) == ("sinks.browser.port", "must be a whole number")


def test_overrides_are_as_strict_as_toml(house: House) -> None:
    """A program has types of its own; nothing is cast."""
    house.overrides = {"sinks": {"browser": {"port": "9000"}}}
    assert house.problem().where == "overrides"
    house.overrides = {"sinks": {"browser": {"port": 9000, "stall_timeout_s": 3, "origins": ["x"]}}}
    assert (house.browser().stall_timeout_s, house.browser().origins) == (3.0, ("x",))


def test_sources_of_the_command_line_take_the_place_of_the_profiles(house: House) -> None:
    """`beats run picture.gif`."""
    house.sources = {"picture": {"type": "images", "path": "x.gif"}}
    assert house.load().sources == {"picture": ImagesSettings(type="images", path="x.gif")}
    house.sources["demo"] = {"type": "demo", "fps": 5}
    assert house.load().sources["demo"] == DemoSettings(type="demo", fps=5)
    house.environ = {"BEATS_SOURCES__PICTURE__PATH": "y.gif"}
    assert house.load().sources["picture"] == ImagesSettings(type="images", path="y.gif")
    house.sources, house.environ = {}, {}
    assert house.load().sources == {}


def test_every_broken_file_is_reported(house: House) -> None:
    """With its line, and without the faults that follow from it."""
    profile = house.write("mine", "[sinks.browser]\nport = = 3\n")
    local = house.write("local", "[kernel\n")
    house.sets = ["also wrong"]
    assert [str(problem) for problem in house.problems()] == [
        f"{profile}:2: is not valid TOML: Invalid value (column 8)",
        f"{local}:1: is not valid TOML: Expected ']' at the end of a table declaration (column 8)",
    ]


def test_a_file_that_ends_too_soon_has_no_line(tmp_path: Path) -> None:
    """The parser does not say where."""
    path = tmp_path / "x.toml"
    path.write_text('a = "b')
    assert refused(path) == f"{path}: is not valid TOML: Unterminated string (at end of document)"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Dynaconf would read it with another library and a warning."""
    path = tmp_path / "x.toml"
    path.write_bytes(b'a = "\xff"')
    assert refused(path) == f"{path}: is not UTF-8 text (at byte 5)"


def test_a_byte_order_mark_is_no_fault(house: House) -> None:
    """Some editors begin every text with one; lines are counted as without it."""
    path = house.folder / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[sinks.browser]\r\nport = 9000\r\n")
    layer = read_layer(Level.PROFILE, path)
    assert layer.tree == {"sinks": {"browser": {"port": 9000}}}
    assert layer.place(("sinks", "browser", "port")) == f"{path}:2"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do(tmp_path: Path, encoding: str) -> None:
    """What its byte order mark says is said."""
    path = tmp_path / "x.toml"
    path.write_text(f"{'' if encoding[-3:] != '-be' else chr(0xFEFF)}a = 1\n", encoding=encoding)
    name = encoding.removesuffix("-be").upper()
    assert refused(path) == f"{path}: is {name} text: save it as UTF-8"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Dynaconf passes over it in silence, all the more when it is called local."""
    for name in ("x.toml", "x.local.toml"):
        assert refused(tmp_path / name) == f"{tmp_path / name}: cannot be read: No such file or directory"


def test_a_folder_in_place_of_a_file_is_refused(house: House) -> None:
    """Not passed over as if it were not there."""
    (house.folder / "local.toml").mkdir()
    assert str(house.problem()) == f"{house.folder / 'local.toml'}: cannot be read: Is a directory"


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    """The reason is the system's own."""
    path = tmp_path / "x.toml"
    path.touch(0o000)
    with permissions_hold():
        assert refused(path) == f"{path}: cannot be read: Permission denied"


@pytest.mark.timeout(10)
def test_a_fifo_in_place_of_a_file_is_refused(house: House) -> None:
    """Opening it would wait for a writer, and nothing would say so."""
    path = house.folder / "local.toml"
    os.mkfifo(path)
    assert str(house.problem()) == f"{path}: is not a regular file: write the settings into one"


def test_a_file_may_be_switched_off_by_a_link_to_the_null_device(house: House) -> None:
    """As services are masked: it is an empty file."""
    (house.folder / "local.toml").symlink_to(os.devnull)
    assert house.load().profile == "default"


def test_a_file_that_goes_away_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynaconf would give nothing, and the profile would run without its settings."""
    path = tmp_path / "x.local.toml"
    path.write_text("")

    def vanish(*_: object) -> object:
        raise FileNotFoundError

    monkeypatch.setattr(tomllib, "loads", vanish)
    assert "it went away while it was read" in refused(path)


def test_a_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    """It must not become a traceback."""
    path = tmp_path / "x.toml"
    path.write_text(f"a = {'[' * 100_000}")
    assert refused(path) == f"{path}: is nested too deeply"


def test_an_empty_file_is_an_empty_layer(tmp_path: Path) -> None:
    """Dynaconf takes it for one that is not there."""
    path = tmp_path / "x.toml"
    path.write_text("# nothing yet\n")
    assert read_toml(path) == {}


def test_what_means_something_to_dynaconf_is_plain_content(tmp_path: Path) -> None:
    """Its markers, its own settings' names and letter case all survive."""
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


def test_nothing_but_the_file_is_read(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings files around, no .env, no hooks, and no variable of dynaconf's own."""
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


def test_no_folder_above_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dynaconf looks upward from the current folder."""
    (tmp_path / "config").mkdir()
    for folder in (tmp_path, tmp_path / "config"):
        (folder / "default.toml").write_text("[sinks.browser]\nport = 1\n")
        (folder / "local.toml").write_text("[sinks.browser]\nport = 1\n")
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    browser = load_profile(FakeAdapters(), environ={}).sinks["browser"]
    assert browser.model_dump()["port"] == 8765


def test_only_the_environment_that_is_given_counts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test, or a program with settings of its own, is not touched by its shell."""
    monkeypatch.setenv("BEATS_SINKS__BROWSER__PORT", "1")
    assert house.browser().port == 8765


_texts = st.one_of(
    st.text(),
    st.text(string.digits, min_size=1),
    st.sampled_from(["@int 3", "@del", "@none", "dynaconf_merge", "1e5", "true", "2024-01-01", "{this.X}"]),
)
_values = st.recursive(
    st.one_of(
        _texts,
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.dates(),
        st.datetimes().map(lambda moment: moment.replace(fold=0)),  # TOML has no way to say the fold
        st.times().map(lambda moment: moment.replace(fold=0)),
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(_texts, below, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(_texts, _values, max_size=4))
def test_a_file_gives_what_it_says(content: dict[str, object]) -> None:
    """Whatever TOML can hold comes through dynaconf unchanged, in value and type."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_text(to_document(content), encoding="utf-8", newline="")
        found = read_toml(path)
    assert found == content
    assert repr(found) == repr(content)  # for 1 == True == 1.0
