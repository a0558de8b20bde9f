"""Log lines on standard error."""

import io
import logging
import re
from collections.abc import Generator

import pytest
from rich.console import Console

from beats.adapters.cli import logs


@pytest.fixture(autouse=True)
def _restored() -> Generator[None]:
    """The log of the test run itself is as it was."""
    root, ours = logging.getLogger(), logging.getLogger("beats")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers.clear()  # so that `force` closes none of them
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def write(level: str, console: Console) -> None:
    logs.set_up(level, console)
    logging.getLogger("beats.some.part").info("on [bold]air[/bold] %d", 1)
    logging.getLogger("beats.some.part").debug("detail")
    logging.getLogger("someone.else").info("chatter")
    logging.getLogger("someone.else").warning("trouble")


def test_without_a_terminal_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has time, level, where it comes from, and the text as it is."""
    write("INFO", Console(file=io.StringIO()))
    ours, theirs = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\S+ \S+ INFO beats\.some\.part: on \[bold\]air\[/bold\] 1", ours)
    assert theirs.endswith("WARNING someone.else: trouble")


def test_on_a_terminal_lines_go_through_its_console() -> None:
    """The console that draws the live line writes the log too, and takes no text for markup."""
    screen = io.StringIO()
    write("INFO", Console(file=screen, force_terminal=True, color_system=None, width=100))
    text = screen.getvalue()
    assert re.search(r"\d\d:\d\d:\d\d INFO +on \[bold\]air\[/bold\] 1", text)
    assert "trouble" in text
    assert "chatter" not in text


@pytest.mark.parametrize(
    ("level", "expected"),
    [("DEBUG", ["on", "detail", "trouble"]), ("WARNING", ["trouble"]), ("ERROR", ["trouble"])],
)
def test_the_level_is_that_of_our_own_lines(
    level: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting chooses among the lines of Beats; of everything else warnings are shown."""
    write(level, Console(file=io.StringIO()))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(expected)
    for line, text in zip(lines, expected, strict=True):
        assert text in line
