from typing import Any

import pytest

from beats.kernel.stats import (
    Amount,
    ClientStats,
    DropStats,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)
from tests.kernel.support import NO_CLIENTS

QUEUE = QueueStats("null", Amount(2, 20), Amount(1, 10), Amount(), Amount(1, 10), (), 2)
SINK = SinkStats("null", "running", 0, "", QUEUE)


@pytest.mark.parametrize(
    "stats",
    [
        Amount(),
        DropStats("failed", "frame", 1, 10),
        QUEUE,
        SINK,
        SourceStats("demo", "running", 0, "", 1),
        ClientStats(1, "host:1", 0, False, QUEUE),
        NO_CLIENTS,
        Stats(1, 1, (), (SINK,)),
    ],
    ids=lambda stats: type(stats).__name__,
)
def test_stats_are_immutable_tuples(stats: Any) -> None:
    """What was counted at one instant stays so, whoever holds it."""
    hash(stats)  # nothing mutable is inside either
    for field in stats._fields:
        with pytest.raises(AttributeError):
            setattr(stats, field, None)


def test_an_amount_is_empty_unless_said() -> None:
    """Counting starts at no items and no bytes."""
    assert Amount() == (0, 0)


def test_a_sink_without_viewers_has_none_to_tell_of() -> None:
    """Only a sink that serves clients has totals of them."""
    assert (SINK.clients, SINK.client_totals) == ((), None)
