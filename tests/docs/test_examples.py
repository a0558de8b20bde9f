"""Every command and snippet of the documents does what it says."""

import io
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
import trustme
from PIL import Image

from beats.config.load import load_profile
from beats.kernel.envelope import Peripheral
from beats.runtime.registry import InstalledAdapters
from tests.adapters.sources.video.support import plain, write
from tests.docs.documents import DOCUMENTS, ROOT
from tests.recordings.support import lines, record
from tests.support import (
    TIMEOUT_S,
    Program,
    beats,
    called,
    clean_environment,
    tiny_png,
    until_it_hears,
    watching,
)
from tests.support.cameras import Camera, rtsp
from tests.support.nats import free_port, installed

BIN: Final = Path(sys.executable).parent
GUIDES: Final = {name: document for name, document in DOCUMENTS.items() if not document.files}
"""All documents but those whose blocks are files; `FOLLOWED` are these."""
FOLLOWED: Final = {
    "docs/plugins.md",  # by test_plugins.py
    "docs/tutorial.md",  # by tests/dist/test_tutorial.py, with the wheel
}
LINES: Final = [
    line for document in GUIDES.values() for text in document.of("sh") for line in text.splitlines()
]
COMMANDS: Final = list(dict.fromkeys(line.split("#")[0].strip() for line in LINES))
TOML: Final = [(name, text) for name, document in GUIDES.items() for text in document.of("toml")]
(VIEWER,) = DOCUMENTS["docs/websocket.md"].of("python")
PROGRAMS: Final = {
    name: "".join(text for text in GUIDES[name].of("python") if text != VIEWER) for name in GUIDES
}
"""The snippets of each document, one after the other."""

RELAYED: Final = re.compile("nats-server|origin|edge")
"""The commands of the relay, which need each other."""
WATCHING: Final = ("beats top", "beats tap")
"""Commands that look at a running Beats."""
ENDLESS: Final = re.compile(r"beats (?:run|demo)(?!.*(--duration|--stdin))")
HERE: Final = re.compile(
    r"beats (adapters|config|cut|docs|export|info|init|profiles|recover|replay|--show-completion)[^|]*$"
    r"|beats (run|record)(?!.*--workers).* --duration [^|]*$"
)
"""Commands that end by themselves and need no process of their own."""
CAMERA: Final = "camera.local"
"""A camera of the documents."""
TOOLS: Final = ("make", "pip", "nats-server", "curl", "ffmpeg", "cp", "docker", "promtool", "systemctl")


def alone(command: str) -> bool:
    """Whether a command needs nothing but a folder to run in."""
    return not (command.startswith((*WATCHING, *TOOLS, "beats doctor")) or RELAYED.search(command))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newcomer's folder with a picture of each kind that the documents name, and a film."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "picture.gif", save_all=True, append_images=frames[1:], duration=50)
    shutil.copy(tmp_path / "picture.gif", tmp_path / "film.mp4")  # FFmpeg goes by what is in a file
    (tmp_path / "picture.png").write_bytes(tiny_png())
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").write_bytes(tiny_png())
    (tmp_path / "config").mkdir()
    return tmp_path


def show(connection: socket.socket) -> None:
    """Show a film of two seconds by RTSP, and then its last picture until the other side leaves."""
    film = io.BytesIO()
    write(film, plain(range(50)), format="mpegts")
    rtsp(connection, [film.getvalue()])
    while connection.recv(1 << 16):
        pass


@contextmanager
def with_camera(command: str) -> Generator[str]:
    """The command with a camera that is there."""
    if CAMERA not in command:
        yield command
        return
    with Camera([show]) as camera:
        yield command.replace(CAMERA, f"127.0.0.1:{camera.port}")


def run(command: str, folder: Path) -> tuple[int, str, str]:
    """Run a command in a shell to its end; one that would never end gets SIGINT once it is on air."""
    path = f"{BIN}:{clean_environment()['PATH']}"
    environment = clean_environment(BEATS_WEBSOCKET_PORT="0", PATH=path)
    # `exec`, so that a signal reaches the command and not a shell around it.
    shell = f"set -o pipefail; {command}" if "|" in command else f"exec {command}"
    with Program(["bash", "-c", shell], folder, environment) as program:
        if ENDLESS.search(command):
            assert program.url
            program.signal()
        return program.end(), program.out.text(), program.err.text()


