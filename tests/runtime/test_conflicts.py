"""What would fail at the start, found without a start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from beats.config.errors import SettingsError
from beats.config.load import inspect_profile
from beats.kernel.resources import Port
from beats.runtime import conflicts as conflicts
from beats.runtime.conflicts import Found, check, conflict
from beats.runtime.reader import Reader
from beats.runtime.registry import InstalledAdapters
from tests.support import STUCK_SINK, install_adapter, tiny_png

Checked = Callable[..., Found]


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Checks a profile in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text: str = "", *sets: str) -> Found:
        (tmp_path / "mine.toml").write_text(text)
        return check(
            inspect_profile(InstalledAdapters(), profile="mine", config_dir=Path(), environ={}, sets=sets)
        )

    return run


def test_the_default_profile_can_start(checked: Checked) -> None:
    """There are no problems, nor with a sink that is switched off."""
    assert checked() == Found([], [])
    assert checked("[sinks.b]\ntype = 'websocket'\nenabled = false\n") == Found([], [])


def test_two_sinks_on_one_port_clash(checked: Checked) -> None:
    """The problem names the second sink, and the origin of both ports, which may be defaults."""
    found = checked("[sinks.second]\ntype = 'websocket'\nport = 8765\n")
    [problem] = found.problems
    assert (problem.where, problem.key, problem.value) == ("mine.toml:3", "sinks.second.port", "8765")
    assert "sinks.browser listens there too (" in problem.message
    assert "default.toml:15)" in problem.message
    assert "0 for a free one" in problem.message
    [problem] = checked("[sinks.second]\ntype = 'websocket'\n").problems
    assert problem.where == "default"


def test_of_a_sink_that_is_not_required_it_is_a_warning(checked: Checked) -> None:
    """The other sinks start without it."""
    text = "[sinks.second]\ntype = 'websocket'\nport = 8765\nrequired = false\n"
    found = checked(text)
    assert found.problems == []
    [warning] = found.warnings
    assert "sinks.second.port = 8765: sinks.browser listens there too" in warning


@pytest.mark.parametrize(
    ("one", "other", "does"),
    [
        (Port("", "localhost", 1), Port("", "localhost", 1), True),
        (Port("", "localhost", 1), Port("", "localhost", 2), False),
        (Port("", "localhost", 0), Port("", "localhost", 0), False),
        (Port("", "localhost", 1, True), Port("", "localhost", 1, True), False),
        (Port("", "localhost", 1, True), Port("", "localhost", 1), True),
        (Port("", "localhost", 1, protocol="udp"), Port("", "localhost", 1), False),
        (Port("", "localhost", 1, protocol="udp"), Port("", "0.0.0.0", 1, protocol="udp"), True),
        (Port("", "localhost", 1), Port("", "127.0.0.1", 1), True),
        (Port("", "LOCALHOST", 1), Port("", "::1", 1), True),
        (Port("", "127.0.0.1", 1), Port("", "::1", 1), False),
        (Port("", "127.0.0.1", 1), Port("", "127.0.0.2", 1), False),
        (Port("", "0.0.0.0", 1), Port("", "127.0.0.2", 1), True),
        (Port("", "::1", 1), Port("", "::", 1), True),
        (Port("", "0.0.0.0", 1), Port("", "::1", 1), False),
        (Port("", "0.0.0.0", 1), Port("", "::", 1), True),
        (Port("", "::", 1), Port("", "10.0.0.1", 1), True),
        (Port("", "*", 1), Port("", "10.0.0.1", 1), True),
        (Port("", "0", 1), Port("", "127.0.0.1", 1), True),
        (Port("", "0", 1), Port("", "::1", 1), False),
        (Port("", "127.1", 1), Port("", "127.0.0.1", 1), True),
        (Port("", "0.0.0.0", 1), Port("", "wall.local", 1), True),
        (Port("", "wall.local", 1), Port("", "::", 1), True),
        (Port("", "wall.local", 1), Port("", "Wall.local", 1), True),
        (Port("", "0:0:0:0:0:0:0:0", 1), Port("", "0::1", 1), True),
    ],
)
def test_ports_clash_on_one_address(one: Port, other: Port, does: bool) -> None:
    """`0.0.0.0` is every IPv4 address, `::` every address.

    A free port never clashes, nor do shared ones, nor a TCP port and a UDP port of one number.
    """
    assert conflict(one, other) is conflict(other, one) is does


def test_two_recorders_on_one_path_clash(checked: Checked) -> None:
    """Also if the paths are spelt differently or contain the time."""
    recorder = "[sinks.{}]\ntype = 'recorder'\npath = '{}'\n"
    [problem] = checked(recorder.format("a", "x.mcap") + recorder.format("b", "./y/../x.mcap")).problems
    assert problem.where == "mine.toml:6"
    assert "sinks.a writes there too (mine.toml:3)" in problem.message
    [problem] = checked("[sinks.a]\ntype = 'recorder'\n[sinks.b]\ntype = 'recorder'\n").problems
    assert problem.value == '"recordings/{profile}-{start:%Y%m%d-%H%M%S}-{part:03}.mcap"'
    both = recorder.format("a", "{profile}.mcap") + recorder.format("b", "other.mcap")
    assert checked(both).problems == []


WALL = "[sinks.{}]\ntype = '{}'\nhost = '{}'\nsize = [100, 2]\n{}\n"


@pytest.mark.parametrize(
    ("kind", "one", "other", "said"),
    [
        ("artnet", "universe = 1", "universe = 2", ["the Art-Net universes of a:6454 too, 2 (mine.toml:5)"]),
        ("artnet", "universe = 1", "universe = 3", []),
        (
            "sacn",
            "universe = 1",
            "universe = 1",
            ["the sACN universes of a:5568 at priority 100 too, 1 to 2"],
        ),
        ("sacn", "priority = 1", "priority = 2", []),
        ("ddp", "", "offset = 100", ["the bytes of a:4048 too, 300 to 599 (default)"]),
        ("ddp", "", "offset = 200", []),
        ("ddp", "preview = 'w'", "offset = 200\npreview = 'w'", ["the picture 'w' too (mine.toml:5)"]),
    ],
)
def test_two_walls_on_the_same_leds_or_picture_clash(
    checked: Checked, kind: str, one: str, other: str, said: list[str]
) -> None:
    """Each would overwrite what the other has sent."""
    problems = checked(WALL.format("x", kind, "a", one) + WALL.format("y", kind, "A", other)).problems
    assert [problem.message.startswith(f"sinks.x has {said[0]}") for problem in problems] == [True] * len(
        said
    )
    assert checked(WALL.format("x", kind, "a", "") + WALL.format("y", kind, "b", "")).problems == []


@pytest.mark.parametrize(
    ("second", "is_said"),
    [
        ("type = 'video'\ninput = 'lavfi:testsrc'", True),
        ("type = 'video'\ninput = 'lavfi:testsrc'\npicture = 'b'", False),
        ("type = 'video'\ninput = 'lavfi:testsrc'\ntransforms = { rename = 'b' }", False),
        ("type = 'screen'\ndisplay = ':0'", True),
        ("type = 'command'\nrun = ['true']\nformat = 'pictures'", True),
        ("type = 'command'\nrun = ['true']", False),
        ("type = 'artnet'\nsize = [1, 1]", True),
        ("type = 'artnet'\nperipherals = { dimmer = { channel = 5 } }", False),
        ("type = 'images'\npath = '.'", True),
    ],
)
def test_two_sources_of_one_picture_are_warned_of(
    checked: Checked, tmp_path: Path, second: str, is_said: bool
) -> None:
    """They work, but viewers see both in turns."""
    (tmp_path / "a.png").write_bytes(tiny_png())
    found = checked(f"[sources.second]\n{second}\n")
    said = [text for text in found.warnings if "sources.demo shows the main picture too (" in text]
    assert len(said) == is_said
    assert not any("picture" in problem.message for problem in found.problems)


def test_a_preview_and_a_source_of_one_picture_are_warned_of(checked: Checked) -> None:
    """By its id."""
    wall = WALL.format("x", "ddp", "a", "preview = 'w'")
    [warning] = checked(f"{wall}[sources.y]\ntype = 'screen'\ndisplay = ':0'\npicture = 'w'\n").warnings
    assert "shows the picture 'w' too" in warning


def test_two_streams_below_the_same_mqtt_topics_clash(checked: Checked) -> None:
    """Each would say of the other that it is offline."""
    sink = "[sinks.{}]\ntype = 'mqtt'\nprefix = '{}'\n"
    [problem] = checked(sink.format("x", "a") + sink.format("y", "a")).problems
    assert problem.key == "sinks.y.prefix"
    assert checked(sink.format("x", "a") + sink.format("y", "b")).problems == []


def test_files_that_are_not_there_are_named(checked: Checked, tmp_path: Path) -> None:
    """Of sources and of sinks, all at once, each with its setting."""
    (tmp_path / "file").write_text("")
    found = checked(
        """
        [sources.a]
        type = "replay"
        path = ["gone.mcap", "file"]
        [sources.b]
        type = "images"
        path = "gone.gif"
        [sources.c]
        type = "jsonl"
        path = "gone.jsonl"
        [sinks.browser]
        token_file = "gone.token"
        tls_cert = "gone.pem"
        tls_key = "file"
        [sinks.keep]
        type = "recorder"
        path = "file/x.mcap"
        """
    )
    assert [(problem.where.partition(":")[2], problem.key, problem.value) for problem in found.problems] == [
        ("4", "sources.a.path", '"gone.mcap"'),
        ("7", "sources.b.path", '"gone.gif"'),
        ("10", "sources.c.path", '"gone.jsonl"'),
        ("12", "sinks.browser.token_file", '"gone.token"'),
        ("13", "sinks.browser.tls_cert", '"gone.pem"'),
        ("17", "sinks.keep.path", '"file/x.mcap"'),
    ]


def test_a_recording_that_exists_is_in_the_way(checked: Checked, tmp_path: Path) -> None:
    """As the recorder reports when it starts."""
    (tmp_path / "x.mcap").write_text("")
    [problem] = checked("[sinks.a]\ntype = 'recorder'\npath = 'x.mcap'\n").problems
    assert problem.message.startswith("exists")


@pytest.mark.parametrize("missing", ["zstandard", "lz4.frame"])
def test_a_package_that_is_not_installed_is_named(
    checked: Checked, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """With what to install, and only if a setting needs it."""

    def find_spec(name: str) -> None:
        if "." in name:
            raise ModuleNotFoundError(name)

    monkeypatch.setattr(conflicts, "find_spec", find_spec)
    compression = {"zstandard": "zstd", "lz4.frame": "lz4"}[missing]
    [problem] = checked(f"[sinks.a]\ntype = 'recorder'\ncompression = '{compression}'\n").problems
    assert (problem.key, problem.value) == ("sinks.a.compression", f'"{compression}"')
    assert "pip install" in problem.message
    assert checked("[sinks.a]\ntype = 'recorder'\n").problems == []


def test_uvloop_is_wanted_only_where_it_is_installed(
    checked: Checked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run does not begin on another event loop than the one that is set; `auto` takes what is there."""
    missing = {"uvloop"}

    def find_spec(name: str) -> object:
        return None if name in missing else name

    monkeypatch.setattr(conflicts, "find_spec", find_spec)
    text = "[kernel]\nevent_loop = 'uvloop'\n"
    [problem] = checked(text).problems
    assert (problem.where, problem.key, problem.value) == ("mine.toml:2", "kernel.event_loop", '"uvloop"')
    assert "pip install 'beats[fast]', or choose auto" in problem.message
    with pytest.raises(SettingsError, match=r"kernel\.event_loop = \"uvloop\": needs the package 'uvloop'"):
        Reader("mine", tmp_path).read()
    assert checked("[kernel]\nevent_loop = 'auto'\n").problems == []
    missing.clear()
    assert checked(text).problems == []


