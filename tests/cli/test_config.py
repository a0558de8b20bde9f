"""`beats config`, by the real command."""

import json
import resource
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from beats.config.layers.profiles import SHIPPED
from beats.runtime.registry import SINKS, SOURCES
from tests.support import BEATS, Program, clean_environment, python, ran


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
    assert "port = 9000 # config/wall.toml:4, over default.toml:15 = 8765" in lines
    assert 'host = "::1" # BEATS_SINKS__BROWSER__HOST' in lines
    assert "hush" not in out
    assert tomllib.loads(out)["sinks"]["browser"]["port"] == 9000


def test_show_names_the_right_one_of_five_layers(folder: Path) -> None:
    """What holds, and all that it lies over."""
    (folder / "config" / "local.toml").write_text("[sinks.browser]\nport = 9001\n")
    arguments = ("config", "show", "-p", "wall", "--set", "sinks.browser.port=9003")
    code, out, _ = ran(*arguments, cwd=folder, BEATS_SINKS__BROWSER__PORT="9002")
    assert code == 0
    assert [" ".join(line.split()) for line in out.splitlines() if line.startswith("port")] == [
        "port = 9003 # --set, over BEATS_SINKS__BROWSER__PORT = 9002, config/local.toml:2 = 9001, "
        "config/wall.toml:4 = 9000, default.toml:15 = 8765"
    ]


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
        ("sinks.browser.origins", "[]\n"),
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


def test_get_says_that_a_sink_is_switched_off(folder: Path) -> None:
    """Its settings have no effect, so there is none to print."""
    code, out, err = ran("config", "get", "sinks.browser.port", "-p", "headless", cwd=folder)
    assert (code, out) == (1, "")
    assert err == "sinks.browser.port: has no effect: sinks.browser is switched off (headless.toml:5)\n"


def test_diff_shows_what_differs(folder: Path) -> None:
    """Both values with their layers; 1 as `diff` has it, and 0 for two that have the same effect."""
    code, out, err = ran("config", "diff", "default", "wall", cwd=folder)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "--- default",
        "+++ wall",
        "- sinks.browser.port = 8765  # default.toml:15",
        "+ sinks.browser.port = 9000  # config/wall.toml:4, over default.toml:15 = 8765",
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


def test_check_says_that_a_profile_is_right(folder: Path) -> None:
    """With what it would run."""
    said = "profile wall is right: sources demo; sinks browser\n"
    assert ran("config", "check", "--profile", "wall", cwd=folder) == (0, said, "")
    assert ran("config", "check", "config/wall.toml", "--strict", cwd=folder) == (0, said, "")


def test_check_takes_a_file(folder: Path) -> None:
    """As the profile that it is, with the local.toml beside it; local.toml itself lies above `default`."""
    (folder / "config" / "local.toml").write_text("[sinks.browser]\nport = -1\n")
    for name, said in (("wall", "config/local.toml:2: sinks.browser.port = -1"), ("local", "config/local")):
        code, _, err = ran("config", "check", f"config/{name}.toml", cwd=folder, BEATS_PROFILE="nonsense")
        assert (code, err.startswith(said)) == (78, True)
    for name, said in (("gone.toml", "gone.toml: no such file\n"), ("config", "config: the name of a ")):
        code, _, err = ran("config", "check", name, cwd=folder)
        assert (code, err.startswith(said)) == (78, True)
    code, _, err = ran("config", "check", "config/wall.toml", "--profile", "wall", cwd=folder)
    assert (code, err.startswith("FILE says")) == (2, True)


def test_check_says_everything_at_once_as_a_run_does(folder: Path) -> None:
    """All that `beats run` says, word for word, and what would fail after it."""
    (folder / "config" / "bad.toml").write_text(
        "[sinks.browser]\nport = 99999\nqueue.sise = 1\n[sinks.b]\ntype = 'websocket'\n"
        "[sinks.c]\ntype = 'websocket'\nenabled = 3\n"
        "[sources.x]\ntype = 'jsonl'\npath = 'gone'\n"
    )
    code, _, said = ran("run", "--profile", "bad", cwd=folder)
    assert code == 78
    code, out, err = ran("config", "check", "--profile", "bad", cwd=folder)
    assert (code, out) == (78, "")
    assert err.startswith(said)
    assert "config/bad.toml:2: sinks.browser.port = 99999: must be at most 65535\n" in said
    assert err.removeprefix(said) == (
        'config/bad.toml:11: sources.x.path = "gone": does not exist: name a file that can be read\n'
    )


def test_warnings_are_faults_when_strict(folder: Path) -> None:
    """An unknown variable, and a door that is open to everyone."""
    arguments = ("config", "check", "--set", "sinks.browser.host=0.0.0.0")
    code, out, err = ran(*arguments, cwd=folder, BEATS_WEBSOCKET_PROT="1")
    assert (code, len(err.splitlines())) == (0, 2)
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert out.startswith("profile default is right")
    code, out, strictly = ran(*arguments, "--strict", cwd=folder, BEATS_WEBSOCKET_PROT="1")
    assert (code, out) == (78, "")
    assert strictly == err.replace("warning: ", "")


