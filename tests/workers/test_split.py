from collections.abc import Mapping

import pytest

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import ProfileSettings
from beats.runtime.reader import Reader
from beats.workers.split import RELAY, Relay, Share, parent_profile, served, stream_name, worker_profile
from tests.support import quiet

HERE = Relay("nats://127.0.0.1:4222", "workers-default-9000")


def profile(**sinks: Mapping[str, object]) -> ProfileSettings:
    return Reader(None, None, None, overrides=quiet(void={"type": "null"}, **sinks)).read()


def share(workers: int = 4) -> Share:
    return Share(HERE, {"browser": 9000}, workers, {})


def test_the_parent_keeps_all_but_the_viewers_which_workers_have() -> None:
    """A relay in their place feeds the workers, which share the port and run until they are told to end."""
    before = profile()
    after = parent_profile(before, HERE)
    assert set(served(before)) == {"browser"}
    assert set(after.sinks) == {"void", RELAY}
    assert after.sinks["void"] == before.sinks["void"]
    assert after.sinks[RELAY].type == "nats"
    assert after.sources == before.sources
    after = worker_profile(profile(), share())
    assert set(after.sources) == {RELAY}
    (browser,) = after.sinks.values()
    assert isinstance(browser, WebSocketSettings)
    assert (browser.port, browser.reuse_port) == (9000, True)
    assert after.kernel.when_sources_end == "stay"


@pytest.mark.parametrize(("most", "workers", "each"), [(1000, 4, 250), (10, 4, 3), (1, 4, 1)])
def test_workers_share_the_places(most: int, workers: int, each: int) -> None:
    """Rounded up, so that each has at least one."""
    limits = {"max_clients": most, "max_clients_per_address": most}
    after = worker_profile(profile(browser={"port": 0, **limits}), share(workers))
    browser = after.sinks["browser"]
    assert isinstance(browser, WebSocketSettings)
    assert (browser.max_clients, browser.max_clients_per_address) == (each, each)


def test_the_stream_has_a_name_that_a_broker_takes() -> None:
    """It is the same for each run on the same ports, and differs between simultaneous runs."""
    one = profile()
    assert stream_name(one, {"browser": 9000}) == "workers-default-9000"
    assert stream_name(one, {"browser": 9001}) != stream_name(one, {"browser": 9000})
