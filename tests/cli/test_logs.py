"""Log lines on standard error, as text and as JSON."""

import gc
import io
import json
import logging
import random
import re
import sys
import threading
import warnings
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from beats.cli import logs
from beats.cli.console import SafeConsole
from beats.cli.log_screen import ScreenHandler
from tests.cli.terminal import on_a_terminal
from tests.support import PORT_0, beats, called, ran

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
JSON = ("--log-format", "json")
FIELDS = ["time", "level", "logger", "message"]


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """What tests/conftest.py does not restore of the log is as it was."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # so that `force` closes none of them
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logging.captureWarnings(False)
    yield
    logging.captureWarnings(False)


def write(level: str, console: Console) -> None:
    logs.set_up(level, "human", console)
    logging.getLogger("beats.some.part").info("on [bold]air[/bold] %d", 1)
    logging.getLogger("beats.some.part").debug("detail")
    logging.getLogger("someone.else").info("chatter")
    logging.getLogger("someone.else").warning("trouble")


@pytest.fixture
def screen() -> io.StringIO:
    """Where JSON lines go."""
    found = io.StringIO()
    logs.set_up("INFO", "json", Console(file=found))
    return found


def raised(text: str) -> ValueError:
    """An error that has been on its way."""
    with pytest.raises(ValueError, match=r"\A") as caught:
        raise ValueError(text)
    return caught.value


def objects(text: str) -> list[dict[str, Any]]:
    """What is on each line, which has to be an object with the fields that every one has."""
    found: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for each in found:
        assert list(each)[:4] == FIELDS
        assert re.fullmatch(ISO, each["time"])
    return found


def test_without_a_terminal_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has time, level, logger and the unchanged text."""
    write("INFO", Console(file=io.StringIO()))
    ours, theirs = capsys.readouterr().err.splitlines()
    assert re.fullmatch(rf"{ISO} INFO beats\.some\.part: on \[bold\]air\[/bold\] 1", ours)
    assert theirs.endswith("WARNING someone.else: trouble")


def test_on_a_terminal_lines_go_through_its_console() -> None:
    """The console of the live line writes the log too, and does not interpret markup."""
    screen = io.StringIO()
    write("INFO", Console(file=screen, force_terminal=True, color_system=None, width=100))
    text = screen.getvalue()
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} INFO +on \[bold\]air\[/bold\] 1 +beats\.some\.part", text)
    assert "trouble" in text
    assert "chatter" not in text


