"""`beats run`, as a process."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.cli.terminal import on_a_terminal
from tests.support import (
    BEATS,
    PORT_0,
    STUCK_SINK,
    TIMEOUT_S,
    Output,
    Program,
    beats,
    called,
    clean_environment,
    install_adapter,
    tiny_png,
    watching,
)
from tests.support.permissions import hold_permissions

NO_BROWSER = ("--set", "sinks.browser.enabled=false", "--set", "sinks.void.type=null")


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def numbers(text: str, sink: str) -> tuple[int, int, int]:
    """Offered, delivered and dropped of a sink, from the table."""
    found = re.search(rf"^{sink} +\w+ +(\d+) +(\d+) +(\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1]), int(found[2]), int(found[3])


def test_a_run_of_a_given_length_ends_well_with_a_table(tmp_path: Path) -> None:
    """`--duration` stops after so many seconds: address first, table last, exit code 0."""
    code, out, err = called("run", *PORT_0, "--duration", "2", cwd=tmp_path)
    assert code == 0, err
    lines = squeezed(out)
    where = r"On air: http://localhost:(\d+)/ \(sink browser; stream ws://localhost:\1\)"
    assert re.fullmatch(where, lines[0])
    assert re.fullmatch(r"published \d+, of them \d+ frames", lines[1])
    assert lines[2] == "sink state offered delivered dropped why"
    offered, delivered, dropped = numbers(out, "browser")
    assert offered == delivered > 0
    assert dropped == 0


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--duration", "0"),
        ("record", "--duration", "0"),
        ("profiles",),
        ("config", "show"),
        ("config", "check", "config/default.toml"),
    ],
    ids=" ".join,
)
def test_a_closed_folder_of_profiles_is_a_wrong_setting(command: tuple[str, ...], tmp_path: Path) -> None:
    """One line with folder and reason, in any command."""
    folder = tmp_path / "config"
    folder.mkdir(0o000)
    arguments = [*BEATS, *command]
    with Program(arguments, tmp_path, clean_environment(), before=hold_permissions) as program:
        assert program.end() == 78
    assert program.out.text() == ""
    line, more = program.err.text().splitlines()
    assert re.fullmatch(r"\S.* cannot be read: Permission denied", line)
    assert more == "More: beats docs settings#profiles"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["[red].gif"], "[red].gif does not exist"),
        (["text.gif"], "text.gif is not a readable picture"),
        (["film.mp4"], "--profile video --set sources.video.input=film.mp4"),
        (["show.mcap"], "beats replay show.mcap"),
        (["sensor.jsonl"], "beats run --stdin < sensor.jsonl"),
        (["empty"], "empty holds no readable picture"),
        (["--duration", "-1"], "--duration"),
        (["--durations", "1"], "--durations"),
        (["one.gif", "two.gif"], "two.gif"),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(arguments: list[str], said: str, tmp_path: Path) -> None:
    """A picture that cannot be read, and options that do not exist, end with 2 before anything opens."""
    for name in ("text.gif", "film.mp4", "show.mcap", "sensor.jsonl"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "empty").mkdir()
    code, out, err = called("run", *arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.count(said) == 1


def test_what_cannot_start_or_go_on_is_a_failed_run(tmp_path: Path) -> None:
    """Exit code 1 with sink or source and the reason, and no traceback; a source's end has a table."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--set", f"sinks.browser.port={port}", "--set", "sinks.browser.host=127.0.0.1")
        code, out, err = called("run", *arguments, cwd=tmp_path)
    assert (code, out) == (1, "")
    line, more = err.splitlines()
    assert more == "More: beats docs operation#when-a-port-is-in-use"
    assert re.match(rf"sink 'browser' could not start: .*{port}.*in use", line)
    source = ("--set", "sources.demo.enabled=false", "--set", "sources.film={type='jsonl',path='gone.jsonl'}")
    code, out, err = called("run", *NO_BROWSER, *source, cwd=tmp_path)
    assert code == 1
    assert re.search(r"ERROR .*source 'film' failed: gone\.jsonl", err)
    assert "Traceback" not in err
    assert err.endswith("\nMore: beats docs sources#sensor-readings\n")
    assert "published 0" in out


