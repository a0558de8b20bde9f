"""Counters as plain values."""

import json
import math
from dataclasses import replace
from typing import Final

import pytest

from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    GivenUp,
    Latency,
    PictureStats,
    Playback,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)
from beats.kit.stats_json import plain, stats_of

DROP: Final = DropStats("drop_oldest", "frame", 5, 500)
QUEUE: Final = QueueStats("browser", Amount(9, 90), Amount(3, 30), Amount(5, 50), Amount(1, 10), (DROP,), 4)
TOTALS: Final = ClientTotals(
    1, 2, 3, 4, 5, Amount(6, 60), Amount(5, 500), (ClientGroup("full", 1, Amount(6, 60), Amount(), (DROP,)),)
)
STATS: Final = Stats(
    9,
    4,
    (
        SourceStats("demo", "running", 0, "", 4, figures=(("connected", 1.0),)),
        SourceStats("tape", "failed", 1, "OSError: ö", 5, Playback(1.5, 60.0, math.inf, False, 2)),
    ),
    (
        SinkStats(
            "browser",
            "running",
            0,
            "",
            QUEUE,
            (ClientStats(1, "127.0.0.1:1", 1_700_000_000_000_000_001, True, QUEUE, "full"),),
            TOTALS,
            Latency((0.5, 1.0), (1, 2, 3), 4.5),
            (("free_bytes", 1.0), ("held_s", 0.25)),
        ),
        SinkStats("rec", "starting", 0, "", QUEUE),
    ),
    given_up=(GivenUp("encoder", "frame/cam-1", 2),),
    pictures=(PictureStats("frame", Amount(4, 40)),),
)
"""Every field has something in it, once."""


def test_counters_are_objects_and_lists() -> None:
    """Each field under its name; a tuple without names is a list, and figures are an object."""
    values = plain(STATS)
    assert values["published"] == 9
    assert [source["name"] for source in values["sources"]] == ["demo", "tape"]
    browser, rec = values["sinks"]
    assert browser["queue"]["offered"] == {"items": 9, "bytes": 90}
    assert browser["queue"]["drops"] == [{"reason": "drop_oldest", "kind": "frame", "items": 5, "bytes": 500}]
    assert browser["clients"][0]["connected_unix_ns"] == 1_700_000_000_000_000_001
    assert browser["client_totals"]["groups"][0]["name"] == "full"
    assert browser["latency"] == {"bounds_s": [0.5, 1.0], "counts": [1, 2, 3], "sum_s": 4.5}
    assert browser["figures"] == {"free_bytes": 1.0, "held_s": 0.25}
    assert (rec["clients"], rec["client_totals"], rec["latency"], rec["figures"]) == ([], None, None, {})


def test_counters_come_back_as_they_were_from_json() -> None:
    """One process tells another so, and no field may be forgotten."""
    assert stats_of(json.loads(json.dumps(plain(STATS), allow_nan=False))) == STATS


def test_an_infinite_speed_is_a_word() -> None:
    """JSON has no such number; the command line writes it so, too."""
    assert plain(STATS)["sources"][1]["playback"]["speed"] == "max"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_figure_that_json_lacks_is_left_out(number: float) -> None:
    """One adapter must not break the counters of all others."""
    sink = SinkStats("a", "running", 0, "", QUEUE, figures=(("wrong", number), ("right", 1.0)))
    source = SourceStats("a", "running", 0, "", 1, figures=sink.figures)
    values = plain(replace(STATS, sinks=(sink,), sources=(source,)))
    assert values["sinks"][0]["figures"] == values["sources"][0]["figures"] == {"right": 1.0}
    json.dumps(values, allow_nan=False)


@pytest.mark.parametrize(
    "values", [{}, {"published": 1}, {**plain(STATS), "sinks": [{"name": "x"}]}, {"sinks": 3}]
)
def test_what_is_no_counters_is_refused(values: dict[str, object]) -> None:
    """What another process sent may be of another version."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        stats_of(values)
