"""What a run shows of itself."""

import io
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from beats.cli import status
from beats.cli.status import LiveLine, table
from beats.kernel.stats import Amount, ClientTotals, DropStats, QueueStats, SinkStats, SourceStats, Stats


def sink(
    name: str = "browser",
    state: str = "running",
    offered: int = 0,
    drops: Sequence[tuple[str, int]] = (),
    totals: ClientTotals | None = None,
) -> SinkStats:
    dropped = sum(items for _, items in drops)
    queue = QueueStats(
        name,
        Amount(offered, 0),
        Amount(offered - dropped, 0),
        Amount(dropped, 0),
        Amount(),
        tuple(DropStats(reason, "frame", items, 0) for reason, items in drops),
        0,
    )
    return SinkStats(name, state, 0, "OSError: no disk" if state == "failed" else "", queue, (), totals)


def totals(connected: int = 0, delivered: int = 0, dropped: int = 0, **ended: int) -> ClientTotals:
    counts: dict[str, Any] = {"accepted": 5, "refused": 0, "stalled": 0, "overflowed": 0, **ended}
    return ClientTotals(connected=connected, delivered=Amount(delivered), dropped=Amount(dropped), **counts)


class FakeKernel:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now = Stats(0, 0, (), ())

    def stats(self) -> Stats:
        return self.now


def rows(stats: Stats) -> list[list[str]]:
    """The table as text, a list of words for each line."""
    screen = io.StringIO()
    Console(file=screen, width=200).print(table(stats))
    return [line.split() for line in screen.getvalue().splitlines()]


def test_the_line_shows_rates_since_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames and updates per second are counted between two looks, clients and drops are totals."""
    now_s = 100.0
    monkeypatch.setattr(status, "time", SimpleNamespace(monotonic=lambda: now_s))
    kernel = FakeKernel()
    line = LiveLine(kernel)
    assert str(line.__rich__()) == "0 fps · 0 clients · 0 dropped"
    now_s += 2
    kernel.now = Stats(100, 60, (), (sink(totals=totals(connected=1)),))
    assert str(line.__rich__()) == "30.0 fps · 20.0 updates/s · 1 client · 0 dropped"
    now_s += 1
    kernel.now = Stats(130, 70, (), (sink(totals=totals(connected=2)),))
    assert str(line.__rich__()) == "10.0 fps · 20.0 updates/s · 2 clients · 0 dropped"


def test_the_line_does_not_tremble_when_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 0.4 s the rates stay, since so short a time says little; what is dropped is shown at once."""
    now_s = 100.0
    monkeypatch.setattr(status, "time", SimpleNamespace(monotonic=lambda: now_s))
    kernel = FakeKernel()
    line = LiveLine(kernel)
    now_s += 0.3
    kernel.now = Stats(
        9, 9, (), (sink(offered=9, drops=[("drop_oldest", 2)], totals=totals(dropped=3)), sink("null"))
    )
    assert str(line.__rich__()) == "0 fps · 0 clients · 5 dropped"
    now_s += 0.2
    assert "18.0 fps" in str(line.__rich__())


def test_the_line_names_what_has_failed() -> None:
    """A sink or source that failed and has not come back is named with the reason, as it is."""
    kernel = FakeKernel()
    source = SourceStats("film", "failed", 0, "InputError: [x] is gone", 0)
    kernel.now = Stats(0, 0, (source,), (sink("tape", "failed"), sink()))
    text = str(LiveLine(kernel).__rich__())
    assert text.endswith(" · film failed: InputError: [x] is gone · tape failed: OSError: no disk")


def test_the_table_counts_by_sink() -> None:
    """Each sink has a line: what was offered, delivered and dropped, and why it was dropped."""
    stats = Stats(
        10,
        7,
        (),
        (
            sink("null", "ended", 10),
            sink("tape", "stopped", 10, [("drop_newest", 2), ("shutdown", 1), ("drop_newest", 1)]),
        ),
    )
    assert rows(stats) == [
        ["published", "10,", "of", "them", "7", "frames"],
        ["sink", "state", "offered", "delivered", "dropped", "why"],
        ["null", "ended", "10", "10", "0"],
        ["tape", "stopped", "10", "6", "4", "drop_newest", "3,", "shutdown", "1"],
    ]


def test_the_table_counts_what_viewers_got_and_missed() -> None:
    """A sink with viewers has a second line for all of them, and says how many it had to close."""
    ended = {"stalled": 1, "overflowed": 2, "flooded": 3}
    lines = rows(Stats(10, 7, (), (sink("browser", "ended", 10, totals=totals(0, 40, 8, **ended)),)))
    reasons = "1 closed: stalled, 2 closed: overflowed, 3 closed: flooded"
    assert lines[3] == ["5", "clients", "48", "40", "8", *reasons.split()]
    lines = rows(Stats(10, 7, (), (sink("browser", "ended", 10, totals=totals(0, 40)),)))
    assert lines[3] == ["5", "clients", "40", "40", "0"]