@contextmanager
def demo(folder: Path) -> Generator[Program]:
    """The demo on a free port, which ends well."""
    with beats("run", "--set", "sinks.browser.port=0", cwd=folder) as stream:
        yield stream
        assert stream.interrupt() == 0


def test_documents_that_are_left_out_here_are_followed_elsewhere() -> None:
    """Block by block, by tests of their own."""
    assert DOCUMENTS.keys() - GUIDES.keys() == FOLLOWED


def test_the_documents_show_what_these_tests_know() -> None:
    """A kind of command or snippet that no test runs does not slip in."""
    first = {re.sub(r"=\d+$", "", command.split()[0]) for command in COMMANDS}
    assert first == {"beats", "printf", "BEATS_WEBSOCKET_PORT", *TOOLS}
    tested = {"sh", "python", "toml", "json", "ini", "diff", "nginx", "caddyfile", "haproxy", "apache"}
    tested |= {"html", "yaml"}  # of players, see test_players.py
    shown = {block.language for document in DOCUMENTS.values() for block in document.blocks}
    assert shown <= tested | {""}


@pytest.mark.parametrize("command", [command for command in COMMANDS if alone(command)])
def test_a_command_ends_well(command: str, folder: Path) -> None:
    """Typed as it stands, on a free port, it exits with 0; what it reads was made before, and is on air."""
    if "--workers" in command:
        installed()
    if "record " not in command:
        record(folder / "show.mcap", lines(200), per_chunk=50)
    if HERE.match(command):
        code, out, err = called(*shlex.split(command)[1:], cwd=folder, BEATS_WEBSOCKET_PORT="0")
    else:
        with with_camera(command) as typed:
            code, out, err = run(typed, folder)
    assert code == 0, err
    assert out


def test_commands_show_a_running_beats(folder: Path) -> None:
    """Typed as they stand, but for the address, since the demo of a test is on a free port."""
    with demo(folder) as stream:
        for command in COMMANDS:
            if command.startswith(WATCHING):
                if "|" in command:
                    code, out, err = run(f"{command} {stream.url}", folder)
                else:
                    code, out, err = called(*shlex.split(command)[1:], stream.url, cwd=folder)
                assert code == 0, err
                assert "demo" in out or "frame" in out or "accel" in out


def test_the_doctor_looks_at_everything(folder: Path) -> None:
    """What it finds depends on this machine; it runs to its end."""
    code, out, err = run("beats doctor", folder)
    assert code in (0, 1), err
    assert "Python" in out


def test_the_commands_of_the_relay_are_an_origin_a_broker_and_two_edges(folder: Path) -> None:
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
    """It sets up what is missing and goes on air; SIGINT ends it in order."""
    environment = clean_environment(BEATS_WEBSOCKET_PORT="0")
    with Program(["make", "--silent", "run", f"PYTHON={sys.executable}"], ROOT, environment) as program:
        assert program.url.startswith("ws://localhost:")
        os.killpg(program.process.pid, signal.SIGINT)  # as Ctrl-C: to make and to what it runs
        program.end()
        assert "published" in program.out.text()
        assert program.leaves_nothing()


