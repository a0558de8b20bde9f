"""Whether it lives, has room, and does what it was told to."""

import json

import pytest

from beats.adapters.http.health import alive, health, ready
from tests.adapters.http.metrics.material import BROWSER, RECORDER, STATS


def test_whoever_answers_lives() -> None:
    """There is nothing else to say."""
    reply = alive()
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "alive"})


def test_a_server_with_room_is_ready() -> None:
    """And a full one is not, which is no reason to restart it."""
    assert (ready(has_room=True).status, ready(has_room=False).status) == (200, 503)
    assert json.loads(ready(has_room=False).body) == {"status": "full"}


def test_all_is_well_while_every_sink_runs() -> None:
    """A source that has ended is no fault: its input was at its end."""
    reply = health(STATS._replace(sinks=(BROWSER,)))
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})


@pytest.mark.parametrize("state", ["starting", "failed", "ended", "stopped"])
def test_a_sink_that_does_not_run_is_named(state: str) -> None:
    """With what is known of it, and without those that do."""
    rec = RECORDER._replace(state=state, restarts=3, last_error="OSError: full")
    reply = health(STATS._replace(sinks=(BROWSER, rec)))
    assert reply.status == 503
    assert json.loads(reply.body) == {
        "status": "failing",
        "sinks": {"rec": {"state": state, "restarts": 3, "last_error": "OSError: full"}},
    }
