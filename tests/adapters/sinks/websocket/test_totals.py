"""What became of all viewers that there ever were."""

from beats.adapters.sinks.websocket.totals import Totals
from beats.kernel.stats import Amount, ClientGroup, ClientStats, DropStats, QueueStats


def viewer(
    group: str = "full",
    taken: Amount = Amount(),  # noqa: B008 - immutable
    waiting: Amount = Amount(),  # noqa: B008 - immutable
    *drops: DropStats,
) -> ClientStats:
    dropped = Amount(sum(drop.items for drop in drops), sum(drop.bytes for drop in drops))
    offered = taken.plus(waiting).plus(dropped)
    queue = QueueStats("127.0.0.1:1", offered, taken, dropped, waiting, drops, 0)
    return ClientStats(1, "127.0.0.1:1", 0, bool(waiting.items), queue, group)


def test_nobody_has_no_class() -> None:
    """A class is there once somebody was in it."""
    assert Totals().groups([]) == ()


def test_viewers_are_summed_up_by_class() -> None:
    """Each class in its own place, whoever is in it."""
    groups = Totals().groups(
        [
            viewer("full", Amount(5, 50), Amount(1, 10)),
            viewer("thinned", Amount(1, 1)),
            viewer("full", Amount(2, 20), Amount(3, 30)),
        ]
    )
    assert groups == (
        ClientGroup("full", 2, Amount(7, 70), Amount(4, 40), ()),
        ClientGroup("thinned", 1, Amount(1, 1), Amount(), ()),
    )


def test_drops_are_summed_up_by_reason_and_kind() -> None:
    """The same reason for another kind is another cause."""
    (group,) = Totals().groups(
        [
            viewer("full", Amount(), Amount(), DropStats("latest", "frame", 1, 10)),
            viewer(
                "full",
                Amount(),
                Amount(),
                DropStats("latest", "frame", 2, 20),
                DropStats("latest", "peripheral", 4, 40),
                DropStats("left", "frame", 8, 80),
            ),
        ]
    )
    assert set(group.drops) == {
        DropStats("latest", "frame", 3, 30),
        DropStats("latest", "peripheral", 4, 40),
        DropStats("left", "frame", 8, 80),
    }


def test_what_viewers_got_stays_when_they_leave() -> None:
    """They are connected no more, and nothing waits for them."""
    totals = Totals()
    leaves = viewer("full", Amount(5, 50), Amount(), DropStats("left", "frame", 2, 20))
    stays = viewer("full", Amount(1, 10), Amount(3, 30))
    totals.leave(leaves)
    (group,) = totals.groups([stays])
    assert group == ClientGroup("full", 1, Amount(6, 60), Amount(3, 30), (DropStats("left", "frame", 2, 20),))
    assert totals.groups([]) == (group._replace(connected=0, delivered=Amount(5, 50), waiting=Amount()),)


def test_asking_changes_nothing() -> None:
    """Whoever is asked about again is not counted again."""
    totals = Totals()
    totals.leave(viewer("chosen", Amount(5, 50), Amount(), DropStats("left", "frame", 2, 20)))
    here = [viewer("full", Amount(1, 10)), viewer("chosen", Amount(1, 10))]
    assert totals.groups(here) == totals.groups(here)
