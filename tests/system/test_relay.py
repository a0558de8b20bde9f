"""Origin, broker, edges and viewers: the real commands with a real nats-server."""

import signal
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from beats.kernel.envelope import Sealed
from tests.support import Program, Viewer, beats, until, watching
from tests.support.nats import NatsServer

TOPICS: Final = {"frame", "peripheral/accel-1", "peripheral/button-1", "peripheral/knob-1"}
"""Those of the demo."""
AWAY_S: Final = 5.0
"""How long the broker is away."""


@contextmanager
def running(profile: str, folder: Path, url: str, *arguments: str) -> Generator[Program]:
    """An origin or an edge, once it is on air."""
    variables = {"BEATS_NATS_URL": url, "BEATS_WEBSOCKET_PORT": "0", "XDG_RUNTIME_DIR": str(folder / "run")}
    with beats("run", "--profile", profile, *arguments, cwd=folder, stdin=None, **variables) as program:
        assert program.url
        yield program


class Relay(NamedTuple):
    """An origin, a broker and two edges."""

    broker: NatsServer
    origin: Program
    edges: list[Program]


@pytest.fixture(scope="class")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Generator[Relay]:
    """One for tests that leave it as it was; the origin ends well."""
    folder = tmp_path_factory.mktemp("relay")
    with NatsServer(folder) as broker, running("origin", folder, broker.url) as origin:
        with ExitStack() as stack:
            edges = [stack.enter_context(running("edge", folder, broker.url)) for _ in range(2)]
            yield Relay(broker, origin, edges)
        assert origin.interrupt() == 0, origin.err.text()


def relay_of(program: Program) -> Any:
    stats = program.fetch("/api/stats").json["stats"]
    return next(sink for sink in stats["sinks"] if sink["name"] == "nats")


def frame(viewer: Viewer) -> Sealed:
    return viewer.until(lambda envelope: envelope.topic == "frame")


def missing(viewer: Viewer, topic: str = "frame") -> int:
    numbers = viewer.topics()[topic]
    return numbers[-1] - numbers[0] + 1 - len(numbers)


class TestEdges:
    """Of one origin."""

    def test_viewers_at_the_edges_see_what_the_origins_see(self, relay: Relay) -> None:
        """Byte for byte, in order, with the numbers and times of the origin; two edges, one broker."""
        with ExitStack() as stack:
            viewers = [stack.enter_context(watching(each.url)) for each in (relay.origin, *relay.edges)]
            for viewer in viewers:
                viewer.take(100)
                assert set(viewer.topics()) == TOPICS
                assert viewer.is_gap_free
            first, *others = (viewer.by_place() for viewer in viewers)
            for other in others:
                both = first.keys() & other.keys()
                assert len(both) > 50
                assert all(first[place] == other[place] for place in both)

    def test_an_edge_that_comes_late_has_the_state_at_once(self, relay: Relay, tmp_path: Path) -> None:
        """Also when nothing new comes: the broker keeps the last value of each topic."""
        origin = relay.origin
        with watching(origin.url) as viewer:
            viewer.until(lambda envelope: set(viewer.topics()) == TOPICS)
        until(lambda: relay_of(origin)["queue"]["waiting"]["items"] == 0)
        origin.signal(signal.SIGSTOP)
        try:
            with running("edge", tmp_path, relay.broker.url) as edge, watching(edge.url) as late:
                assert {envelope.topic for envelope in late.take(4)} == TOPICS
                origin.signal(signal.SIGCONT)
                late.take(20)
                assert late.is_rising
        finally:
            origin.signal(signal.SIGCONT)

    def test_an_edge_may_have_workers(self, relay: Relay, tmp_path: Path) -> None:
        """Its viewers have the state at once, and then see the very bytes that those of the origin see."""
        with running("edge", tmp_path, relay.broker.url, "--workers", "2") as edge, ExitStack() as stack:
            here, there = (stack.enter_context(watching(each.url)) for each in (edge, relay.origin))
            assert {envelope.topic for envelope in here.take(4)} == TOPICS
            here.take(60)
            assert here.is_gap_free
            there.take(60)
            seen, expected = here.by_place(), there.by_place()
            both = seen.keys() & expected.keys()
            assert "frame" in {topic for topic, _ in both}
            assert all(seen[place] == expected[place] for place in both)

    def test_an_edge_that_is_killed_affects_no_other(self, relay: Relay, tmp_path: Path) -> None:
        """The other edge misses nothing, and the one that takes its place has the state at once."""
        with ExitStack() as stack:
            victim = stack.enter_context(running("edge", tmp_path, relay.broker.url))
            viewer = stack.enter_context(watching(relay.edges[0].url))
            viewer.take(20)
            victim.signal(signal.SIGKILL)
            victim.end()
            again = stack.enter_context(running("edge", tmp_path, relay.broker.url))
            assert {envelope.topic for envelope in stack.enter_context(watching(again.url)).take(4)} == TOPICS
            viewer.take(100)
            assert viewer.is_gap_free