def test_the_targets_of_make_exist() -> None:
    """Each one that a document names; `make test` runs every check and this suite."""
    spans = (span for document in DOCUMENTS.values() for span in document.spans)
    targets = {each.split()[1] for each in (*COMMANDS, *spans) if re.match(r"make \w", each)}
    assert "test" in targets
    dry = ["make", "--dry-run", *sorted(targets)]
    subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True)
    plan = subprocess.run([*dry[:2], "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    for part in ("ruff check", "ruff format --check", "mypy", "pyright", "pytest"):
        assert f".venv/bin/{part}" in plan.stdout


def test_the_files_of_commands_for_operation_are_there() -> None:
    """Those of `promtool` end well. What docker and systemctl do cannot be seen: nothing listens to them."""
    for command in COMMANDS:
        tool, *words = shlex.split(command)
        if tool in ("cp", "docker", "promtool", "systemctl"):
            named = [word for word in words if word.startswith("examples/")]
            assert all((ROOT / each).exists() for each in named)
            assert named or tool in ("docker", "systemctl")
            if tool == "promtool":
                program = shutil.which(tool) or pytest.skip("promtool is not installed")
                done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True)
                assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name, text in PROGRAMS.items() if text and name != "README.md"])
def test_the_python_of_a_document_runs(name: str, folder: Path) -> None:
    """All its snippets, one after the other: they end, and nothing is amiss in the log."""
    arguments = [sys.executable, "-W", "error", "-c", PROGRAMS[name]]
    with Program(arguments, folder, clean_environment(BEATS_WEBSOCKET_PORT="0")) as program:
        code, err = program.end(), program.err.text()
    assert (code, err) == (0, "")


def test_the_ten_lines_show_a_moving_picture_until_ctrl_c(folder: Path) -> None:
    """At the address that they print, which is that of a page."""
    (text,) = DOCUMENTS["README.md"].of("python")
    assert sum(1 for line in text.splitlines() if line) == 10
    arguments = [sys.executable, "-u", "-W", "error", "-c", text]
    with Program(arguments, folder, clean_environment(BEATS_WEBSOCKET_PORT="0")) as program:
        page = program.out.wait_for(r"^open (http://\S+)")[1]
        with watching(page.replace("http", "ws", 1)) as viewer:
            first = viewer.until(lambda envelope: envelope.topic == "frame").message
            viewer.until(lambda envelope: envelope.topic == "frame" and envelope.message != first)
        assert (program.interrupt(), program.err.text()) == (0, "")


def test_the_viewers_snippet_shows_the_stream(folder: Path) -> None:
    """Against a running demo it prints frames and updates."""
    with demo(folder) as stream:
        snippet = VIEWER.replace("ws://localhost:8765", stream.url)
        assert snippet != VIEWER
        with Program([sys.executable, "-u", "-c", snippet], folder, clean_environment()) as viewer:
            viewer.out.wait_for("bytes of PNG")
            viewer.out.wait_for("knob-1 b'{")
            viewer.signal(signal.SIGKILL)
            viewer.end()


@pytest.mark.parametrize(("name", "text"), TOML, ids=[f"{name}-{at}" for at, (name, _) in enumerate(TOML)])
def test_settings_are_valid(name: str, text: str, folder: Path) -> None:
    """Each snippet of TOML, saved as a profile, is free of faults and warnings."""
    (folder / "config" / "shown.toml").write_text(text)
    found = load_profile(InstalledAdapters(), profile="shown", config_dir=folder / "config", environ={})
    assert found.warnings == ()


def profile(folder: Path, word: str) -> str:
    """Save the snippet of TOML in which a word stands as a profile of this name."""
    (text,) = (text for _, text in TOML if word in text)
    (folder / "config" / "shown.toml").write_text(text)
    return text


