"""What is told of the viewers of sinks, by class: never of a single one, of whom there may be thousands."""

from collections.abc import Callable, Iterator
from typing import Final

from beats.adapters.http.metrics.family import Amounts, Family, Rows, amounts, counter, gauge
from beats.adapters.http.metrics.sinks import causes
from beats.kernel.stats import Amount, ClientGroup, ClientStats, ClientTotals, SinkStats, Stats

CLASSES: Final = ("full", "chosen", "thinned")
"""Told of from the beginning: what is not there yet cannot be seen to rise from 0. Others follow."""

_LABELS: Final = ("sink", "client_class")


def _groups(stats: Stats) -> Iterator[tuple[SinkStats, ClientGroup]]:
    for sink in stats.sinks:
        if sink.client_totals is not None:
            empty = {name: ClientGroup(name, 0, Amount(), Amount(), ()) for name in CLASSES}
            for group in (empty | {group.name: group for group in sink.client_totals.groups}).values():
                yield sink, group


def _each(amount: Callable[[ClientGroup], Amount]) -> Callable[[Stats], Amounts]:
    """A number of every class of viewers."""
    return lambda stats: (((sink.name, group.name), amount(group)) for sink, group in _groups(stats))


def _offered(group: ClientGroup) -> Amount:
    offered = group.delivered.plus(group.waiting)
    for amount in causes(group.drops).values():
        offered = offered.plus(amount)
    return offered


def _dropped(stats: Stats) -> Amounts:
    for sink, group in _groups(stats):
        for cause, amount in causes(group.drops).items():
            yield (sink.name, group.name, *cause), amount


def _now(count: Callable[[list[ClientStats]], int]) -> Callable[[Stats], Rows]:
    """A number from the viewers of each class that are connected."""

    def rows(stats: Stats) -> Rows:
        for sink, group in _groups(stats):
            yield (sink.name, group.name), count([one for one in sink.clients if one.group == group.name])

    return rows


def _totals(stats: Stats) -> Iterator[tuple[tuple[str], ClientTotals]]:
    for sink in stats.sinks:
        if sink.client_totals is not None:
            yield (sink.name,), sink.client_totals


def _evicted(stats: Stats) -> Rows:
    for labels, totals in _totals(stats):
        yield (*labels, "stalled"), totals.stalled
        yield (*labels, "overflowed"), totals.overflowed
        yield (*labels, "flooded"), totals.flooded


FAMILIES: Final[tuple[Family, ...]] = (
    gauge(
        "beats_connected_clients",
        "Viewers that are connected; client_class is full (the whole stream), chosen (some kinds or topics) "
        "or thinned (max_fps).",
        _LABELS,
        lambda stats: (((sink.name, group.name), group.connected) for sink, group in _groups(stats)),
    ),
    gauge(
        "beats_behind_clients",
        "Viewers that do not keep up, and read from a queue of their own.",
        _LABELS,
        _now(lambda viewers: sum(viewer.behind for viewer in viewers)),
    ),
    counter(
        "beats_accepted_clients",
        "Viewers that were let in.",
        ("sink",),
        lambda stats: ((labels, totals.accepted) for labels, totals in _totals(stats)),
    ),
    counter(
        "beats_evicted_clients",
        "Viewers that were closed: stalled ones accepted no byte for too long, overflowed ones had a full "
        "queue whose strategy is error, flooded ones sent more than max_messages_per_s.",
        ("sink", "reason"),
        _evicted,
    ),
    counter(
        "beats_refused_handshakes",
        "Requests for the stream that were turned away.",
        ("sink",),
        lambda stats: ((labels, totals.refused) for labels, totals in _totals(stats)),
    ),
    counter(
        "beats_rejected_tokens",
        "Requests with an invalid token, or with any that came too soon after several of those.",
        ("sink",),
        lambda stats: ((labels, totals.rejected_tokens) for labels, totals in _totals(stats)),
    ),
    *amounts(
        counter,
        "beats_client_offered",
        "that were for viewers, counted for each of them: delivered, dropped or waiting.",
        _LABELS,
        _each(_offered),
    ),
    *amounts(
        counter,
        "beats_client_delivered",
        "written to viewers, counted for each of them, the state that they get first included.",
        _LABELS,
        _each(lambda group: group.delivered),
    ),
    *amounts(
        counter,
        "beats_client_dropped",
        "that viewers missed, counted for each of them.",
        (*_LABELS, "kind", "reason"),
        _dropped,
    ),
    *amounts(
        gauge,
        "beats_client_queue",
        "that wait in the queues of viewers that do not keep up.",
        _LABELS,
        _each(lambda group: group.waiting),
    ),
    gauge(
        "beats_client_queue_high_water_envelopes",
        "The most envelopes that ever waited in the queue of one of the viewers that are connected.",
        _LABELS,
        _now(lambda viewers: max((viewer.queue.high_water for viewer in viewers), default=0)),
    ),
)
