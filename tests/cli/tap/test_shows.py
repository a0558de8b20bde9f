"""How what comes is printed."""

import json

import pytest

from beats.cli.tap.document import document
from beats.cli.tap.gaps import Gap
from beats.cli.tap.item import Unreadable
from beats.cli.tap.lines import Lines
from beats.cli.tap.shows import JsonLines, PlainLines
from tests.cli.tap.envelopes import frame, item, update


def test_json_lines_hold_envelopes_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """In ASCII, so that no terminal obeys anything; what else there is to say stands beside."""
    show = JsonLines()
    show.item(item(frame(1)))
    show.gap(Gap("frame", 2, 3))
    show.unreadable(Unreadable(1, 1234, "no \x1b[2Jenvelope"))
    show.notice("gone; again in 1 s")
    show.item(item(update(1, "ä\x9b2J\x7f")))
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        document(item(frame(1))), document(item(update(1, "ä\x9b2J\x7f")))
    ]  # fmt: skip
    assert out.isascii()
    assert err == (
        "warning: a message of 1,234 bytes is passed over: no \\x1b[2Jenvelope\nwarning: gone; again in 1 s\n"
    )


def test_plain_lines_are_as_wide_as_the_terminal_is_then(capsys: pytest.CaptureFixture[str]) -> None:
    """It may change its size while they are printed."""
    sizes = [60, None, 30, 40, 40]
    show = PlainLines(Lines(colours=False), lambda: sizes.pop(0))
    show.item(item(update(1, "x" * 100)))
    show.item(item(update(2, "x" * 100)))
    show.gap(Gap("n" * 50, 1, 2))
    show.unreadable(Unreadable(1, 5, "y" * 50))
    show.notice("z" * 50)
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [60, len(lines[1]), 30, 40, 40]
    assert "x" * 100 in lines[1]