def test_a_run_begins_with_all_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened when one is missing that a sink needs without which the run must not begin."""

    def find_spec(name: str) -> None:
        """There is none."""

    monkeypatch.setattr(conflicts, "find_spec", find_spec)
    (tmp_path / "mine.toml").write_text("[sinks.home]\ntype = 'mqtt'\n")
    with pytest.raises(SettingsError, match=r"mine\.toml:2: sinks\.home\.type = \"mqtt\": needs the package"):
        Reader("mine", tmp_path).read()
    assert Reader("mine", tmp_path, ["sinks.home.required=false"]).read().sinks["home"]


def test_what_may_be_meant_is_a_warning(checked: Checked) -> None:
    """The warning names the setting and its layer."""
    found = checked("", "sinks.browser.host=0.0.0.0")
    assert found.problems == []
    [warning] = found.warnings
    assert warning.startswith("--set sinks.browser.host: sinks.browser.host: anyone who can reach")


def test_what_is_wrong_elsewhere_hides_nothing(checked: Checked) -> None:
    """Valid sinks are checked, even if other settings are invalid."""
    found = checked("[kernel]\nnonsense = 1\n[sinks.b]\ntype = 'websocket'\n[sinks.c]\ntype = 'nonsense'\n")
    assert [problem.key for problem in found.problems] == ["sinks.b.port"]


def test_an_adapter_that_breaks_the_contract_is_reported(
    checked: Checked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It causes no traceback, and other problems are still found."""
    code = STUCK_SINK.replace("    pass\n", "    def resources(self, profile):\n        return None\n", 1)
    install_adapter(tmp_path / "site", "sinks", "broken", code, monkeypatch)
    found = checked("[sinks.x]\ntype = 'broken'\n[sinks.b]\ntype = 'websocket'\n")
    assert [problem.key for problem in found.problems] == ["sinks.x.type", "sinks.b.port"]
    assert found.problems[0].message.startswith("this adapter cannot say what it needs: TypeError")
    assert "NoneType" in found.problems[0].message


def test_what_is_waited_for_is_a_warning(checked: Checked, tmp_path: Path) -> None:
    """A followed file may come later, or its name may be misspelt."""
    table = "[sources.log]\ntype = 'jsonl'\nfollow = true\npath = 'log'\n"
    found = checked(table)
    assert found.problems == []
    [warning] = found.warnings
    assert warning.startswith('mine.toml:4: sources.log.path = "log": is waited for: it does not exist')
    (tmp_path / "log").touch()
    assert checked(table) == Found([], [])


def test_a_program_that_is_not_there_is_a_problem(checked: Checked) -> None:
    """Its name is shown, and not its arguments, which may hold a password."""
    found = checked("[sources.cam]\ntype = 'command'\nrun = ['no-such-program', 'secret']\n")
    [problem] = found.problems
    assert (problem.where, problem.key, problem.value) == (
        "mine.toml:3",
        "sources.cam.run",
        '"no-such-program"',
    )
    assert problem.message == "is not in PATH: install it, or give its whole path"
