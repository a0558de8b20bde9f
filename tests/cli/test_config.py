"""`beats config`."""

import json
import resource
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from beats.config.layers.profiles import SHIPPED
from beats.recordings import MAGIC
from beats.runtime.registry import SINKS, SOURCES
from tests.support import BEATS, Program, called, clean_environment, python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a profile `wall`, and one with the same effect."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "wall.toml").write_text(
        "# For the wall.\n\n[sinks.browser]\nport = 9000\ntoken = 'hush'\n"
    )
    (tmp_path / "config" / "twin.toml").write_text("extends = 'wall'\n")
    return tmp_path


def test_show_names_every_layer_of_each_value(folder: Path) -> None:
    """The one in effect, with its line in a file, and all that it overrides; in TOML that can be loaded."""
    (folder / "config" / "local.toml").write_text("[sinks.browser]\nport = 9001\nhost = '::1'\n")
    arguments = ("config", "show", "-p", "wall", "--set", "sinks.browser.port=9003")
    code, out, err = called(*arguments, cwd=folder, BEATS_SINKS__BROWSER__PORT="9002")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert (
        "port = 9003 # --set, over BEATS_SINKS__BROWSER__PORT = 9002, config/local.toml:2 = 9001, "
        "config/wall.toml:4 = 9000, default.toml:15 = 8765"
    ) in lines
    assert 'host = "::1" # config/local.toml:3' in lines
    assert "hush" not in out
    assert tomllib.loads(out)["sinks"]["browser"]["port"] == 9003


def test_show_can_print_json(folder: Path) -> None:
    """With value, layer and overridden values."""
    arguments = ("--profile", "wall", "--json", "-s", "sinks.browser.port=1")
    code, out, err = called("config", "show", *arguments, cwd=folder)
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
    """For scripts: text without quotes, an empty line where there is no value, secrets masked."""
    assert called("config", "get", key, cwd=folder, BEATS_PROFILE="wall") == (0, printed, "")


def test_get_prints_a_table_as_lines(folder: Path) -> None:
    """One for each key."""
    code, out, _ = called("config", "get", "sinks.browser.queue", "--config", "config", cwd=folder)
    assert (code, out.startswith("size = 256\n")) == (0, True)


@pytest.mark.parametrize(
    ("profile", "key", "why"),
    [
        ("wall", "sinks.browser.prot", "no such setting; did you mean 'sinks.browser.port'?"),
        ("wall", "a..b", "no such setting"),
        ("headless", "sinks.browser.port", "has no effect: sinks.browser is switched off (headless.toml:5)"),
    ],
)
def test_get_reports_why_there_is_no_value(folder: Path, profile: str, key: str, why: str) -> None:
    """With exit code 1."""
    code, out, err = called("config", "get", key, "-p", profile, cwd=folder)
    assert (code, out, err.splitlines()[0]) == (1, "", f"{key}: {why}")


def test_diff_shows_what_differs(folder: Path) -> None:
    """Both values with their layers; exit code 1, or 0 for profiles with the same effect."""
    code, out, err = called("config", "diff", "default", "wall", cwd=folder)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "--- default",
        "+++ wall",
        "- sinks.browser.port = 8765  # default.toml:15",
        "+ sinks.browser.port = 9000  # config/wall.toml:4, over default.toml:15 = 8765",
        "- sinks.browser.token = (none)  # default",
        '+ sinks.browser.token = "********"  # config/wall.toml:5',
    ]
    assert called("config", "diff", "wall", "twin", cwd=folder) == (0, "", "")


def test_wrong_settings_are_reported_as_by_a_run(folder: Path) -> None:
    """With exit code 78."""
    for command in (("show",), ("get", "kernel"), ("diff", "default", "wall")):
        code, out, err = called("config", *command, "--set", "sinks.browser.port=99999", cwd=folder)
        assert (code, out) == (78, "")
        assert "must be at most 65535" in err


def test_check_reports_that_a_profile_is_valid(folder: Path) -> None:
    """With its sources and sinks; a file is checked with local.toml beside it, that one with `default`."""
    said = "profile wall is valid: sources demo; sinks browser\n"
    assert called("config", "check", "--profile", "wall", cwd=folder) == (0, said, "")
    assert called("config", "check", "config/wall.toml", "--strict", cwd=folder) == (0, said, "")
    (folder / "config" / "local.toml").write_text("[sinks.browser]\nport = -1\n")
    for name, said in (("wall", "config/local.toml:2: sinks.browser.port = -1"), ("local", "config/local")):
        code, _, err = called("config", "check", f"config/{name}.toml", cwd=folder, BEATS_PROFILE="nonsense")
        assert (code, err.startswith(said)) == (78, True)
    for name, said in (("gone.toml", "gone.toml: no such file\n"), ("config", "config: the name of a ")):
        code, _, err = called("config", "check", name, cwd=folder)
        assert (code, err.startswith(said)) == (78, True)
    code, _, err = called("config", "check", "config/wall.toml", "--profile", "wall", cwd=folder)
    assert (code, err.startswith("FILE gives")) == (2, True)


