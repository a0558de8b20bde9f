"""The fan-out benchmark runs, and what it counts is right. Tiny runs: figures are not looked at."""

import json
import select
import time
from pathlib import Path

import pytest

from tests.bench import fanout
from tests.bench.fanout_rows import rows
from tests.bench.load.samples import Samples
from tests.bench.load.stream import FixedStream, ParsedStream, Stream, UnexpectedError, frame_bytes
from tests.bench.peers.process import AnswerError, Process
from tests.bench.peers.trial import Case, Pins, run

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the load generator needs epoll")

ALWAYS_THERE = ("ours", "bare", "broadcast")
ANYWHERE = Pins(None, None)


@pytest.mark.parametrize("peer", ALWAYS_THERE)
@pytest.mark.parametrize("size", [120, 2000])
def test_a_trial_counts_every_delivery(peer: str, size: int) -> None:
    """What is published to so many clients arrives as often, and ours can account for all of it."""
    figures = run(peer, Case(size, 2000, 5, 200), ANYWHERE)
    assert figures["lost"] == 0
    assert figures.get("uncounted", 0) == 0
    assert 0 < figures["p50_ms"] < 10_000
    assert figures["cpu_us"] > 0


@pytest.mark.parametrize("peer", ALWAYS_THERE)
def test_flat_out_loses_nothing_when_the_queue_is_large_enough(peer: str) -> None:
    """The producer is as fast as it can be, and everything still arrives."""
    figures = run(peer, Case(120, 0, 3, 2000, queue=2000), ANYWHERE)
    assert figures["lost"] == 0


@pytest.mark.parametrize("peer", ["ours", "broadcast"])
def test_late_joiners_get_the_latest_message(peer: str) -> None:
    """Clients that come when nothing is published any more have something to show."""
    assert run(peer, Case(1000, 0, 20, 0, joining=True), ANYWHERE)["first_s"] > 0


def test_the_table_and_the_json_have_every_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints a row, says how ours stands to the target, and writes the same as JSON."""
    file = tmp_path / "figures.json"
    arguments = ["fanout", "--quick", "--only", "updates", "--peers", "ours,bare", "--json", str(file)]
    monkeypatch.setattr("sys.argv", arguments)
    fanout.main()
    printed = capsys.readouterr().out
    assert "ours" in printed
    assert "CPU per delivery <= 1.3 x bare socket loop" in printed
    row = json.loads(file.read_text())["updates"]
    assert [figures["peer"] for figures in row["medians"]] == ["ours", "bare"]
    assert len(row["targets"]) == 1


def test_quick_rows_are_the_same_rows() -> None:
    """Nothing is left out of a quick run, it is only smaller."""
    assert [row.name for row in rows(quick=True)] == [row.name for row in rows(quick=False)]


def test_a_process_that_ends_is_reported() -> None:
    """A peer that cannot start does not leave the benchmark waiting."""
    with (
        Process("tests.bench.peers.bare", ["--nonsense"]) as process,
        pytest.raises(AnswerError, match="bare"),
    ):
        process.answer(20.0)


def wire(size: int, age_ns: int) -> bytes:
    """A framed message of this size that was published `age_ns` before time 0."""
    stamped = bytes(size - 8) + (-age_ns).to_bytes(8, "little", signed=True)
    if size < 126:
        return bytes([0x82, size]) + stamped
    return b"\x82\x7e" + size.to_bytes(2, "big") + stamped


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 122, 123, 1000, 100_000])
@pytest.mark.parametrize("size", [20, 120, 130, 400])
@pytest.mark.parametrize("fixed", [True, False])
def test_messages_are_counted_however_they_are_cut(piece: int, size: int, fixed: bool) -> None:
    """Counting from bytes and reading every header come to the same, wherever a read ends."""
    samples = Samples()
    stream: Stream = FixedStream(size, samples) if fixed else ParsedStream(samples)
    data = wire(size, 5_000_000) * 50
    assert len(data) == frame_bytes(size) * 50
    for begin in range(0, len(data), piece):
        part = memoryview(data[begin : begin + piece])
        stream.feed(part, len(part), 0)
    assert stream.count == 50
    if piece >= 8:
        assert samples.figures()["max_ms"] == 5.0


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("cut", [0, 50])
def test_a_ping_between_messages_is_answered_and_not_counted(
    fixed: bool, before: int, after: int, cut: int
) -> None:
    """The library's keepalive falls between the messages, in the same read as they."""
    samples = Samples()
    stream: Stream = FixedStream(120, samples) if fixed else ParsedStream(samples)
    message = wire(120, 0)
    first = memoryview((message * before)[:cut])
    stream.feed(first, len(first), 0)
    rest = memoryview((message * before)[cut:] + b"\x89\x04abcd" + message * after)
    assert stream.feed(rest, len(rest), 0) == b"\x8a\x84\0\0\0\0abcd"
    assert stream.feed(memoryview(message), len(message), 0) == b""
    assert stream.count == before + after + 1


@pytest.mark.parametrize("fixed", [True, False])
def test_bytes_that_are_no_message_are_refused(fixed: bool) -> None:
    """A server that sends something else than it should is found out."""
    stream: Stream = FixedStream(120, Samples()) if fixed else ParsedStream(Samples())
    with pytest.raises(UnexpectedError):
        stream.feed(memoryview(bytes(500)), 500, 0)


def test_samples_stay_bounded_and_spread_over_the_whole_time() -> None:
    """However many there are, the median and the largest are right."""
    samples = Samples()
    begin = time.monotonic()
    for value in range(500_000):
        samples.add(value)
    figures = samples.figures()
    assert figures["samples"] <= 100_000
    assert figures["p50_ms"] == pytest.approx(0.25, rel=0.01)
    assert figures["max_ms"] == pytest.approx(0.5, rel=0.01)
    assert time.monotonic() - begin < 10
