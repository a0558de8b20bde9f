"""A terminal that obeys nothing in what is printed."""

import io

from rich.live import Live
from rich.table import Table
from rich.text import Text

from beats.cli.console import SafeConsole


def console(*, is_terminal: bool = False) -> tuple[SafeConsole, io.StringIO]:
    file = io.StringIO()
    return SafeConsole(file=file, is_terminal=is_terminal), file


def test_control_characters_are_shown_wherever_they_come_from() -> None:
    """In text, in table cells and in markup."""
    made, file = console()
    table = Table("a\x1b[2J", box=None)
    table.add_row(Text("b\x9b2J"))
    made.print("c\x1b]0;x\x1b\\d", table, Text("e\u202ef"), markup=False)
    for evil in "\x1b\x9b\u202e":
        assert evil not in file.getvalue()
    assert r"c\x1b]0;x\x1b\d" in file.getvalue()
    assert r"e\u202ef" in file.getvalue()


def test_the_lines_of_a_report_stay() -> None:
    """Line ends are not escaped."""
    made, file = console()
    made.print("a\nb\x1b\nc", markup=False)
    assert file.getvalue() == "a\nb\\x1b\nc\n"


def test_without_a_terminal_lines_are_as_long_as_they_are() -> None:
    """For `grep`."""
    made, file = console()
    made.print("x " * 300, markup=False)
    assert file.getvalue().count("\n") == 1


def test_colours_and_live_displays_are_still_controlled() -> None:
    """Rich's own control codes are kept; those of the text are escaped."""
    made, file = console(is_terminal=True)
    with Live(Text("live\x1b[2J", "red"), console=made, auto_refresh=False) as live:
        live.update(Text("more"), refresh=True)
    assert r"live\x1b[2J" in file.getvalue()
    assert "\x1b[2J" not in file.getvalue()
    assert "\x1b[2K" in file.getvalue(), "the line is erased and drawn again"
    assert "\x1b[31m" in file.getvalue()
