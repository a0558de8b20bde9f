"""What the commands print, and how it is made safe for a terminal."""

import io
import json
import sys
import tomllib
from io import StringIO

import pytest
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from beats.cli import output
from beats.cli.console import SafeConsole
from beats.cli.printable import printable, printable_lines

EVIL = "a\x1b[2J\nb\x9b\u202eß"
SHOWN = r"a\x1b[2J\nb\x9b\u202eß"


class Tty(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the text holds, on both streams; that of a worker, perhaps long JSON, is not cut."""
    output.say(EVIL)
    output.warn(EVIL)
    output.complain(EVIL)
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    assert err == f"warning: {SHOWN}\n{SHOWN}\n"
    output.show_line(2, "x" * 10_000 + "\x1b")
    assert capsys.readouterr().err == "worker 2: " + "x" * 10_000 + "\\x1b\n"


def test_a_value_is_for_a_program_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal obeys nothing in it."""
    output.say_value(EVIL)
    assert capsys.readouterr().out == f"{EVIL}\n"
    monkeypatch.setattr(sys, "stdout", Tty())
    output.say_value(EVIL)
    assert isinstance(sys.stdout, Tty)
    assert sys.stdout.getvalue() == f"{SHOWN}\n".replace(r"\n", "\n", 1)


def test_documents_are_ascii_and_toml_is_utf_8_or_ascii(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a surrogate pair survives in JSON; TOML is escaped where the encoding is not UTF-8."""
    output.say_document({"a": f"{EVIL}\udcff"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"a": f"{EVIL}\udcff"}
    for encoding, expected in (("utf-8", 'a = "ß壁"\n'), ("latin-1", r'a = "\U000000DF\U000058C1"' + "\n")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        output.say_toml('a = "ß壁"\n')
        assert raw.getvalue().decode() == expected
        assert tomllib.loads(raw.getvalue().decode()) == {"a": "ß壁"}


@pytest.mark.parametrize("text", ["", "knob-1", "Größe 3 µm", "壁の時計", "[bold]:heart:", "e\u0301"])
def test_what_can_be_printed_stays(text: str) -> None:
    """In any language; markup is text."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("a\r\nb\tc\x00\x7f", r"a\r\nb\tc\x00\x7f"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\ud800", r"\ud800"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, expected: str) -> None:
    """Control sequences, line ends, marks of direction and surrogates are escaped."""
    assert printable(text) == expected
    assert printable(text).isprintable()


def test_a_long_line_is_cut_and_lines_are_whole() -> None:
    """A line is cut at what a terminal can show; lines are whole, and only their ends are kept."""
    assert len(printable("a" * 10**6)) < 10_000
    assert printable_lines("a" * 10**4 + "\n\x1b[2Jb\r\n\tc") == "a" * 10**4 + "\n\\x1b[2Jb\\r\n\\tc"


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
    """Line ends are not escaped; without a terminal no line is wrapped, for `grep`."""
    made, file = console()
    made.print("a\nb\x1b\nc", markup=False)
    assert file.getvalue() == "a\nb\\x1b\nc\n"
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


def test_a_bar_is_shown_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log file or a pipe gets nothing of it."""
    shown: dict[bool, str] = {}
    for is_terminal in (True, False):
        file = StringIO()
        console = Console(file=file, force_terminal=is_terminal, width=80)
        monkeypatch.setattr(output, "err", console)
        with output.progress("copying", 10) as tell:
            tell(5)
        shown[is_terminal] = file.getvalue()
    assert "copying" in shown[True]
    assert "50%" in shown[True]
    assert shown[False] == ""
