"""What a run shows of itself: a live line, a table at the end."""

import time
from typing import Protocol

from rich.console import Group
from rich.table import Table
from rich.text import Text

from beats.cli.printable import printable
from beats.kernel.stats import SinkStats, Stats


class Counted(Protocol):
    """A kernel, or a house that is more than one."""

    def stats(self) -> Stats:
        """All counters now."""
        ...


class LiveLine:
    """Rates since the last look, and totals; drawn again and again by a terminal's live display."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._last = counted.stats()
        self._last_s = time.monotonic()
        self._rates = "0 fps"

    def __rich__(self) -> Text:
        """The line as it is now."""
        stats, now_s = self._counted.stats(), time.monotonic()
        if (elapsed_s := now_s - self._last_s) >= 0.4:
            fps = (stats.frames - self._last.frames) / elapsed_s
            updates = (stats.published - stats.frames - self._last.published + self._last.frames) / elapsed_s
            self._rates = f"{fps:.1f} fps · {updates:.1f} updates/s"
            self._last, self._last_s = stats, now_s
        clients = sum(sink.client_totals.connected for sink in stats.sinks if sink.client_totals)
        dropped = sum(_lost(sink) for sink in stats.sinks)
        text = Text(f"{self._rates} · {clients} client{'' if clients == 1 else 's'} · {dropped} dropped")
        for part in stats.failed():
            text.append(printable(f" · {part.name} failed: {part.last_error}"), style="bold red")
        return text


def table(stats: Stats) -> Group:
    """What became of everything that was published, by sink."""
    result = Table("sink", "state", box=None, pad_edge=False, header_style="bold")
    for heading in ("offered", "delivered", "dropped"):
        result.add_column(heading, justify="right")
    result.add_column("why")
    for sink in stats.sinks:
        queue = sink.queue
        drops: dict[str, int] = {}
        for drop in queue.drops:
            drops[drop.reason] = drops.get(drop.reason, 0) + drop.items
        why = ", ".join(f"{reason} {items}" for reason, items in drops.items())
        row = (queue.offered.items, queue.taken.items, queue.dropped.items)
        result.add_row(sink.name, sink.state, *map(str, row), why)
        if (clients := sink.client_totals) is not None:
            offered = clients.delivered.items + clients.dropped.items
            ended = [
                (clients.stalled, "stalled"),
                (clients.overflowed, "overflowed"),
                (clients.flooded, "flooded"),
            ]
            closed = ", ".join(f"{number} closed: {reason}" for number, reason in ended if number)
            row = (offered, clients.delivered.items, clients.dropped.items)
            result.add_row("", f"{clients.accepted} clients", *map(str, row), closed)
    return Group(Text(f"published {stats.published}, of them {stats.frames} frames"), result)


def _lost(sink: SinkStats) -> int:
    return sink.queue.dropped.items + (sink.client_totals.dropped.items if sink.client_totals else 0)
