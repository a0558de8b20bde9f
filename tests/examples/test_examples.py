"""Each example does what it says, as a person would start it."""

import json
import os
import re
import signal
import socket
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame, Peripheral
from tests.browser.chromium import PATH as CHROMIUM
from tests.examples.programs import EXAMPLES, PYTHON, main_of, running
from tests.support import PORT_0, TIMEOUT_S, beats, until, watching

COMMANDS = {"fastapi_app", "notebook", "wall_over_ddp", "record_and_replay", "origin_and_edges"}


def listens(port: int) -> bool:
    """Whether a port of this machine is open."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_every_example_is_tested_and_explained() -> None:
    """A folder with a README, whose picture shows what it does."""
    # `operation` holds files for operators, which have tests of their own.
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"operation"}
    assert folders == {*PYTHON, *COMMANDS}
    for name in folders:
        text = (EXAMPLES / name / "README.md").read_text()
        assert "```sh" in text
        assert "](picture.png)" in text
        assert (EXAMPLES / name / "picture.png").stat().st_size > 1000
        assert f"({name}/README.md)" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "topics"),
    [
        ("numpy_animation", {"frame", "peripheral/phase"}),
        ("pygame_loop", {"frame"}),
        ("robot_sensors", {"peripheral/odometry", "peripheral/battery"}),
    ],
)
def test_a_program_streams_until_ctrl_c(name: str, topics: set[str], tmp_path: Path) -> None:
    """Viewers get all of its topics, which change; Ctrl-C ends it without a traceback."""
    with main_of(name, tmp_path) as (program, page):
        with watching(page.replace("http", "ws"), additional_headers=None) as viewer:
            viewer.until(lambda envelope: topics <= viewer.topics().keys() and envelope.sequence > 3)
        assert program.interrupt() == 0
        assert "Traceback" not in program.err.text()


def test_a_button_stops_the_robot(tmp_path: Path) -> None:
    """While its sensors go on: twenty times it is where it was before."""
    with main_of("robot_sensors", tmp_path) as (program, page):
        with watching(page.replace("http", "ws") + "?topics=peripheral/odometry") as viewer:
            viewer.next()
            viewer.connection.send(json.dumps({"kind": "control", "command": "activate"}))
            places: list[object] = []
            while len(places) < 21 or len(set(places[-21:])) > 1:
                message = viewer.next().message
                assert isinstance(message, Peripheral)
                places.append(json.loads(json.dumps(message.data))["x_m"])
        assert program.interrupt() == 0


def test_the_camera_shows_a_film_and_its_edges(tmp_path: Path) -> None:
    """Two pictures, in a loop: more frames come than the film has."""
    film = tmp_path / "film.avi"
    code = "import cv2, numpy, sys\n"
    code += "out = cv2.VideoWriter(sys.argv[1], cv2.VideoWriter.fourcc(*'MJPG'), 60, (64, 48))\n"
    code += "for n in range(10): out.write(numpy.full((48, 64, 3), 25 * n, numpy.uint8))\n"
    with running("camera", tmp_path, ["python", "-c", code, str(film)]) as program:
        assert program.end() == 0
    with main_of("camera", tmp_path, str(film)) as (program, page):
        with watching(page.replace("http", "ws") + "?topics=*") as viewer:
            viewer.until(lambda envelope: envelope.topic == "frame/edges" and envelope.sequence > 20)
            assert "frame" in viewer.topics()
        assert program.interrupt() == 0


def test_the_camera_says_what_it_cannot_open(tmp_path: Path) -> None:
    """In one line."""
    with running("camera", tmp_path, ["python", "main.py", "no.mp4"]) as program:
        assert program.end() == 1
        assert program.err.text().splitlines()[-1] == "cannot open no.mp4"


def test_the_phone_moves_the_dot(tmp_path: Path) -> None:
    """With the printed token, from any address of this machine."""
    with main_of("phone_remote", tmp_path) as (program, page):
        with watching(page.replace("http", "ws")) as viewer:
            first = viewer.until(lambda envelope: envelope.topic == "frame").message
            viewer.connection.send(json.dumps({"kind": "control", "command": "browse", "browse_step": 2}))
            viewer.until(lambda envelope: envelope.message != first)
        assert program.interrupt() == 0


def test_the_app_publishes_what_is_posted(tmp_path: Path) -> None:
    """Beats lives as long as the app, and stops with it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["python", "-m", "uvicorn", "main:app", "--port", str(port)]
    with running("fastapi_app", tmp_path, command) as program:
        program.err.wait_for("Uvicorn running")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=TIMEOUT_S) as answer:
            page = json.load(answer)["page"]
        with watching(page.replace("http", "ws")) as viewer:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/sensors/hall",
                data=b'{"celsius": 21.5}',
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                assert json.load(answer) == {"sequence": 1}
            assert viewer.next().message == Peripheral("hall", {"celsius": 21.5})
        assert program.interrupt() == 0