def test_a_closed_standard_input_ends_a_run_that_needs_it(tmp_path: Path) -> None:
    """The source is not restarted, as the input cannot be opened later."""
    arguments = [*BEATS, "run", "--stdin", *NO_BROWSER]
    with Program(arguments, tmp_path, clean_environment(), before=lambda: os.close(0)) as program:
        assert program.end() == 1
    line, _ = (line for line in program.err.text().splitlines() if " INFO " not in line)
    assert "standard input cannot be read (it was closed when the program started)" in line
    assert line.endswith("not restarted")


def test_a_run_ends_when_its_sources_have(tmp_path: Path) -> None:
    """An animation without a loop ends the run with exit code 0, after everything was delivered."""
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(tiny_png(number))
    film = ("--set", "sources.picture.loop=false", "--set", "sources.picture.fps=100")
    code, out, err = called("run", ".", *NO_BROWSER, *film, cwd=tmp_path)
    assert code == 0, err
    assert numbers(out, "void") == (3, 3, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """Viewers get a close frame, the table is shown, exit code 0, and no process or port is left."""
    with beats("run", *PORT_0, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.until(lambda envelope: envelope.sequence > 2)
            program.signal(number)
            with pytest.raises(ConnectionClosed):
                viewer.until(lambda _: False)
            assert viewer.connection.close_code == 1001
        assert program.end() == 0, program.err.text()
        out = program.out.text()
        assert numbers(out, "browser")[2] == 0
        assert re.search(r"^ +1 viewer +\d+ +\d+ +0 *$", out, re.MULTILINE)
        assert "Traceback" not in program.err.text()
        assert program.leaves_nothing()
        host, port = program.url.removeprefix("ws://").split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), TIMEOUT_S)


def test_a_second_interrupt_cuts_the_end_short(tmp_path: Path) -> None:
    """While a sink that cannot drain keeps the end waiting, SIGINT ends it at once; the loss is reported."""
    install_adapter(tmp_path / "installed", "sinks", "stuck", STUCK_SINK)
    patient = ("--set", "kernel.shutdown_timeout_s=3600", "--set", "sinks.tape.type=stuck")
    with beats("run", *PORT_0, *patient, cwd=tmp_path, PYTHONPATH=str(tmp_path / "installed")) as program:
        with watching(program.url) as viewer:
            viewer.next()
            program.signal()
            with pytest.raises(ConnectionClosed):  # the first one has been heard
                viewer.until(lambda _: False)
            program.signal(signal.SIGTERM)  # another SIGTERM is no reason to hurry
        assert program.interrupt() == 0
        offered, delivered, dropped = numbers(program.out.text(), "tape")
        assert (delivered, dropped) == (0, offered)
        assert re.search(r"ERROR .*sink 'tape'.* lost", program.err.text())
        assert program.leaves_nothing()


def test_a_terminal_shows_a_live_line(tmp_path: Path) -> None:
    """Frames per second, viewers and drops are shown while the run lasts, and the table remains."""
    with on_a_terminal("run", *PORT_0, cwd=tmp_path) as terminal:
        url = terminal.wait_for(r"On air: .* stream (ws://[^)\s]+)")[1]
        with watching(url):
            terminal.wait_for(r"[1-9]\d*\.\d fps · \d+\.\d updates/s · 1 viewer · 0 dropped")
        terminal.wait_for(r"fps · \d+\.\d updates/s · 0 viewers")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    assert re.search(r"sink +state +offered +delivered +dropped", terminal.text)


def test_the_live_line_leaves_standard_output_alone(tmp_path: Path) -> None:
    """With only standard error on a terminal, address and table go where standard output goes."""
    with on_a_terminal("run", *PORT_0, cwd=tmp_path, stdout=subprocess.PIPE) as terminal:
        assert terminal.process.stdout is not None
        out = Output(terminal.process.stdout)
        out.wait_for("^On air: http://localhost:")
        before = terminal.wait_for(r"(?s).*\d fps · ")[0]
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    assert re.search(r"^browser +ended ", out.text(), re.MULTILINE)
    assert "On air" not in before
    assert "published" not in terminal.text


@pytest.mark.parametrize("broker", ["", "http://a", "nats://", "nats://a:b", "\x1b[2J", "a/b"])
def test_an_invalid_broker_is_wrong_usage(tmp_path: Path, broker: str) -> None:
    """One line that says what is wrong, before anything starts."""
    code, out, err = called("run", "--workers", "1", "--broker", broker, cwd=tmp_path)
    assert (code, out, err.partition("More: ")[0].count("\n")) == (2, "", 1), err
    assert err.startswith("--broker must ")
