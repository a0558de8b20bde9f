"""The wheel, installed in each way that users have, in a home with nothing in it."""

import json
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from beats.kernel.envelope import Frame
from tests.dist.files import BIN, ROOT, WHEEL, environment
from tests.support import Program, watching

SHIPPED: Final = ROOT / "config" / "beats" / "config"


def did(home: Path, *arguments: str | Path) -> None:
    """Run a command of an installer."""
    done = subprocess.run(
        arguments, cwd=home, env=environment(home), capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr


def by_pip(home: Path) -> Sequence[str]:
    """`pip install` in a virtual environment."""
    venv.create(home / "environment", symlinks=True, with_pip=True)
    did(home, home / "environment" / "bin" / "pip", "install", "--quiet", WHEEL)
    return [str(home / "environment" / "bin" / "beats")]


def by_pipx(home: Path) -> Sequence[str]:
    """`pipx install`."""
    did(home, BIN / "pipx", "install", "--python", sys.executable, WHEEL)
    return ["beats"]


def by_uv(home: Path) -> Sequence[str]:
    """`uv tool install`."""
    did(home, BIN / "uv", "tool", "install", "--quiet", "--python", sys.executable, WHEEL)
    return ["beats"]


def by_uvx(home: Path) -> Sequence[str]:
    """`uvx`, which installs what it runs."""
    did(home, BIN / "uvx", "--quiet", "--python", sys.executable, "--from", WHEEL, "beats", "--version")
    return [str(BIN / "uvx"), "--quiet", "--python", sys.executable, "--from", str(WHEEL), "beats"]


class Installed:
    """The command `beats` of one installation."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self._command: Final = command
        self._home: Final = home

    def program(self, *arguments: str, **variables: str) -> Program:
        """Start it in the home; a context manager."""
        variables = {**environment(self._home), "PYTHONWARNINGS": "error", **variables}
        # The shell finds it on the path of this person, as theirs would.
        return Program(
            ["/bin/sh", "-c", 'exec "$@"', "sh", *self._command, *arguments], self._home, variables
        )

    def ran(self, *arguments: str) -> tuple[int, str, str]:
        """Run it to its end."""
        with self.program(*arguments) as program:
            return program.end(), program.out.text(), program.err.text()


WAYS: Final[Mapping[str, Callable[[Path], Sequence[str]]]] = {
    "pip": by_pip,
    "pipx": by_pipx,
    "uv": by_uv,
    "uvx": by_uvx,
}


# Side by side: pip waits for the network most of the time.
@pytest.fixture(
    scope="module", params=[pytest.param(way, marks=pytest.mark.xdist_group(way)) for way in WAYS]
)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One installation."""
    way: str = request.param
    home = tmp_path_factory.mktemp(way)
    return Installed(WAYS[way](home), home)


def test_it_says_its_version(installed: Installed) -> None:
    """That of the wheel."""
    version = WHEEL.name.split("-")[1]
    assert installed.ran("--version") == (0, f"beats {version}\n", "")


def test_it_streams_the_demo_and_its_page(installed: Installed) -> None:
    """The page comes with all its files; a viewer sees pictures; Ctrl-C ends it in order."""
    with installed.program("run", BEATS_WEBSOCKET_PORT="0") as program:
        page = program.fetch("/", accept="text/html")
        assert page.status == 200
        files = set(re.findall(r'(?:src|href)="/?(page/[^"]+)"', page.text))
        assert {file.rpartition(".")[2] for file in files} >= {"js", "css"}
        for file in files:
            assert program.fetch(f"/{file}").status == 200
        with watching(program.url) as viewer:
            assert isinstance(viewer.next().message, Frame)
        assert program.interrupt() == 0
        assert re.findall("WARNING|ERROR|Traceback", program.err.text()) == []


def test_it_records_and_replays(installed: Installed) -> None:
    """With the protobuf modules and schema that a recording embeds."""
    code, _, err = installed.ran("record", "--out", "show.mcap", "--duration", "1")
    assert code == 0, err
    code, out, err = installed.ran("info", "show.mcap")
    assert code == 0, err
    assert "frame" in out


def test_it_has_the_profiles_and_their_schema(installed: Installed) -> None:
    """Those of this repository, and no fault in the first."""
    code, out, err = installed.ran("profiles")
    assert code == 0, err
    shipped = {path.stem for path in SHIPPED.glob("*.toml")}
    assert shipped
    assert all(re.search(rf"\b{name}\b", out) for name in shipped)
    code, _, err = installed.ran("config", "check", "--profile", "studio")
    assert code == 0, err
    code, out, err = installed.ran("config", "schema")
    assert code == 0, err
    assert json.loads(out) == json.loads((SHIPPED / "beats.schema.json").read_text(encoding="utf-8"))


def test_it_shows_the_documentation(installed: Installed) -> None:
    """Each page of this repository is listed, and one is shown as it is."""
    code, out, err = installed.ran("docs")
    assert code == 0, err
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {line.split()[0] for line in out.splitlines()} == pages
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert installed.ran("docs", "settings") == (0, text, "")


def test_the_doctor_finds_a_whole_installation(installed: Installed) -> None:
    """What it says of the machine depends on that; what it says of software has no fault."""
    code, out, err = installed.ran("doctor", "--json")
    assert code in (0, 1), err
    assert "beats" in out
