"""Counters that are not seen to fall."""

from beats.adapters.http.metrics.steady import Steady
from beats.kernel.stats import Amount, Stats
from tests.adapters.http.metrics.material import QUEUE, RECORDER, STATS


def counters(offered: Amount, taken: Amount, name: str = "rec") -> Stats:
    queue = QUEUE._replace(name=name, offered=offered, taken=taken)
    return STATS._replace(sinks=(RECORDER._replace(name=name, queue=queue),))


def taken(stats: Stats) -> Amount:
    return stats.sinks[0].queue.taken


def test_what_a_sink_gives_back_does_not_make_its_count_fall() -> None:
    """It stays where it was until as much was delivered again, and then goes on."""
    steady = Steady()
    assert taken(steady.held(counters(Amount(100, 1000), Amount(100, 1000)))) == (100, 1000)
    assert taken(steady.held(counters(Amount(100, 1000), Amount(90, 900)))) == (100, 1000)
    assert taken(steady.held(counters(Amount(105, 1050), Amount(99, 990)))) == (100, 1000)
    assert taken(steady.held(counters(Amount(120, 1200), Amount(120, 1200)))) == (120, 1200)


def test_items_and_bytes_are_held_each_for_itself() -> None:
    """Few large envelopes may come in the place of many small ones."""
    steady = Steady()
    steady.held(counters(Amount(100, 1000), Amount(100, 1000)))
    assert taken(steady.held(counters(Amount(101, 9000), Amount(95, 8950)))) == (100, 8950)


def test_a_new_queue_begins_again_from_zero() -> None:
    """A reload put another sink in the place of the old one, and Prometheus knows what that means."""
    steady = Steady()
    steady.held(counters(Amount(100, 1000), Amount(100, 1000)))
    assert taken(steady.held(counters(Amount(3, 30), Amount(2, 20)))) == (2, 20)
    assert taken(steady.held(counters(Amount(4, 40), Amount(3, 30)))) == (3, 30)


def test_a_sink_that_was_away_is_forgotten() -> None:
    """What is kept is bounded by the sinks that there are."""
    steady = Steady()
    steady.held(counters(Amount(100, 1000), Amount(100, 1000)))
    steady.held(STATS._replace(sinks=()))
    assert taken(steady.held(counters(Amount(200, 2000), Amount(50, 500)))) == (50, 500)


def test_sinks_do_not_hold_each_other() -> None:
    """Each has its own count."""
    steady = Steady()
    steady.held(counters(Amount(100, 1000), Amount(100, 1000), "one"))
    assert taken(steady.held(counters(Amount(100, 1000), Amount(90, 900), "other"))) == (90, 900)


def test_everything_else_is_as_it_was() -> None:
    """Only what falls is touched."""
    steady = Steady()
    assert steady.held(STATS) == STATS
    assert steady.held(STATS) == STATS
