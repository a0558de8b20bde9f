"""What the page and the terminal read."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from beats.adapters.http.access import Rights
from beats.adapters.http.facts import everything, session
from beats.kernel.clock import SystemClock
from beats.kernel.ports import Context
from beats.kernel.stats import Stats
from beats.kit.stats_json import stats_of
from tests.adapters.http.metrics.material import BROWSER, STATS


class Asked:
    """Counters, and how they were asked for."""

    def __init__(self, stats: Stats = STATS) -> None:
        self.with_clients: list[bool] = []
        self._stats = stats

    def __call__(self, *, clients: bool = True) -> Stats:
        self.with_clients.append(clients)
        return self._stats


def context(stats: Asked, **commands: object) -> Context:
    def check(fields: Mapping[str, Any]) -> Mapping[str, object]:
        return fields

    names = dict.fromkeys(commands, check)
    return Context("browser", "studio", SystemClock(), lambda control: None, names, stats=stats)


def test_everything_is_all_that_stats_have() -> None:
    """Viewers one by one included, and what the process costs."""
    asked = Asked()
    facts = json.loads(json.dumps(everything(context(asked)), allow_nan=False))
    assert stats_of(facts["stats"]) == STATS
    assert asked.with_clients == [True]
    assert (facts["beats"], facts["profile"], facts["sink"]) == (version("beats"), "studio", "browser")
    assert facts["process"]["pid"] == os.getpid()
    assert facts["uptime_s"] > 0
    assert "uptime_s" not in facts["process"]


def test_a_session_costs_the_same_however_many_viewers_there_are() -> None:
    """Each page asks again and again: nobody's counters are asked for."""
    asked = Asked()
    facts = json.loads(json.dumps(session(context(asked), Rights(steer=True), (), ()), allow_nan=False))
    assert asked.with_clients == [False]
    assert "stats" not in facts


def test_a_session_says_what_the_viewer_may_do() -> None:
    """Those of the wire, and those that sources and sinks take now."""
    told = session(
        context(Asked(), seek=1, record=1), Rights(steer=False), ("heart",), ("browse", "emoji_update")
    )
    facts = json.loads(json.dumps(told))
    assert facts["rights"] == {"steer": False}
    assert {"browse", "emoji_update", "seek", "record"} <= set(facts["commands"])
    assert facts["emojis"] == ["heart"]


def test_a_session_tells_the_servers_time() -> None:
    """Between what the clock showed before and after."""
    clock = SystemClock()
    before = clock.unix_ns()
    now = session(context(Asked()), Rights(steer=True), (), ())["time_unix_ns"]
    assert isinstance(now, int)
    assert before <= now <= clock.unix_ns()


def test_a_session_tells_of_what_plays_and_what_records() -> None:
    """By name, and of nothing else."""
    rec = BROWSER._replace(name="rec", state="failed", figures=(("recording", 1.0), ("free_bytes", 5.0)))
    facts = session(context(Asked(STATS._replace(sinks=(BROWSER, rec)))), Rights(steer=True), (), ())
    assert facts["playback"] == {
        "tape": {"position_s": 1.5, "duration_s": 60.0, "speed": "max", "paused": True, "loops": 3}
    }
    assert facts["recorders"] == {"rec": {"recording": 1.0, "free_bytes": 5.0}}
    assert facts["failed"] == ["rec"]
