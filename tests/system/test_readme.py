"""Every command and snippet of the README does what it says."""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import trustme
from PIL import Image

from tests.nats_server import free_port, installed
from tests.recordings.support import lines, record
from tests.support import Program, beats, clean_environment, ran, tiny_png, watching

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text()
BIN: Final = Path(sys.executable).parent
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS: Final = [
    line.split("#")[0].strip() for language, text in BLOCKS if language == "sh" for line in text.splitlines()
]
PYTHON: Final = [text for language, text in BLOCKS if language == "python"]
TOML: Final = [text for language, text in BLOCKS if language == "toml"]
SNAPSHOT_TOML, PROFILE_TOML, NETWORK_TOML = TOML


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newcomer's folder with a picture of each kind that the README names."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "picture.gif", save_all=True, append_images=frames[1:], duration=50)
    (tmp_path / "picture.png").write_bytes(tiny_png())
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").write_bytes(tiny_png())
    return tmp_path


def run(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Run to the end, which for what would go on for ever is SIGINT once it is on air."""
    path = f"{BIN}:{clean_environment()['PATH']}"
    environment = clean_environment(BEATS_WEBSOCKET_PORT="0", PATH=path)
    with Program(arguments, folder, environment) as program:
        if (
            "beats run" in arguments[-1]
            and "--duration" not in arguments[-1]
            and "--stdin" not in arguments[-1]
        ):
            assert program.url
            program.signal()
        return program.end(), program.out.text(), program.err.text()


RELAYED: Final = re.compile("nats-server|origin|edge")
"""The commands of the relay, which need each other."""
WATCHING: Final = ("beats top", "beats tap")
"""Commands that look at a Beats that runs."""
ALONE: Final = [
    command
    for command in COMMANDS
    if command.startswith(("beats", "printf"))
    and not command.startswith((*WATCHING, "beats doctor"))
    and not RELAYED.search(command)
]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(WATCHING)])
def test_a_command_of_the_readme_shows_a_running_beats(command: str, folder: Path) -> None:
    """Typed as it stands, but for the address, since the demo of a test is on a free port."""
    with beats("run", "--set", "sinks.browser.port=0", cwd=folder) as stream:
        code, out, err = run(["bash", "-c", _exec(f"{command} {stream.url}")], folder)
        assert code == 0, err
        assert "demo" in out or "frame" in out
        assert stream.interrupt() == 0


def test_the_doctor_of_the_readme_looks_at_everything(folder: Path) -> None:
    """Whether something is at fault is this machine's business; that each finding is told is ours."""
    assert "beats doctor" in COMMANDS
    code, out, err = run(["bash", "-c", "exec beats doctor"], folder)
    assert code in (0, 1), err
    assert "Python" in out


@pytest.mark.parametrize("command", ALONE)
def test_a_command_of_the_readme_ends_well(command: str, folder: Path) -> None:
    """Typed as it stands, on a free port, it exits with 0; recordings that it reads were made before."""
    if "--workers" in command:
        installed()
    if "record " not in command:
        record(folder / "show.mcap", lines(200), per_chunk=50)
    code, out, err = run(["bash", "-c", f"set -o pipefail; {_exec(command)}"], folder)
    assert code == 0, err
    assert out


def _exec(command: str) -> str:
    """So that a signal reaches the command and not a shell around it."""
    return command if "|" in command else f"exec {command}"


def test_the_readme_shows_what_these_tests_know() -> None:
    """A kind of command or snippet that no test runs does not slip in."""
    kinds = {shlex.split(command)[0] for command in COMMANDS}
    assert {kind.partition("=")[0] for kind in kinds} == {
        "make",
        "pip",
        "beats",
        "printf",
        "nats-server",
        "BEATS_WEBSOCKET_PORT",
    }
    assert {language for language, _ in BLOCKS} == {"sh", "python", "toml"}
    assert len(PYTHON) == 4
    assert len(TOML) == 3


def test_the_four_commands_of_the_readme_are_an_origin_a_broker_and_two_edges(folder: Path) -> None:
    """Typed as they stand, but for the ports; a viewer of either edge sees the demo."""
    server, origin, *edges = (command for command in COMMANDS if RELAYED.search(command))
    assert len(edges) == 2
    port = free_port()
    path = f"{BIN}:{Path(installed()).parent}:{clean_environment()['PATH']}"
    url = f"nats://127.0.0.1:{port}"
    environment = clean_environment(PATH=path, BEATS_NATS_URL=url, BEATS_WEBSOCKET_PORT="0")
    with ExitStack() as stack:
        broker = Program(["bash", "-c", f"exec {server} --port {port}"], ROOT, environment)
        stack.enter_context(broker).err.wait_for("Server is ready")
        for command in (origin, *edges):
            typed = re.sub(r"BEATS_WEBSOCKET_PORT=\d+ ", "", command)
            program = stack.enter_context(Program(["bash", "-c", f"exec {typed}"], folder, environment))
            with watching(program.url) as viewer:
                viewer.until(lambda envelope: envelope.topic == "frame")


def test_make_run_streams_the_demo() -> None:
    """The first command sets up what is missing and goes on air; SIGINT ends it in order."""
    assert "make run" in COMMANDS
    environment = clean_environment(BEATS_WEBSOCKET_PORT="0")
    with Program(["make", "--silent", "run", f"PYTHON={sys.executable}"], ROOT, environment) as program:
        assert program.url.startswith("ws://localhost:")
        os.killpg(program.process.pid, signal.SIGINT)  # as Ctrl-C: to make and to what it runs
        program.end()
        assert "published" in program.out.text()
        assert program.leaves_nothing()


def test_make_test_is_what_runs_these_tests() -> None:
    """The second command runs every check and this suite."""
    assert "make test" in COMMANDS
    plan = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    for part in ("ruff check", "ruff format --check", "mypy", "pyright", "pytest"):
        assert f".venv/bin/{part}" in plan.stdout


def test_what_pip_installs_is_whole(tmp_path: Path) -> None:
    """`pip install .` brings the profiles, the schema and the type markers, and the command works."""
    assert "pip install ." in COMMANDS
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path / "site", str(ROOT)], check=True, cwd=tmp_path, timeout=60)
    package = tmp_path / "site" / "beats"
    for part in ("kernel", "adapters", "proto", "config"):
        assert (package / part / "py.typed").exists()
    assert (package / "config" / "default.toml").exists()
    assert (package / "proto" / "streaming.proto").exists()
    assert not (package / "__init__.py").exists()
    # Without this checkout, which an editable install puts on the path.
    code = (
        "import sys; sys.path[:] = [sys.argv[1], *(p for p in sys.path if p not in sys.argv[2:])];"
        "import beats.app; print(beats.app.__file__)"
    )
    parts = [str(ROOT / part) for part in ("kernel", "adapters", "proto", "config")]
    shown = subprocess.run(
        [sys.executable, "-c", code, str(package.parent), *parts],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(),
        cwd=tmp_path,
    )
    assert shown.stdout.strip() == str(package / "app.py")


