"""Messages as lines."""

import json
import re

import pytest
from rich.cells import cell_len

from beats.cli.tap.item import Notice, Unreadable, document
from beats.cli.tap.lines import Event, JsonLines, Lines, PlainLines
from beats.kit.gaps import Gap, Restart
from beats.proto.streaming_pb2 import StreamEnvelope
from tests.cli.tap.envelopes import AT_NS, frame, item, opaque, update


def line(message: bytes, width: int | None = None, after_ms: float = 2.5) -> str:
    return Lines(colours=False).line(item(message, after_ms), width)


def test_a_line_says_what_an_envelope_holds() -> None:
    """Time, topic, sequence, size, age, pixels, a dash for what is unknown; or value, tags and location."""
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.002 frame       7    \d\d B  2\.5 ms  1 x 1", line(frame(7)))
    bare = StreamEnvelope.FromString(frame(1, at_ns=0))
    bare.ClearField("sequence")
    assert re.search(r" frame       – +\d+ B       –  1 x 1$", line(bare.SerializeToString()))  # noqa: RUF001
    found = line(update(3, {"rotation": 5, "name": "ä"}))
    said = '{"rotation":5,"name":"ä"}  #input:rotary #demo  @1,-2.5,0 2026-01-02T03:04:05Z'
    assert found.endswith(said)
    assert " peripheral/knob-1       3 " in found
    assert line(opaque(1, "wall.Weather", b"\x08\x05")).endswith('wall.Weather  {"base64":"CAU="}')


@pytest.mark.parametrize("width", [1, 5, 13, 14, 20, 40, 60, 80, 200])
def test_a_line_is_never_longer_than_the_terminal(width: int) -> None:
    """A cut is marked, and nothing follows it."""
    for message in (frame(7), update(3, "x" * 500, "n" * 300), update(3, "壁" * 300, "壁" * 300)):
        found = line(message, width)
        assert cell_len(found) <= width
        assert found == found.rstrip()
    assert line(update(3, "x" * 500), 80).endswith("…")


def test_columns_stay_aligned() -> None:
    """The column of the topic is as wide as the longest so far, at most a third of the terminal."""
    lines = Lines(colours=False)
    first = lines.line(item(update(1, 5)), 80)
    assert lines.line(item(frame(1)), 80).index(" 1 x 1") == first.index(" 5 ")
    long = lines.line(item(update(1, 5, "n" * 100)), 90)
    assert long.split()[1] == "peripheral/" + "n" * 18 + "…"


def test_a_very_long_topic_does_not_widen_the_lines_after_it() -> None:
    """It is cut on a wide terminal, and whole in a file."""
    for width in (3_000, None):
        lines = Lines(colours=False)
        long = lines.line(item(update(1, 5, "n" * 2_000)), width)
        assert ("n" * 2_000 in long) is (width is None)
        assert len(lines.line(item(frame(1)), width)) < 120


def test_gaps_and_unreadable_messages_are_lines() -> None:
    """It has how many numbers, and which; an unreadable message has its size and the reason."""
    lines = Lines(colours=False)
    assert lines.line(Gap("frame", 13, 24), None) == " " * 13 + "frame 12 missing (13 to 24)"
    assert lines.line(Gap("frame", 13, 13), None).endswith("frame 1 missing (13)")
    assert lines.line(Restart("frame", 600, 1), None).endswith("frame goes back from 600 to 1")
    assert cell_len(lines.line(Gap("n" * 100, 1, 2), 40)) == 40
    assert lines.line(Notice("lost"), None) == " " * 13 + "lost"
    assert lines.line(Notice("a\x1b[2J is there"), None) == " " * 13 + r"a\x1b[2J is there"
    found = Lines(colours=False).line(Unreadable(AT_NS, 40, "not a StreamEnvelope"), 80)
    assert found.endswith("unreadable, 40 B: not a StreamEnvelope")


def test_nothing_of_others_reaches_the_terminal_as_it_is() -> None:
    """Names, values, tags, locations and types are escaped."""
    evil = "\x1b[2J\x07\r\n\u202e"
    message = StreamEnvelope.FromString(update(1, {"a": evil}, evil))
    info = message.peripheral.peripheral_info
    info.location.time = evil
    info.tags[0].name = info.tags[0].variant = evil
    lines = Lines(colours=False)
    for text in (
        lines.line(item(message.SerializeToString()), None),
        lines.line(item(opaque(1, evil, b"")), None),
        lines.line(Gap(evil, 1, 2), None),
        lines.line(Unreadable(AT_NS, 1, evil), None),
    ):
        assert text.isprintable()
        assert r"\x1b[2J" in text


def test_colours_are_beside_the_text() -> None:
    """A coloured line has the same text, and resets its colours."""
    plain, coloured = Lines(colours=False), Lines(colours=True)
    for text, other in (
        (plain.line(item(frame(7)), 40), coloured.line(item(frame(7)), 40)),
        (plain.line(Gap("frame", 1, 2), 20), coloured.line(Gap("frame", 1, 2), 20)),
        (plain.line(Notice("lost"), 80), coloured.line(Notice("lost"), 80)),
    ):
        assert re.sub(r"\x1b\[\d*m", "", other) == text
        assert other.count("\x1b[0m") == other.count("\x1b[") / 2 > 0


def test_json_lines_hold_envelopes_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """In ASCII, which is safe for terminals; other events go to standard error."""
    show, notice = JsonLines(), Notice("gone; reconnecting in 1 s")
    evil = Unreadable(1, 1234, "no \x1b[2Jenvelope")
    for event in (item(frame(1)), Gap("frame", 2, 3), evil, notice, item(update(1, "ä\x9b2J\x7f"))):
        show.show(event)
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        document(item(frame(1))), document(item(update(1, "ä\x9b2J\x7f")))
    ]  # fmt: skip
    assert out.isascii()
    assert err == (
        "warning: skipped a message of 1,234 bytes: no \\x1b[2Jenvelope\nwarning: gone; reconnecting in 1 s\n"
    )


def test_plain_lines_are_as_wide_as_the_terminal_is_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Its size may change while they are printed."""
    sizes = [60, None, 30, 40, 40]
    show = PlainLines(Lines(colours=False), lambda: sizes.pop(0))
    updates = [item(update(number, "x" * 100)) for number in (1, 2)]
    events: list[Event] = [*updates, Gap("n" * 50, 1, 2), Unreadable(1, 5, "y" * 50), Notice("z" * 50)]
    for event in events:
        show.show(event)
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [60, len(lines[1]), 30, 40, 40]
    assert "x" * 100 in lines[1]