def test_a_broker_that_is_killed_costs_a_gap_and_nothing_else(tmp_path: Path) -> None:
    """Viewers stay, the origin's own miss nothing, what edges miss is counted, a late edge has the state."""
    with (
        NatsServer(tmp_path) as broker,
        running("origin", tmp_path, broker.url) as origin,
        ExitStack() as stack,
    ):
        edge = stack.enter_context(running("edge", tmp_path, broker.url))
        beside, viewer = (stack.enter_context(watching(program.url)) for program in (origin, edge))
        viewer.take(20)
        broker.kill()
        edge.err.wait_for("(?i)lost|closed|refused")
        time.sleep(AWAY_S)  # it is away for so long: nothing is waited for
        broker.start()
        last = viewer.seen[-1].sequence if viewer.seen[-1].topic == "frame" else frame(viewer).sequence
        viewer.until(lambda envelope: envelope.topic == "frame" and envelope.sequence > last + 60)
        assert viewer.is_rising
        assert missing(viewer) > 30
        # Counted where they were dropped; what the broker had taken died with it, and is a gap alone.
        assert relay_of(origin)["queue"]["dropped"]["items"] > 30
        assert relay_of(origin)["figures"]["reconnects_total"] == 1
        beside.take(300)
        assert beside.is_gap_free
        late = stack.enter_context(running("edge", tmp_path, broker.url))
        until(lambda: relay_of(origin)["queue"]["waiting"]["items"] == 0)
        assert {envelope.topic for envelope in stack.enter_context(watching(late.url)).take(4)} == TOPICS


def test_an_origin_that_is_killed_comes_back_to_the_same_viewers(tmp_path: Path) -> None:
    """They stay at their edges; to them the numbers go on, though the new run begins with 1."""
    with NatsServer(tmp_path) as broker, ExitStack() as stack:
        with running("origin", tmp_path, broker.url) as origin:
            edge = stack.enter_context(running("edge", tmp_path, broker.url))
            viewer = stack.enter_context(watching(edge.url))
            viewer.take(60)
            origin.signal(signal.SIGKILL)
            origin.end()
        last = viewer.topics()["frame"][-1]
        with running("origin", tmp_path, broker.url):
            viewer.until(lambda envelope: envelope.topic == "frame" and envelope.sequence > last + 40)
            assert viewer.is_rising


def test_a_frozen_subscriber_does_not_slow_the_stream(tmp_path: Path) -> None:
    """The broker cuts it off; until then and afterwards an edge misses nothing."""
    with NatsServer(tmp_path, "max_pending: 4MB") as broker, ExitStack() as stack:
        fast = ("--set", "sources.demo.fps=120")
        origin = stack.enter_context(running("origin", tmp_path, broker.url, *fast))
        edge = stack.enter_context(running("edge", tmp_path, broker.url))
        viewer = stack.enter_context(watching(edge.url))
        viewer.take(20)
        lost = relay_of(origin)["queue"]["dropped"]["items"]  # before it was connected
        frozen = stack.enter_context(socket.socket())
        frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        frozen.connect(("127.0.0.1", broker.port))
        frozen.sendall(b'CONNECT {"verbose":false}\r\nSUB > 1\r\nPING\r\n')
        broker.wait_for_log("Slow Consumer")
        viewer.take(200)
        assert viewer.is_gap_free
        assert relay_of(origin)["queue"]["dropped"]["items"] == lost


def test_what_is_too_large_for_the_broker_is_said_once_and_the_rest_flows(tmp_path: Path) -> None:
    """The log names the setting; each envelope is counted, and is a gap in the sequence numbers."""
    with (
        NatsServer(tmp_path, "max_payload: 4096") as broker,
        running("origin", tmp_path, broker.url) as origin,
    ):
        with running("edge", tmp_path, broker.url) as edge, watching(edge.url) as viewer:
            viewer.take(60)
            assert "frame" not in viewer.topics()
            assert viewer.is_gap_free
        origin.err.wait_for("raise max_payload")
        assert relay_of(origin)["figures"]["oversized_total"] > 20
        assert origin.interrupt() == 0
        assert origin.err.text().count("raise max_payload") == 1


@pytest.mark.parametrize("profile", ["origin", "edge"])
def test_without_a_broker_everything_else_goes_on(tmp_path: Path, profile: str) -> None:
    """It is waited for, and said once."""
    with running(profile, tmp_path, "nats://127.0.0.1:9") as program:
        program.err.wait_for(r"nats://127\.0\.0\.1:9")
        if profile == "origin":
            with watching(program.url) as viewer:
                viewer.take(60)
                assert viewer.is_gap_free
        assert program.interrupt() == 0
        assert program.err.text().count("127.0.0.1:9") <= 2