def test_check_reports_everything_that_a_run_reports(folder: Path) -> None:
    """In the same words, and also what would fail later."""
    (folder / "config" / "bad.toml").write_text(
        "[sinks.browser]\nport = 99999\nqueue.sise = 1\n[sinks.b]\ntype = 'websocket'\n"
        "[sinks.c]\ntype = 'websocket'\nenabled = 3\n"
        "[sources.x]\ntype = 'jsonl'\npath = 'gone'\n"
    )
    code, _, said = called("run", "--profile", "bad", cwd=folder)
    assert code == 78
    code, out, err = called("config", "check", "--profile", "bad", cwd=folder)
    assert (code, out) == (78, "")
    said, err = (each.partition("More: ")[0] for each in (said, err))
    assert err.startswith(said)
    assert "config/bad.toml:2: sinks.browser.port = 99999: must be at most 65535\n" in said
    assert err.removeprefix(said) == (
        'config/bad.toml:11: sources.x.path = "gone": does not exist: name a file that can be read\n'
    )


def test_strict_treats_warnings_as_errors(folder: Path) -> None:
    """An unknown variable, and a sink open to the network without a token."""
    arguments = ("config", "check", "--set", "sinks.browser.host=0.0.0.0")
    code, out, err = called(*arguments, cwd=folder, BEATS_WEBSOCKET_PROT="1")
    assert (code, len(err.splitlines())) == (0, 2)
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert out.startswith("profile default is valid")
    code, out, strictly = called(*arguments, "--strict", cwd=folder, BEATS_WEBSOCKET_PROT="1")
    assert (code, out) == (78, "")
    assert strictly == err.replace("warning: ", "")


def test_check_warns_of_too_few_open_files(folder: Path) -> None:
    """Where only root can raise the limit, with the number that viewers need."""

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
def test_check_opens_no_port_and_writes_no_file(folder: Path, host: str) -> None:
    """Nor does it resolve the name of a host. Of the files that settings name it opens only recordings."""
    for name in ("a.token", "a.pem", "a.key"):
        (folder / name).write_text("")
    (folder / "a.mcap").write_bytes(MAGIC)
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
        "profile default is valid: sources demo, again; sinks browser, keep, other\n0\n[('open', 'a.mcap')]\n"
    )
    assert sorted(folder.rglob("*")) == before


def test_schema_describes_the_installed_adapters(folder: Path) -> None:
    """Every setting of each adapter; shipped profiles fit it. A file of another kind is not overwritten."""
    code, out, err = called("config", "schema", cwd=folder)
    assert (code, err) == (0, "")
    schema = json.loads(out)
    validator: Any = Draft202012Validator(schema)
    for path in [*SHIPPED.glob("*.toml"), *(folder / "config").glob("*.toml")]:
        validator.validate(tomllib.loads(path.read_text()))
    found = {f"sinks.{name}": SINKS.find(name).settings for name in SINKS.names()}
    found |= {f"sources.{name}": SOURCES.find(name).settings for name in SOURCES.names()}
    for name, settings in found.items():
        properties = schema["$defs"][name]["properties"]
        assert properties.keys() == settings.model_fields.keys()
        assert all("description" in part for part in properties.values())
    assert called("config", "schema", "--out", "x.json", cwd=folder) == (0, "wrote x.json\n", "")
    assert json.loads((folder / "x.json").read_text()) == schema
    assert called("config", "schema", "--out", "x.json", cwd=folder)[0] == 0
    (folder / "show.mcap").write_text("precious")
    code, _, err = called("config", "schema", "--out", "show.mcap", cwd=folder)
    assert (code, (folder / "show.mcap").read_text()) == (1, "precious")
    assert "exists and is not a JSON Schema" in err
    code, _, err = called("config", "schema", "--out", "gone/x.json", cwd=folder)
    assert (code, err.splitlines()[0]) == (1, "gone/x.json: cannot be written: No such file or directory")


def test_the_shipped_schema_is_up_to_date(folder: Path) -> None:
    """`make schema` writes it, the shipped profiles name it, and their settings as shown fit it."""
    called("config", "schema", "--out", "x.json", cwd=folder)
    assert (SHIPPED / "beats.schema.json").read_text() == (folder / "x.json").read_text()
    for path in SHIPPED.glob("*.toml"):
        assert path.read_text().splitlines()[0] == "#:schema ./beats.schema.json", path
    validator: Any = Draft202012Validator(json.loads(called("config", "schema", cwd=folder)[1]))
    for path in SHIPPED.glob("*.toml"):
        code, out, _ = called("config", "show", "-p", path.stem, cwd=folder, BEATS_SINKS__BROWSER__TOKEN="x")
        assert code == 0
        validator.validate(tomllib.loads(out))
