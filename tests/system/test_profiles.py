"""Settings alone decide where a stream goes, shown through the real command."""

import re
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from beats.config.layers.profiles import SHIPPED
from beats.kernel.envelope import Peripheral
from tests.recordings.support import lines, record
from tests.support import CODEC, SHIPPED_PROFILES, TIMEOUT_S, Program, beats, called, watching
from tests.support.nats import NatsServer, free_port
from tests.support.xvfb import Xvfb
from tests.system.tapes import recorded

LINES = [f'{{"id": "knob", "data": {number}}}' for number in range(5)]
PROFILES = {
    "air": "[sinks.out]\ntype = 'websocket'\nport = 0\n",
    "tape": "[sinks.out]\ntype = 'recorder'\npath = 'tape.mcap'\n",
    "void": "[sinks.out]\ntype = 'null'\n",
}
DELIVERED_ALL = r"^out +ended +5 +5 +0 *$"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three profiles that differ in their sink alone."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.toml").write_text("[sinks.browser]\nenabled = false\n")
    for name, text in PROFILES.items():
        (tmp_path / "config" / f"{name}.toml").write_text(text)
    return tmp_path


def knob_values(encoded: list[bytes]) -> list[object]:
    payloads = [CODEC.decode(data).message for data in encoded]
    return [payload.data for payload in payloads if isinstance(payload, Peripheral)]


def test_profiles_switch_the_same_command_between_sinks(folder: Path) -> None:
    """One command goes to viewers, to a file, or nowhere, by the profile's TOML; nothing is lost in any."""
    encoded: list[list[bytes]] = []
    for name in PROFILES:
        with beats("run", "--stdin", cwd=folder, stdin=subprocess.PIPE, BEATS_PROFILE=name) as program:
            if name == "air":
                with watching(program.url) as viewer:
                    program.write(*LINES)
                    viewer.take(len(LINES))
                encoded.append(viewer.raw)
            else:
                program.write(*LINES)
            program.close_input()
            assert program.end() == 0, program.err.text()
            assert re.search(DELIVERED_ALL, program.out.text(), re.MULTILINE)
            assert ("On air" in program.out.text()) == (name == "air")
            assert program.leaves_nothing()
        assert (folder / "tape.mcap").exists() == (name in ("tape", "void"))
    tape = recorded(folder / "tape.mcap")
    assert [(topic, sequence) for topic, sequence, _ in tape] == [("peripheral/knob", n) for n in range(1, 6)]
    encoded.append([data for _, _, data in tape])
    for data in encoded:
        assert knob_values(data) == list(range(5))


def test_the_five_variables_have_their_meaning(tmp_path: Path) -> None:
    """Port, bind address and announced name come from the variables, and good queue settings are taken."""
    port = free_port()
    variables = {
        "BEATS_WEBSOCKET_PORT": str(port),
        "BEATS_WEBSOCKET_BIND_HOST": "127.0.0.1",
        "BEATS_WEBSOCKET_HOST": "stage.example",
        "BEATS_STREAM_QUEUE_SIZE": "7",
        "BEATS_STREAM_QUEUE_OVERFLOW": " LATEST ",
    }
    with beats("run", cwd=tmp_path, stdin=None, **variables) as program:
        assert program.url == f"ws://stage.example:{port}"
        with watching(f"ws://127.0.0.1:{port}") as viewer:
            viewer.next()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), TIMEOUT_S)
        assert program.interrupt() == 0
        assert "warning" not in program.err.text()


# What a profile needs that it cannot bring.
VARIABLES = {"kiosk": {"BEATS_SINKS__BROWSER__TOKEN": "secret"}, "desk": {"BEATS_OSC_PORT": "0"}}

LEAST = {"desk": 0, "edge": 0, "lighting": 0, "program": 0, "screen": 3, "sensors": 0, "video": 3}
"""How many envelopes each profile has in that time on a busy machine, if not ten. Nothing is sent to the
desks, an origin may come and go before the edge, the program has no source, the broker of the sensors is not
there, and two have pictures alone."""


def test_every_shipped_profile_runs(tmp_path: Path) -> None:
    """Each passes the check, runs for two seconds beside the others, delivers all it made, and ends well."""
    names = sorted(path.stem for path in SHIPPED.glob("*.toml"))
    assert names == list(SHIPPED_PROFILES)
    (tmp_path / "recordings").mkdir()
    record(tmp_path / "recordings" / "old.mcap", lines(30))
    with ExitStack() as stack:
        server = stack.enter_context(NatsServer(tmp_path))
        screen = stack.enter_context(Xvfb(tmp_path))
        programs: dict[str, Program] = {}
        for name in names:
            own = {"DISPLAY": screen.display, **VARIABLES.get(name, {})}
            variables = {"BEATS_WEBSOCKET_PORT": "0", "BEATS_NATS_URL": server.url, **own}
            code, _, err = called("config", "check", "-p", name, "--strict", cwd=tmp_path, **variables)
            assert code == 0, err
            run = beats("run", "-p", name, "--duration", "2", cwd=tmp_path, stdin=None, **variables)
            programs[name] = stack.enter_context(run)
        for name, program in programs.items():
            assert program.end() == 0, (name, program.err.text())
            rows = re.findall(r"^\w+ +ended +(\d+) +(\d+) +(\d+) *$", program.out.text(), re.MULTILINE)
            assert rows
            for offered, delivered, dropped in rows:
                assert int(offered) == int(delivered) + int(dropped)
                assert int(offered) >= LEAST.get(name, 10)
                # A wall shows the newest frame, not each of them; a home's broker is not there.
                assert dropped == "0" or name in ("home", "wall")
            assert program.leaves_nothing()
    recordings = [path for path in (tmp_path / "recordings").iterdir() if path.name != "old.mcap"]
    assert {path.name.partition("-")[0] for path in recordings} == {"record", "studio"}
    for path in recordings:
        topics = {topic for topic, _, _ in recorded(path)}
        assert "frame" in topics
        assert len(topics) == 4


def test_the_replay_says_when_there_is_nothing_to_play(tmp_path: Path) -> None:
    """The check names the folder before anything starts."""
    code, _, err = called("config", "check", "--profile", "replay", cwd=tmp_path)
    assert code == 78
    assert re.search(r'replay\.toml:9: sources\.replay\.path = "recordings": does not exist', err)
    (tmp_path / "recordings").mkdir()
    code, _, err = called("config", "check", "--profile", "replay", cwd=tmp_path)
    assert (code, "holds no file whose name ends with .mcap" in err) == (78, True)