def test_a_gif_comes_to_a_wall(folder: Path) -> None:
    """With the five lines, but for the controller: both frames of the GIF, and the preview."""
    profile(folder, "wled.local")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as controller:
        controller.bind(("127.0.0.1", 0))
        controller.settimeout(TIMEOUT_S)
        host = f"127.0.0.1:{controller.getsockname()[1]}"
        arguments = ("run", "picture.gif", "--profile", "shown", "--set", f"sinks.wall.host={host}")
        missing = {bytes((255, 0, 0)), bytes((0, 128, 0))}
        with beats(*arguments, cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
            while missing:
                pixels = controller.recv(2000)[10:]
                assert pixels == pixels[:3] * 480 or len(pixels) == 64 * 32 * 3 % 1440
                missing.discard(pixels[:3])
            with watching(f"{program.url}/?topics=frame/*") as viewer:
                assert viewer.next().topic == "frame/wall"
            assert program.interrupt() == 0


def test_the_program_of_a_profile_is_a_source(folder: Path) -> None:
    """Its updates come to viewers beside the demo."""
    profile(folder, "getloadavg")
    with beats("run", "--profile", "shown", cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
        with watching(f"{program.url}/?topics=peripheral/load") as viewer:
            assert viewer.next().topic == "peripheral/load"
        assert program.interrupt() == 0


def test_a_game_pad_and_a_midi_controller_are_sources(folder: Path) -> None:
    """Their programs read what the devices of the kernel send: here, from FIFOs in their place."""
    text = profile(folder, "/dev/input/js0")
    devices = {"/dev/input/js0": struct.pack("IhBB", 1, -7, 2, 3) + struct.pack("IhBB", 1, 1, 1, 0)}
    devices["/dev/snd/midiC1D0"] = bytes((0xB1, 7, 100, 0xF8, 8, 101, 0x90, 60, 64))
    with ExitStack() as stack:
        for number, (device, data) in enumerate(devices.items()):
            fifo = folder / f"device-{number}"
            os.mkfifo(fifo)
            opened = os.open(fifo, os.O_RDWR)
            stack.callback(os.close, opened)
            os.write(opened, data)
            text = text.replace(device, str(fifo))
        (folder / "config" / "shown.toml").write_text(text)
        arguments = ("run", "--profile", "shown", "--set", "sources.demo.enabled=false")
        program = stack.enter_context(beats(*arguments, cwd=folder, BEATS_WEBSOCKET_PORT="0"))
        viewer = stack.enter_context(watching(program.url))
        seen = {
            each.topic: each.message.data for each in viewer.take(5) if isinstance(each.message, Peripheral)
        }
        assert seen == {
            "peripheral/pad/axis-3": -7,
            "peripheral/pad/button-0": 1,
            "peripheral/midi/2/control-7": 100,
            "peripheral/midi/2/control-8": 101,
            "peripheral/midi/1/note-60": 64,
        }
        assert program.interrupt() == 0


def test_the_profile_for_a_wall_runs(folder: Path) -> None:
    """Saved as it says, it streams and records."""
    profile(folder, "keep_bytes")
    arguments = ("run", "--profile", "shown", "--duration", "1", "--set", "sinks.browser.host=127.0.0.1")
    with beats(*arguments, cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
        assert program.end() == 0, program.err.text()
    assert len(list((folder / "recordings").glob("shown-*.mcap"))) == 1


def test_the_recorder_for_incidents_writes_what_has_just_happened(folder: Path) -> None:
    """With its settings nothing is written until `beats snapshot` says so, and that says where."""
    profile(folder, "incidents")
    variables = {"BEATS_WEBSOCKET_PORT": "0", "XDG_RUNTIME_DIR": str(folder / "run")}
    with beats("run", "--profile", "shown", cwd=folder, stdin=None, **variables) as program:
        with watching(program.url) as viewer:
            viewer.take(10)
        assert not (folder / "incidents").exists()
        until_it_hears(folder / "run")
        code, out, err = called("snapshot", cwd=folder, **variables)
        assert code == 0, err
        assert (folder / out.strip()).is_file()
        assert program.interrupt() == 0


def test_the_networked_sink_starts(folder: Path) -> None:
    """With the files that it names, elsewhere, it encrypts, and nothing warns that everyone may watch."""
    text = profile(folder, "tls_key")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    (folder / "watch.token").write_text("watch")
    (folder / "steer.token").write_text("steer")
    certificate.cert_chain_pems[0].write_to_path(folder / "wall.pem")
    certificate.private_key_pem.write_to_path(folder / "wall.key")
    (folder / "config" / "shown.toml").write_text(text.replace("/etc/beats", str(folder)))
    with beats("run", "--profile", "shown", cwd=folder, BEATS_WEBSOCKET_PORT="0") as program:
        assert program.url.startswith("wss://wall.local:")
        assert program.interrupt() == 0
        assert "can watch" not in program.err.text()
