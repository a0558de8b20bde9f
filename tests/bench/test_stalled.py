"""The stalled-client benchmark runs, and what its clients see is right; figures are not looked at."""

import select
import time
from collections.abc import Mapping
from typing import Any

import pytest

from beats.kernel.envelope import Frame, Message, Peripheral
from beats.proto.codec import StreamCodec
from tests.bench import stalled
from tests.bench.crowd import Reader, sequence
from tests.bench.stalled import PEER_SCENARIOS, SCENARIOS, line
from tests.bench.wire import Samples

needs_linux = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the clients need epoll, and /proc")


@needs_linux
def test_a_slow_reader_can_tell_what_it_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole run: the server counts for the slow reader exactly the gaps that it sees, and it stays."""
    lines: list[Mapping[str, Any]] = []

    def keep(peer: str, scenario: stalled.Scenario, figures: Mapping[str, Any]) -> str:
        lines.append(figures)
        return line(peer, scenario, figures)

    monkeypatch.setattr(stalled, "line", keep)
    arguments = ["--quick", "--only", "slow", "--work", "20kB", "--peers", "ours", "--clients", "3"]
    monkeypatch.setattr("sys.argv", ["stalled", *arguments])
    stalled.main()
    assert "1 slow" in capsys.readouterr().out
    (figures,) = lines
    assert figures["connected"] == 1
    assert figures["gaps"] > 0
    assert figures["uncounted"] == 0
    assert figures["lost"] == 0
    assert figures["healthy_missing"] == figures["healthy_counted"]


def test_the_scenarios_of_peers_are_among_those_of_ours() -> None:
    """No name is misspelt, and none is there twice."""
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    assert set(PEER_SCENARIOS) < set(names)


def wire(message: Message, number: int) -> bytes:
    """A framed envelope of less than 65,536 bytes."""
    codec = StreamCodec()
    data = codec.seal(codec.prepare(message), number, time.time_ns())
    if len(data) < 126:
        return bytes([0x82, len(data)]) + data
    return b"\x82\x7e" + len(data).to_bytes(2, "big") + data


@pytest.mark.parametrize("piece", [1, 3, 100, 10_000])
def test_gaps_are_told_from_the_numbers_of_each_topic(piece: int) -> None:
    """However the bytes are cut, frames and peripherals are counted apart; a ping among them is answered."""
    picture = Frame(b"\x89PNG\r\n\x1a\n" + bytes(500))
    frames = b"".join(wire(picture, number) for number in (1, 2, 5, 300, 20_000))
    data = frames + b"\x89\x02hi" + wire(Peripheral("knob", 1), 7) + wire(Peripheral("knob", 2), 8)
    reader = Reader(Samples(), numbered=True)
    answered = b"".join(reader.read(data[begin : begin + piece]) for begin in range(0, len(data), piece))
    assert answered == b"\x8a\x82\0\0\0\0hi"
    assert (reader.frames.count, reader.frames.missing, reader.frames.last) == (5, 19_995, 20_000)
    assert (reader.peripherals.count, reader.peripherals.missing) == (2, 0)


def test_a_number_that_does_not_rise_is_found_out() -> None:
    """A doubled or reordered envelope fails the run."""
    reader = Reader(Samples(), numbered=True)
    knob = wire(Peripheral("knob", 1), 7)
    reader.read(knob)
    with pytest.raises(ValueError, match="7 came after 7"):
        reader.read(knob)


def test_a_number_that_looks_like_its_own_tag_is_read() -> None:
    """800 is encoded in the two bytes that come before every number."""
    assert sequence(wire(Peripheral("knob", 1), 800)[-125:]) == 800


def test_bytes_that_are_no_envelope_are_refused() -> None:
    """A sequence number is read from an envelope's end alone."""
    with pytest.raises(ValueError, match="no end of an envelope"):
        sequence(bytes(40))
