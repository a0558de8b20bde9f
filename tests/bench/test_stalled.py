"""The stalled-client benchmark runs, and what its clients see is right; figures are not looked at."""

import json
import select
import time
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame, Message, Peripheral
from beats.proto.codec import StreamCodec
from tests.bench import stalled
from tests.bench.crowd.reader import Reader, sequence
from tests.bench.load.samples import Samples
from tests.bench.stalled_table import PEER_SCENARIOS, SCENARIOS

needs_linux = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the clients need epoll, and /proc")


@needs_linux
def test_a_slow_reader_can_tell_what_it_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole run: the server counts for the slow reader exactly the gaps that it sees, and it stays."""
    file = tmp_path / "figures.json"
    arguments = ["stalled", "--quick", "--only", "slow", "--work", "20kB", "--peers", "ours"]
    monkeypatch.setattr("sys.argv", [*arguments, "--clients", "3", "--json", str(file)])
    stalled.main()
    assert "p99 age of their frames" in capsys.readouterr().out
    (run,) = json.loads(file.read_text())["20kB"]["runs"]
    assert run["connected"] == 1
    assert run["missing"] > 0
    assert run["uncounted"] == 0
    assert run["peripherals_missing"] == 0
    assert run["healthy_missing"] == run["healthy_counted"]


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
    """However the bytes are cut, frames and peripherals are counted apart, and what is missing too."""
    picture = Frame(b"\x89PNG\r\n\x1a\n" + bytes(500))
    frames = b"".join(wire(picture, number) for number in (1, 2, 5, 300, 20_000))
    data = frames + b"\x89\x02hi" + wire(Peripheral("knob", 1), 7) + wire(Peripheral("knob", 2), 8)
    reader = Reader(Samples(), numbered=True)
    for begin in range(0, len(data), piece):
        reader.feed(data[begin : begin + piece])
    assert (reader.frames.count, reader.frames.missing, reader.frames.last) == (5, 19_995, 20_000)
    assert (reader.peripherals.count, reader.peripherals.missing) == (2, 0)


def test_a_number_that_does_not_rise_is_found_out() -> None:
    """A doubled or reordered envelope fails the run."""
    reader = Reader(Samples(), numbered=True)
    knob = wire(Peripheral("knob", 1), 7)
    reader.feed(knob)
    with pytest.raises(ValueError, match="7 came after 7"):
        reader.feed(knob)


def test_bytes_that_are_no_envelope_are_refused() -> None:
    """A sequence number is read from an envelope's end alone."""
    with pytest.raises(ValueError, match="no end of an envelope"):
        sequence(bytes(40))
