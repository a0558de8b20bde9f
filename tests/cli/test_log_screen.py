"""Log lines on a terminal."""

import io
import logging
import re

import pytest
from rich.console import Console

from beats.cli.console import SafeConsole
from beats.cli.log_screen import ScreenHandler


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
    """A traceback or further lines follow it."""
    first, *rest = lines(200, record("failed\nmore", ValueError("bad")))
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} ERROR    failed  beats\.some\.part *", first)
    assert [line.strip() for line in rest] == ["more", "ValueError: bad"]


def test_each_line_has_its_time() -> None:
    """Even two within one millisecond."""
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
