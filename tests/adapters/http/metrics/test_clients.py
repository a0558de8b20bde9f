"""What is told of viewers, by class."""

from beats.adapters.http.metrics.clients import CLASSES, FAMILIES
from beats.kernel.stats import Amount, ClientGroup, Stats
from tests.adapters.http.metrics.lint import Samples
from tests.adapters.http.metrics.material import BROWSER, GROUPS, STATS


def told(stats: Stats) -> Samples:
    return Samples(metric for family in FAMILIES if (metric := family.metric(stats)) is not None)


def of_class(samples: Samples, name: str) -> dict[str, float]:
    return {client: samples.value(name, sink="browser", client_class=client) for client in CLASSES}


def test_viewers_are_counted_by_class() -> None:
    """A class that nobody is in has zeros: from them its first viewer is seen to come."""
    samples = told(STATS)
    assert of_class(samples, "beats_connected_clients") == {"full": 2, "chosen": 0, "thinned": 1}
    assert of_class(samples, "beats_behind_clients") == {"full": 1, "chosen": 0, "thinned": 1}
    high_water = of_class(samples, "beats_client_queue_high_water_envelopes")
    assert high_water == {"full": 9, "chosen": 0, "thinned": 2}


def test_what_viewers_were_offered_is_delivered_dropped_or_waits() -> None:
    """In every class, in envelopes and in bytes."""
    samples = told(STATS)
    assert of_class(samples, "beats_client_offered_envelopes_total") == {
        "full": 60,
        "chosen": 0,
        "thinned": 41,
    }
    for unit in ("envelopes", "bytes"):
        for client in CLASSES:
            labels = {"sink": "browser", "client_class": client}
            assert samples.value(f"beats_client_offered_{unit}_total", **labels) == (
                samples.value(f"beats_client_delivered_{unit}_total", **labels)
                + samples.sum(f"beats_client_dropped_{unit}_total", **labels)
                + samples.value(f"beats_client_queue_{unit}", **labels)
            )


def test_what_viewers_missed_is_told_by_class_kind_and_reason() -> None:
    """What was left out at a viewer's wish, by `max_fps`, can be told from what it was too slow for."""
    missed = told(STATS).each("beats_client_dropped_envelopes_total")
    assert {tuple(sorted(dict(labels).items())): value for labels, value in missed.items()} == {
        (("client_class", "full"), ("kind", "frame"), ("reason", "drop_oldest"), ("sink", "browser")): 6,
        (("client_class", "thinned"), ("kind", "frame"), ("reason", "max_fps"), ("sink", "browser")): 30,
        (("client_class", "thinned"), ("kind", "peripheral"), ("reason", "left"), ("sink", "browser")): 1,
    }


def test_who_came_who_was_closed_and_who_was_turned_away_is_told() -> None:
    """All reasons of a closure are there from the beginning."""
    samples = told(STATS)
    assert samples.value("beats_accepted_clients_total", sink="browser") == 12
    assert samples.value("beats_refused_handshakes_total", sink="browser") == 5
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="stalled") == 2
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="overflowed") == 1
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="flooded") == 4
    assert samples.value("beats_rejected_tokens_total", sink="browser") == 6


def test_a_class_that_is_not_known_here_is_told_of_too() -> None:
    """Somebody else's sink may have others."""
    totals = BROWSER.client_totals
    assert totals is not None
    groups = (*GROUPS, ClientGroup("mirrored", 1, Amount(4, 40), Amount(), ()))
    browser = BROWSER._replace(client_totals=totals._replace(groups=groups))
    samples = told(STATS._replace(sinks=(browser,)))
    assert samples.value("beats_connected_clients", sink="browser", client_class="mirrored") == 1


def test_a_sink_without_viewers_has_none() -> None:
    """Neither a row of zeros: it will never have any."""
    samples = told(STATS)
    assert not any(("sink", "rec") in labels for name in samples.names() for labels in samples.each(name))


def test_no_label_tells_of_a_single_viewer() -> None:
    """There may be thousands, and each would leave its series behind."""
    samples = told(STATS)
    labels = {value for name in samples.names() for each in samples.each(name) for _, value in each}
    assert labels == {
        "browser",
        *CLASSES,
        *("frame", "peripheral"),
        *("drop_oldest", "max_fps", "left", "stalled", "overflowed", "flooded"),
    }
