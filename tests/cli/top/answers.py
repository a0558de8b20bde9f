"""Answers of a server, made of the kernel's own counters as the server makes them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from beats.cli.top.fetch import Answer, read
from beats.cli.top.model import Past, Table
from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    Latency,
    PictureStats,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)
from beats.kit.stats_json import plain

BEGUN_NS = 1_700_000_000_000_000_000
_RUNNING: dict[str, Any] = {"state": "running", "restarts": 0, "last_error": ""}


def queue(
    taken: int = 0,
    waiting: int = 0,
    high_water: int = 0,
    drops: Sequence[tuple[str, int]] = (),
    size: int = 10,
) -> QueueStats:
    """A queue of envelopes of ten bytes."""
    dropped = sum(items for _, items in drops)

    def amount(items: int) -> Amount:
        return Amount(items, items * size)

    return QueueStats(
        "queue",
        amount(taken + waiting + dropped),
        amount(taken),
        amount(dropped),
        amount(waiting),
        tuple(DropStats(reason, "frame", items, items * size) for reason, items in drops),
        high_water,
    )


def client(
    number: int, *, group: str = "full", behind: bool = False, at_s: float = 0, **counts: Any
) -> ClientStats:
    """A viewer that came `at_s` after the beginning."""
    connected_ns = BEGUN_NS + round(at_s * 1e9)
    return ClientStats(number, f"10.0.0.{number}:5000", connected_ns, behind, queue(**counts), group)


def sink(name: str = "browser", clients: Sequence[ClientStats] = (), **fields: Any) -> SinkStats:
    """A sink with viewers; the fields are the kernel's."""
    totals = None
    if clients:
        groups = tuple(_group(name, clients) for name in dict.fromkeys(each.group for each in clients))
        delivered = _sum(each.queue.taken for each in clients)
        dropped = _sum(each.queue.dropped for each in clients)
        totals = ClientTotals(len(clients), len(clients), 0, 0, 0, delivered, dropped, groups)
    own: dict[str, Any] = {"queue": queue(), "clients": tuple(clients), "client_totals": totals}
    return SinkStats(name, **{**_RUNNING, **own, **fields})


def _group(name: str, clients: Sequence[ClientStats]) -> ClientGroup:
    queues = [each.queue for each in clients if each.group == name]
    delivered, waiting = _sum(each.taken for each in queues), _sum(each.waiting for each in queues)
    drops = tuple(drop for each in queues for drop in each.drops)
    return ClientGroup(name, len(queues), delivered, waiting, drops)


def _sum(amounts: Iterable[Amount]) -> Amount:
    return reduce(Amount.plus, amounts, Amount())


def source(name: str = "demo", published: int = 0, **fields: Any) -> SourceStats:
    """A source."""
    return SourceStats(name, published=published, **{**_RUNNING, **fields})


def stats(
    sinks: Sequence[SinkStats] = (),
    sources: Sequence[SourceStats] = (),
    published: int = 0,
    frames: int = 0,
    pictures: Sequence[PictureStats] = (),
    started_unix_ns: int = 0,
) -> Stats:
    """A kernel."""
    counted = Stats(published, frames, tuple(sources), tuple(sinks), pictures=tuple(pictures))
    return replace(counted, started_unix_ns=started_unix_ns)


def document(of: Stats, at_s: float = 0, **fields: Any) -> dict[str, Any]:
    """What a server answers `at_s` after the beginning."""
    return {
        "beats": "0.1.0",
        "profile": "studio",
        "sink": "browser",
        "time_unix_ns": BEGUN_NS + round(at_s * 1e9),
        "uptime_s": 100 + at_s,
        "process": {"pid": 7, "cpu_s": at_s / 4, "rss_bytes": 50_000_000, "open_files": 20},
        "stats": plain(of),
        **fields,
    }


def answer(of: Stats, at_s: float = 0, **fields: Any) -> Answer:
    """The same, read."""
    return read(json.dumps(document(of, at_s, **fields)).encode()).answer


def table(before: Answer | None, now: Answer) -> Table:
    """What is shown of an answer that follows another one, or none."""
    past = Past()
    if before is not None:
        past.table(before)
    return past.table(now)


LATENCY = Latency((0.001, 0.01, 0.1), (0, 0, 0, 0), 0.0)