def test_the_first_snippet_publishes_from_a_program(folder: Path) -> None:
    """The ten lines put a picture and an update on air, and end."""
    code, out, err = run([sys.executable, "-c", PYTHON[0]], folder)
    assert code == 0, err
    assert "on air at ws://localhost:" in out
    assert "frames=" in out


def test_the_viewers_snippet_shows_the_stream(folder: Path) -> None:
    """Against a running demo it prints frames and updates."""
    with beats("run", "--set", "sinks.browser.port=0", cwd=folder) as stream:
        snippet = PYTHON[1].replace("ws://localhost:8765", stream.url)
        assert snippet != PYTHON[1]
        with Program([sys.executable, "-u", "-c", snippet], folder, clean_environment()) as viewer:
            viewer.out.wait_for("bytes of PNG")
            viewer.out.wait_for("knob-1 b'{")
            viewer.signal(signal.SIGKILL)
            viewer.end()
        assert stream.interrupt() == 0


def test_the_async_snippet_runs(folder: Path) -> None:
    """Beats runs in the program's own event loop."""
    code, _, err = run([sys.executable, "-c", PYTHON[2]], folder)
    assert code == 0, err


def test_the_snippet_without_a_block_runs(folder: Path) -> None:
    """It closes what it has started."""
    code, _, err = run([sys.executable, "-c", PYTHON[3]], folder)
    assert (code, err) == (0, "")


def test_the_profile_of_the_readme_runs(folder: Path) -> None:
    """Saved as it says, it streams and records."""
    (folder / "config").mkdir()
    (folder / "config" / "wall.toml").write_text(PROFILE_TOML)
    arguments = ("run", "--profile", "wall", "--duration", "1", "--set", "sinks.browser.host=127.0.0.1")
    with beats(*arguments, cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
        assert program.end() == 0, program.err.text()
    assert len(list((folder / "recordings").glob("wall-*.mcap"))) == 1


def test_the_recorder_of_the_readme_writes_what_has_just_happened(folder: Path) -> None:
    """With its settings nothing is written until `beats snapshot` says so, and that says where."""
    (folder / "config").mkdir()
    (folder / "config" / "incident.toml").write_text(SNAPSHOT_TOML)
    variables = {"BEATS_WEBSOCKET_PORT": "0", "XDG_RUNTIME_DIR": str(folder / "run")}
    with beats("run", "--profile", "incident", cwd=folder, stdin=None, **variables) as program:
        with watching(program.url) as viewer:
            viewer.take(10)
        assert not (folder / "incidents").exists()
        code, out, err = ran("snapshot", cwd=folder, **variables)
        assert code == 0, err
        assert (folder / out.strip()).is_file()
        assert program.interrupt() == 0


def test_the_networked_sink_of_the_readme_is_valid(folder: Path) -> None:
    """Its settings pass the check, which ends with what the files it names lack."""
    files: dict[str, str] = {}
    for name in ("watch.token", "steer.token", "wall.pem", "wall.key"):
        files[f"/etc/beats/{name}"] = str(folder / name)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    (folder / "watch.token").write_text("watch")
    (folder / "steer.token").write_text("steer")
    certificate.cert_chain_pems[0].write_to_path(folder / "wall.pem")
    certificate.private_key_pem.write_to_path(folder / "wall.key")
    text = NETWORK_TOML
    for name, path in files.items():
        assert name in text
        text = text.replace(name, path)
    (folder / "config").mkdir()
    (folder / "config" / "net.toml").write_text(text)
    with beats("run", "--profile", "net", cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
        assert program.url.startswith("wss://wall.local:")
        assert program.interrupt() == 0
        assert "can watch" not in program.err.text()
