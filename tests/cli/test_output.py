"""What the commands print."""

import io
import json
import sys
import tomllib

import pytest

from beats.cli import output

EVIL = "a\x1b[2J\nb\x9b\u202eß"
SHOWN = r"a\x1b[2J\nb\x9b\u202eß"


class Tty(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the text holds, on both streams."""
    output.say(EVIL)
    output.warn(EVIL)
    output.complain(EVIL)
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    assert err == f"warning: {SHOWN}\n{SHOWN}\n"


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


def test_a_document_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a surrogate pair, as in the name of a file, is whole again when it is read."""
    output.say_document({"a": f"{EVIL}\udcff"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"a": f"{EVIL}\udcff"}


def test_toml_is_utf_8_or_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOML has no other encoding: where standard output has one, characters are escaped."""
    for encoding, expected in (("utf-8", 'a = "ß壁"\n'), ("latin-1", r'a = "\U000000DF\U000058C1"' + "\n")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        output.say_toml('a = "ß壁"\n')
        assert raw.getvalue().decode() == expected
        assert tomllib.loads(raw.getvalue().decode()) == {"a": "ß壁"}


def test_a_workers_line_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a long JSON object; no terminal obeys it."""
    output.show_line(2, "x" * 10_000 + "\x1b")
    assert capsys.readouterr().err == "worker 2: " + "x" * 10_000 + "\\x1b\n"