def test_the_notebook_runs_and_shows_the_stream(tmp_path: Path) -> None:
    """All cells in order; one shows the page's picture, and the last one how many frames there were."""
    code = (
        "import nbformat, nbclient\n"
        "book = nbformat.read('stream.ipynb', 4)\n"
        "nbclient.NotebookClient(book, timeout=60).execute()\n"
        "print('\\n'.join(str(output) for cell in book.cells for output in cell.get('outputs', ())))\n"
    )
    with running("notebook", tmp_path, ["python", "-c", code]) as program:
        assert program.end() == 0, program.err.text()
        assert "?view=picture" in program.out.text()


def test_the_simulator_shows_the_wall(tmp_path: Path) -> None:
    """The profile sends to it by DDP, and it draws colours."""
    with running("wall_over_ddp", tmp_path, ["python", "-u", "simulator.py", "0"]) as simulator:
        port = simulator.out.wait_for(r"on UDP port (\d+)")[1]
        host = ("--set", f"sinks.wall.host=127.0.0.1:{port}")
        folder = tmp_path / "wall_over_ddp"
        with beats("run", "--profile", "wall_over_ddp", *PORT_0, *host, cwd=folder) as program:
            assert program.url
            simulator.out.wait_for("\x1b\\[38;2;")
            assert program.interrupt() == 0
        assert simulator.interrupt() == 0


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*/*.sh")), ids=lambda path: path.parent.name)
def test_a_script_leaves_nothing_running_when_beats_fails(script: Path, tmp_path: Path) -> None:
    """Such as without an extra; what it started beside Beats, which would run on, ends with it."""
    for name, does in {"beats": "exit 1", "nats-server": "exec sleep 1000"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    with running(script.parent.name, tmp_path / "copy", ["sh", script.name], programs=tmp_path) as program:
        assert program.end() == 1, program.err.text()
        assert program.leaves_nothing()


def test_a_show_is_recorded_cut_exported_and_replayed(tmp_path: Path) -> None:
    """Each step of the script, as often as one likes; the replay is on air at the end."""
    for _ in range(2):
        _record_and_replay(tmp_path)
    folders = list((tmp_path / "record_and_replay").glob("show-*"))
    assert len(folders) == 2
    for folder in folders:
        assert {path.name for path in folder.iterdir()} >= {"show.mcap", "first.mcap", "show.gif"}


def _record_and_replay(tmp_path: Path) -> None:
    with running("record_and_replay", tmp_path, ["sh", "show.sh", "2"]) as program:
        program.out.wait_for("show.gif: ")
        # The recording was on air before that.
        until(lambda: len(re.findall(r"On air: .* stream (\S+)\)", program.out.so_far())) == 2)
        with watching(re.findall(r"On air: .* stream (\S+)\)", program.out.so_far())[1]) as viewer:
            assert isinstance(viewer.until(lambda envelope: envelope.topic == "frame").message, Frame)
        os.killpg(program.process.pid, signal.SIGINT)  # as Ctrl-C: to all that the script runs
        program.end()


@pytest.mark.skipif(not CHROMIUM.exists(), reason="without the programs of CI")
def test_edges_show_what_the_origin_sends(tmp_path: Path) -> None:
    """Both, through the broker that the script starts; one signal ends all of it."""
    with running("origin_and_edges", tmp_path, ["sh", "show.sh"]) as program:
        program.out.wait_for("open http://localhost:8801")
        for port in (8801, 8802):
            until(partial(listens, port))
            with watching(f"ws://127.0.0.1:{port}/") as viewer:
                viewer.until(lambda envelope: envelope.topic == "frame")
        os.killpg(program.process.pid, signal.SIGINT)
        program.end()
        until(program.leaves_nothing)