@pytest.mark.parametrize(
    ("level", "expected"),
    [("DEBUG", ["1", "detail", "trouble"]), ("WARNING", ["trouble"]), ("ERROR", ["trouble"])],
)
def test_the_level_is_that_of_our_own_lines(
    level: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting applies to Beats; of other packages, warnings are shown."""
    write(level, Console(file=io.StringIO()))
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == expected


def test_a_record_is_one_object_on_one_line(screen: io.StringIO) -> None:
    """With time, level, logger and message; half a surrogate pair, as in file names, is spelt out."""
    logging.getLogger("beats.part").info("first\nsecond\r\n\x00 %s \u2028 ü \udcff", "{}")
    [found] = objects(screen.getvalue())
    assert (found["level"], found["logger"]) == ("INFO", "beats.part")
    assert found["message"] == "first\nsecond\r\n\x00 {} \u2028 ü \\udcff"
    assert screen.getvalue().isascii()
    assert abs(datetime.fromisoformat(found["time"]).timestamp() - datetime.now().timestamp()) < 60


def test_a_traceback_is_a_field(screen: io.StringIO) -> None:
    """It is text with its line breaks, on the same line as the message."""
    logging.getLogger("beats.part").error("failed", exc_info=raised("bad\nthing"))
    [found] = objects(screen.getvalue())
    assert found["message"] == "failed"
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ValueError: bad\nthing")


def test_odd_records_are_lines_too(screen: io.StringIO) -> None:
    """Logging would print a traceback between the objects; JSON cannot encode what packages pass as extra."""
    record = logging.LogRecord("someone.else", logging.WARNING, "else.py", 1, "%d of %d", ("one",), None)
    [found] = objects(logs.JsonFormatter().format(record))
    assert found["message"].startswith("%d of %d (cannot be put together: TypeError(")
    logging.getLogger("someone.else").warning("trouble", extra={"connection": object()})
    assert list(objects(screen.getvalue())[0]) == FIELDS


def test_a_stream_that_has_gone_is_no_reason_to_write_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """When standard error is closed, the stream goes on."""
    gone = io.StringIO()
    logs.set_up("INFO", "json", Console(file=gone))
    gone.close()
    logging.getLogger("beats.part").warning("lost")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("log_format", ["human", "json"])
def test_warnings_of_python_are_log_lines(log_format: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In the form of all others."""
    logs.set_up("INFO", log_format, Console(stderr=True))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    text = capsys.readouterr().err
    if log_format == "json":
        [found] = objects(text)
        assert (found["level"], found["logger"]) == ("WARNING", "py.warnings")
        assert "DeprecationWarning: old" in found["message"]
    else:
        assert re.match(rf"{ISO} WARNING py\.warnings: .*DeprecationWarning: old", text)


def test_what_nothing_caught_is_a_line_too(screen: io.StringIO) -> None:
    """In the main thread and in others."""

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    error = raised("in the main one")
    sys.excepthook(ValueError, error, error.__traceback__)
    first, second = objects(screen.getvalue())
    assert (first["level"], second["level"]) == ("CRITICAL", "CRITICAL")
    assert "worker" in first["message"]
    assert first["exception"].endswith("ValueError: in a thread")
    assert "in the main one" in second["message"]


def test_what_cannot_be_raised_is_a_line_too(screen: io.StringIO) -> None:
    """Such as an error in a destructor, which Python would print."""

    class Fails:
        def __del__(self) -> None:
            raise ValueError("while it went")

    Fails()
    gc.collect()
    [found] = objects(screen.getvalue())
    assert found["level"] == "ERROR"
    assert "Fails.__del__" in found["message"]
    assert found["exception"].endswith("ValueError: while it went")


def test_what_libraries_write_to_standard_error_is_a_line_too(tmp_path: Path) -> None:
    """Libtiff writes there directly when a file is broken."""
    noise = Image.frombytes("L", (64, 64), random.Random(1).randbytes(64 * 64))
    noise.save(tmp_path / "a.tiff", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tiff").read_bytes())
    data[200:400] = bytes(byte ^ 0x5A for byte in data[200:400])
    (tmp_path / "a.tiff").write_bytes(data)
    noise.save(tmp_path / "b.png")
    options = (*PORT_0, *JSON, "--duration", "1")
    code, _, err = ran("run", ".", *options, cwd=tmp_path)
    assert code == 0, err
    messages = [each["message"] for each in objects(err)]
    assert any(message.startswith("standard error: ") for message in messages)
    assert any("a.tiff is broken" in message for message in messages)


def test_a_run_writes_nothing_but_objects(tmp_path: Path) -> None:
    """Warnings, log lines and errors are all JSON objects on standard error."""
    variables = {"BEATS_NOISE": "1"}
    options = (*PORT_0, *JSON, "--set", "kernel.log_level=DEBUG", "--duration", "0")
    code, out, err = called("run", *options, cwd=tmp_path, **variables)
    assert code == 0
    assert "published" in out
    found = objects(err)
    assert found[0]["message"].startswith("BEATS_NOISE: unknown variable, ignored")
    assert found[0]["level"] == "WARNING"
    assert len(found) > 1


def test_on_a_terminal_the_address_comes_before_the_log(tmp_path: Path) -> None:
    """What a person needs first; the log of the start follows."""
    with on_a_terminal("run", *PORT_0, "--duration", "0.5", cwd=tmp_path) as terminal:
        before = terminal.wait_for("(?s)(.*)On air: .*event loop")[1]
        assert terminal.end() == 0
    assert "INFO" not in before


@pytest.mark.parametrize(("log_format", "is_live"), [("human", True), ("json", False)])
def test_a_live_line_is_for_people(tmp_path: Path, log_format: str, is_live: bool) -> None:
    """With JSON there is none, even on a terminal."""
    options = (*PORT_0, "--log-format", log_format, "--duration", "0.5")
    with on_a_terminal("run", *options, cwd=tmp_path) as terminal:
        terminal.wait_for("On air: ")
        seen = terminal.wait_for("(?s).*published")[0]
        assert terminal.end() == 0
    assert ("fps" in seen) == is_live


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "message"),
    [
        (("run", *JSON, "--profile", "nobody"), {}, 78, "no such profile"),
        (("run", *JSON, "--set", "kernel.log_level=LOUD"), {}, 78, "must be one of DEBUG"),
        (("run", *JSON, "--set", "sinks.browser.host=192.0.2.1"), {}, 1, "not an address of this machine"),
        (("run", *JSON, "no.gif"), {}, 2, "no.gif does not exist"),
        (("record", *JSON, "--set", "kernel.nothing=1"), {}, 78, "unknown key"),
        (("replay", *JSON, "no.mcap"), {}, 2, "no.mcap does not exist"),
        (("replay", "no.mcap"), {"BEATS_KERNEL__LOG_FORMAT": "json"}, 2, "no.mcap does not exist"),
        (("run", "--profile", "nobody"), {"BEATS_KERNEL__LOG_FORMAT": "json"}, 78, "no such profile"),
        (("run", "--set", "kernel.log_format=json", "--set", "kernel.log_level=LOUD"), {}, 78, "must be"),
    ],
)
def test_what_keeps_a_run_from_starting_is_an_object_too(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], code: int, message: str
) -> None:
    """A log collector never gets another line, however JSON was chosen."""
    ended, out, err = called(*arguments, cwd=tmp_path, **variables)
    assert (ended, out) == (code, "")
    found = objects(err)
    assert message in found[-1]["message"]
    assert {each["level"] for each in found} == {"ERROR"}