def test_a_check_knows_how_many_files_viewers_need(folder: Path) -> None:
    """Where the system allows fewer, and only root can raise that, it is said with what would be enough."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    command = (*BEATS, "config", "check", "--set", "sinks.browser.max_clients=500")
    with Program(command, folder, clean_environment(), before=limit) as program:
        assert program.end() == 0
        [warning] = program.err.text().splitlines()
    assert warning.startswith("warning: the limit is 256 open files, but 820 are needed")
    assert "LimitNOFILE=820" in warning


AUDITED = """
import os, sys
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
changes = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink",
           "os.chmod", "os.utime", "subprocess.Popen", "os.system", "os.fork", "tempfile.mkstemp"}
seen = []
def hook(event, args):
    if event == "open":
        if isinstance(args[2], int) and args[2] & writing:
            seen.append((event, str(args[0])))
        elif os.path.basename(str(args[0])) in {"a.token", "a.pem", "a.key", "a.mcap"}:
            seen.append((event, str(args[0])))
    elif event in changes or event.startswith("socket."):
        seen.append((event, str(args)))
sys.addaudithook(hook)
sys.argv = ["beats", "config", "check"]
from beats.cli import main
try:
    main()
except SystemExit as end:
    print(end.code)
print(seen)
"""


@pytest.mark.parametrize("host", ["localhost", "wall.example"])
def test_a_check_opens_no_port_and_writes_no_file(folder: Path, host: str) -> None:
    """Neither does it read what the settings name, nor ask for the address of a host."""
    for name in ("a.token", "a.pem", "a.key", "a.mcap"):
        (folder / name).write_text("")
    (folder / "config" / "default.toml").write_text(
        f"[sinks.browser]\nhost = '{host}'\ntoken_file = 'a.token'\ntls_cert = 'a.pem'\ntls_key = 'a.key'\n"
        "[sinks.keep]\ntype = 'recorder'\npath = 'new/folder/x.mcap'\n"
        f"[sinks.other]\ntype = 'websocket'\nport = 1\nhost = '{host}'\n"
        "[sources.again]\ntype = 'replay'\npath = 'a.mcap'\n"
    )
    before = sorted(folder.rglob("*"))
    with python(AUDITED, cwd=folder, PYTHONDONTWRITEBYTECODE="1") as program:
        assert program.end() == 0, program.err.text()
    assert program.out.text() == (
        "profile default is right: sources demo, again; sinks browser, keep, other\n0\n[]\n"
    )
    assert sorted(folder.rglob("*")) == before


def test_the_schema_is_that_of_the_installed_adapters(folder: Path) -> None:
    """All shipped profiles and every adapter's own settings fit it; a file of it is the same."""
    code, out, err = ran("config", "schema", cwd=folder)
    assert (code, err) == (0, "")
    schema = json.loads(out)
    validator: Any = Draft202012Validator(schema)
    for path in [*SHIPPED.glob("*.toml"), *(folder / "config").glob("*.toml")]:
        validator.validate(tomllib.loads(path.read_text()))
    for name in SINKS.names():
        fields = SINKS.find(name).settings.model_fields
        assert schema["$defs"][f"sinks.{name}"]["properties"].keys() == fields.keys()
    for name in SOURCES.names():
        fields = SOURCES.find(name).settings.model_fields
        assert schema["$defs"][f"sources.{name}"]["properties"].keys() == fields.keys()
        assert all(
            "description" in part for part in schema["$defs"][f"sources.{name}"]["properties"].values()
        )
    assert ran("config", "schema", "--out", "x.json", cwd=folder) == (0, "wrote x.json\n", "")
    assert json.loads((folder / "x.json").read_text()) == schema
    assert ran("config", "schema", "--out", "x.json", cwd=folder)[0] == 0, "made again"
    (folder / "show.mcap").write_text("precious")
    code, _, err = ran("config", "schema", "--out", "show.mcap", cwd=folder)
    assert (code, (folder / "show.mcap").read_text()) == (1, "precious")
    assert "exists and is no JSON Schema" in err
    code, _, err = ran("config", "schema", "--out", "gone/x.json", cwd=folder)
    assert (code, err) == (1, "gone/x.json: cannot be written: No such file or directory\n")


def test_the_shipped_profiles_point_to_the_schema_shipped_beside_them(folder: Path) -> None:
    """Their first line names it, and it is the one that `beats config schema --out` writes."""
    ran("config", "schema", "--out", "x.json", cwd=folder)
    assert (SHIPPED / "beats.schema.json").read_text() == (folder / "x.json").read_text()
    for path in SHIPPED.glob("*.toml"):
        assert path.read_text().splitlines()[0] == "#:schema ./beats.schema.json", path


def test_what_is_shown_fits_the_schema(folder: Path) -> None:
    """Every setting in effect is a setting that a file may have."""
    validator: Any = Draft202012Validator(json.loads(ran("config", "schema", cwd=folder)[1]))
    for path in SHIPPED.glob("*.toml"):
        code, out, _ = ran("config", "show", "-p", path.stem, cwd=folder, BEATS_SINKS__BROWSER__TOKEN="x")
        assert code == 0
        validator.validate(tomllib.loads(out))
