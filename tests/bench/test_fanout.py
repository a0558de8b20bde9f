"""The fan-out benchmark runs, and what it counts is right. Tiny runs: figures are not looked at."""

import select
import time

import pytest

from tests.bench import fanout
from tests.bench.fanout import Case, Pins, rows, run
from tests.bench.process import AnswerError, Process
from tests.bench.wire import FixedStream, ParsedStream, Samples, Stream, UnexpectedError, frame_bytes

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the load generator needs epoll")

ANYWHERE = Pins(None, None)


@pytest.mark.parametrize("peer", ["ours", "ours-uvloop", "bare", "broadcast"])
@pytest.mark.parametrize(
    "case", [Case(120, 2000, 5, 200), Case(2000, 2000, 5, 200), Case(120, 0, 3, 2000, queue=2000)]
)
def test_a_trial_counts_every_delivery(peer: str, case: Case) -> None:
    """Published messages arrive at all clients, at a rate and flat out, and ours accounts for all of them."""
    figures = run(peer, case, ANYWHERE)
    assert figures["lost"] == 0
    assert figures.get("uncounted", 0) == 0
    assert 0 < figures["p50_ms"] < 10_000
    assert figures["cpu_us"] > 0


def test_a_trial_counts_what_is_discarded_too() -> None:
    """Of ten clients, two are really read; the operating system discards what comes for the others."""
    figures = run("ours", Case(2000, 500, 10, 100, sampled=2), ANYWHERE)
    assert (figures["lost"], figures["uncounted"]) == (0, 0)
    assert 0 < figures["p50_ms"] < 10_000


@pytest.mark.parametrize("peer", ["ours", "broadcast"])
def test_late_joiners_get_the_latest_message(peer: str) -> None:
    """Clients that come when nothing is published any more have something to show."""
    assert run(peer, Case(1000, 0, 20, 0, joining=True), ANYWHERE)["first_s"] > 0


def test_the_table_has_every_peer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints a line for each peer, with the ratio to the bare loop."""
    monkeypatch.setattr("sys.argv", ["fanout", "--quick", "--only", "updates", "--peers", "ours,bare"])
    fanout.main()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    ours, bare = (next(cells for cells in lines if cells[:2] == [peer, "50"]) for peer in ("ours", "bare"))
    assert float(ours[4]) > 0
    assert bare[4] == "1.00"


def test_quick_rows_are_the_same_rows() -> None:
    """Nothing is left out of a quick run, it is only smaller."""
    assert [row.name for row in rows(quick=True)] == [row.name for row in rows(quick=False)]


def test_a_process_that_ends_is_reported() -> None:
    """A peer that cannot start does not leave the benchmark waiting."""
    with (
        Process("tests.bench.peers", ["bare", "--nonsense"]) as process,
        pytest.raises(AnswerError, match="peers"),
    ):
        process.answer(20.0)


def wire(size: int, age_ns: int) -> bytes:
    """A framed message of this size that was published `age_ns` before time 0."""
    stamped = bytes(size - 8) + (-age_ns).to_bytes(8, "little", signed=True)
    if size < 126:
        return bytes([0x82, size]) + stamped
    return b"\x82\x7e" + size.to_bytes(2, "big") + stamped


def stream_of(size: int, samples: Samples, *, fixed: bool) -> Stream:
    """One client's side."""
    return FixedStream(size, samples) if fixed else ParsedStream(samples)


@pytest.mark.parametrize("piece", [1, 2, 7, 122, 1000, 100_000])
@pytest.mark.parametrize("size", [20, 120, 130])
@pytest.mark.parametrize("fixed", [True, False])
def test_messages_are_counted_however_they_are_cut(piece: int, size: int, fixed: bool) -> None:
    """Counting from bytes and reading every header come to the same, wherever a read ends."""
    samples = Samples()
    stream = stream_of(size, samples, fixed=fixed)
    data = wire(size, 5_000_000) * 50
    assert len(data) == frame_bytes(size) * 50
    for begin in range(0, len(data), piece):
        part = memoryview(data[begin : begin + piece])
        stream.feed(part, len(part), 0)
    assert stream.count == 50
    if piece >= 8:
        assert samples.figures()["max_ms"] == 5.0


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "cut"), [(0, 0, 0), (0, 3, 0), (1, 1, 50), (3, 0, 50), (3, 3, 0)]
)
def test_a_ping_between_messages_is_answered_and_not_counted(
    fixed: bool, before: int, after: int, cut: int
) -> None:
    """The library's keepalive falls between the messages, in the same read as they."""
    stream = stream_of(120, Samples(), fixed=fixed)
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
    with pytest.raises(UnexpectedError):
        stream_of(120, Samples(), fixed=fixed).feed(memoryview(bytes(500)), 500, 0)


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