def test_each_problem_of_the_settings_is_a_line(tmp_path: Path) -> None:
    """A profile may choose JSON and be invalid otherwise."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "wall.toml").write_text(
        "[kernel]\nlog_format = 'json'\nlog_level = 'LOUD'\n[sinks.browser]\nport = -1\n"
    )
    code, _, err = called("run", "--profile", "wall", cwd=tmp_path)
    assert code == 78
    assert ["log_level" in each["message"] for each in objects(err)] == [True, False]


def test_the_option_lies_above_all_else(tmp_path: Path) -> None:
    """Even `--set`; an unknown format is wrong usage as an option, and an invalid setting."""
    options = ("--log-format", "human", "--set", "kernel.log_format=json", "--set", "kernel.nothing=1")
    _, _, err = called("run", *options, cwd=tmp_path, BEATS_KERNEL__LOG_FORMAT="json")
    assert err.splitlines()[-2].startswith("--set kernel.nothing: kernel.nothing = ")
    code, _, err = called("run", "--log-format", "xml", cwd=tmp_path)
    assert (code, "human" in err, "json" in err) == (2, True, True)
    code, _, err = called("run", "--set", "kernel.log_format=xml", cwd=tmp_path)
    assert (code, "must be one of human, json" in err) == (78, True)


def test_a_reload_changes_the_format(tmp_path: Path) -> None:
    """As it changes the level."""
    (tmp_path / "config").mkdir()
    profile = tmp_path / "config" / "wall.toml"
    profile.write_text("[sinks.browser]\nport = 0\n")
    here = str(tmp_path)
    with beats("run", "--profile", "wall", cwd=tmp_path, XDG_RUNTIME_DIR=here) as program:
        assert program.url
        profile.write_text("[kernel]\nlog_format = 'json'\n[sinks.browser]\nport = 0\n")
        for said in ("kernel changed in place (log_format)\n", "nothing changed\n"):
            assert ran("reload", cwd=tmp_path, XDG_RUNTIME_DIR=here)[1] == said
        assert program.interrupt() == 0
    *_, last = program.err.text().splitlines()
    assert objects(last)[0]["message"] == "settings reloaded: no changes"


def test_what_is_logged_of_clients_is_neither_obeyed_nor_another_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In messages and tracebacks, control characters are escaped and further lines indented."""
    evil = "x\x1b[2J\r\n2026-01-01T00:00:00.000+00:00 ERROR beats: pretended"
    logs.set_up("INFO", "human", Console(file=io.StringIO()))
    logging.getLogger("beats.some.part").error("a client says: %s", evil, exc_info=raised(evil))
    lines = capsys.readouterr().err.splitlines()
    assert re.match(rf"{ISO} ERROR beats.some.part: a client says: x\\x1b\[2J\\r$", lines[0])
    assert lines[1:]
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])


def lines(width: int, *records: logging.LogRecord) -> list[str]:
    screen = io.StringIO()
    handler = ScreenHandler(Console(file=screen, force_terminal=True, color_system=None, width=width))
    for record in records:
        handler.emit(record)
    return screen.getvalue().splitlines()


def record(text: str, error: BaseException | None = None) -> logging.LogRecord:
    about = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("beats.some.part", logging.ERROR, "part.py", 1, text, (), about)


def test_the_logger_stands_behind_the_first_line() -> None:
    """A traceback or further lines follow it; each record has its time, even within one millisecond."""
    first, *rest = lines(200, record("failed\nmore", ValueError("bad")))
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} ERROR    failed  beats\.some\.part *", first)
    assert [line.strip() for line in rest] == ["more", "ValueError: bad"]
    one = record("first")
    assert all(re.match(r"\d\d:\d\d:\d\d", line) for line in lines(80, one, one))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_long_line_wraps_in_its_column(width: int) -> None:
    """Nothing is cut off, and further lines are aligned."""
    text = " ".join(f"word{index}" for index in range(40))
    found = lines(width, record(text))
    assert " ".join(part for line in found for part in line[22:].split()).startswith(text)
    assert all(line.startswith(" " * 22) for line in found[1:])


def test_nothing_that_is_logged_is_obeyed() -> None:
    """Control characters from clients and files are escaped."""
    screen = io.StringIO()
    handler = ScreenHandler(SafeConsole(file=screen, is_terminal=True))
    handler.emit(record("a client says \x1b[2J\x9b\u202e\rERROR", ValueError("\x1b]0;x\x07")))
    shown = re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue())
    assert r"a client says \x1b[2J\x9b\u202e" in shown
    assert all(line.isprintable() for line in shown.splitlines())
