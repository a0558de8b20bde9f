from collections.abc import Mapping
from dataclasses import replace

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope, Sealed
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Batches, Publish, Sink
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.components import SinkComponent, SourceComponent
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Amount, ClientStats, ClientTotals, Loss, Playback, SourceStats
from beats.kernel.testing import envelope
from tests.kernel.support import (
    FRAME,
    NO_CLIENTS,
    CallingSink,
    CallingSource,
    CollectingSink,
    everyone_waits,
    knob,
    publisher_on,
    threads,
)

pytestmark = pytest.mark.anyio


class ViewedSink(CollectingSink):
    totals = replace(NO_CLIENTS, connected=1, delivered=Amount(3, 30))

    def __init__(self, queue: SinkQueue) -> None:
        super().__init__()
        self._queue = queue

    def clients(self) -> tuple[ClientStats, ...]:
        return (ClientStats(1, "host:1", 0, False, self._queue.stats()),)

    def client_totals(self) -> ClientTotals:
        return self.totals


def sink_component(sink: Sink, bus: Bus, bounds: QueueBounds | None = None) -> SinkComponent:
    return SinkComponent(
        "recorder", sink, SinkQueue("recorder", bounds, keep_losses=True), publisher_on(bus), Backoff()
    )


async def test_a_sink_that_returns_while_its_queue_is_open_has_failed() -> None:
    """A sink must not end before its queue does."""

    async def take_once(queue: Batches) -> None:
        await queue.take()

    bus = Bus()
    sink = CallingSink(take_once)
    component = sink_component(sink, bus)
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        await everyone_waits()
        assert component.stats().state == "failed"
        assert "returned while its queue was open" in component.stats().last_error
        await anyio.sleep(1.0)
        group.cancel_scope.cancel()
    assert sink.attempts_s == pytest.approx([0.0, 0.5])


async def test_what_a_sink_gave_back_before_it_failed_comes_first_after_its_restart() -> None:
    """The second attempt gets the same envelopes, then what came meanwhile; nothing is lost."""
    received: list[Envelope] = []
    losses: list[Loss] = []

    async def fail_once(queue: Batches) -> None:
        async for batch in queue:
            if len(sink.attempts_s) == 1:
                queue.give_back(batch[1:])
                received.extend(batch[:1])
                raise OSError("the disk is full")
            received.extend(batch)
            losses.extend(queue.losses())

    bus, sink = Bus(), CallingSink(fail_once)
    component = sink_component(sink, bus)
    publisher = publisher_on(bus)
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        for message in (FRAME, knob(), FRAME):
            publisher.publish(message)
        await everyone_waits()
        assert component.stats().state == "failed"
        assert (component.stats().queue.taken.items, component.stats().queue.waiting.items) == (1, 2)
        publisher.publish(knob())
        await anyio.sleep(1.0)
        component.close()
    assert [(item.topic, item.sequence) for item in received] == [
        ("frame", 1),
        ("peripheral/knob", 1),
        ("frame", 2),
        ("peripheral/knob", 2),
    ]
    stats = component.stats().queue
    assert (stats.taken.items, stats.dropped, stats.waiting) == (4, Amount(), Amount())
    assert losses == []


async def test_a_sink_learns_after_its_restart_what_the_attempt_before_lost() -> None:
    """The next attempt can record the loss of the batch that was held at the failure."""
    losses: list[Loss] = []

    async def fail_once(queue: Batches) -> None:
        losses.extend(queue.losses())
        await queue.take()
        raise OSError("the disk is full")

    bus = Bus()
    component = sink_component(CallingSink(fail_once), bus)
    publisher = publisher_on(bus)
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        publisher.publish(FRAME)
        publisher.publish(FRAME)
        await anyio.sleep(1.0)
        group.cancel_scope.cancel()
    (loss,) = losses
    assert (loss.reason, loss.topic, loss.items) == ("failed", "frame", 2)
    assert (loss.first_sequence, loss.last_sequence) == (1, 2)


async def test_the_stats_of_a_sink_with_viewers_include_them() -> None:
    """Clients and totals come from the sink itself."""
    sink = ViewedSink(SinkQueue("client"))
    stats = sink_component(sink, Bus()).stats()
    assert stats.client_totals == ViewedSink.totals
    assert [client.remote for client in stats.clients] == ["host:1"]
    assert sink_component(CollectingSink(), Bus()).stats().client_totals is None


async def test_a_source_publishes_and_its_messages_are_counted() -> None:
    """A source gets sequence numbers from the bus and has its own count; its capture times are kept."""
    sequences, captured = list[int](), list[int]()

    async def run(publish: Publish) -> None:
        sequences.append(await publish(FRAME, captured_unix_ns=5))
        sequences.append(publish.from_thread(FRAME, captured_unix_ns=6))
        sequences.append(await publish(knob()))

    bus = Bus()
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    bus.connect("frame", lambda item: captured.append(item.captured_unix_ns))
    component = SourceComponent("demo", CallingSource(run), publisher, Backoff())
    await component.supervisor.supervise()
    assert (sequences, captured) == ([2, 3, 1], [5, 6])
    assert component.stats() == SourceStats("demo", "ended", 0, "", 3)
    assert publisher.published == 4


@pytest.mark.parametrize("forwards", [False, True])
async def test_a_source_runs_from_its_first_message_on(forwards: bool) -> None:
    """Before it, the source may still be opening its input."""

    async def run(publish: Publish) -> None:
        await anyio.sleep(1.0)
        await (publish.forward(Sealed(FRAME, 5, 7, b"sealed")) if forwards else publish(FRAME))
        await anyio.sleep(1.0)

    component = SourceComponent("demo", CallingSource(run), publisher_on(Bus()), Backoff())
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        await anyio.sleep(0.5)
        assert component.stats().state == "starting"
        await anyio.sleep(1.0)
        assert component.stats().state == "running"


async def test_what_a_full_queue_refused_counts_as_published() -> None:
    """The other sinks have it; the source's count equals the bus's."""
    bus = Bus()
    bus.connect("frame", SinkQueue("strict", QueueBounds(size=1, overflow="error")).offer)

    async def run(publish: Publish) -> None:
        await publish(FRAME)
        with pytest.raises(QueueFull):
            await publish(FRAME)
        with pytest.raises(QueueFull):
            publish.from_thread(FRAME)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await publish(knob())

    publisher = publisher_on(bus)
    component = SourceComponent("demo", CallingSource(run), publisher, Backoff())
    await component.supervisor.supervise()
    assert component.stats().published == publisher.published == 4


async def test_a_source_with_several_threads_is_counted_exactly() -> None:
    """No message is missing from the count when threads publish at the same time."""
    rounds, producers = 2000, 4

    async def run(publish: Publish) -> None:
        def produce() -> None:
            for _ in range(rounds):
                publish.from_thread(FRAME)

        with threads(*[produce] * producers):
            pass

    component = SourceComponent("demo", CallingSource(run), publisher_on(Bus()), Backoff())
    await component.supervisor.supervise()
    assert component.stats().published == rounds * producers


async def test_a_source_forwards_what_was_on_a_bus_before() -> None:
    """It keeps its number, except with `renumber`, and counts as published."""
    bus, received = Bus(), list[Envelope]()
    bus.connect("frame", received.append)

    async def run(publish: Publish) -> None:
        assert await publish.forward(Sealed(FRAME, 5, 7, b"sealed")) == 5
        assert await publish.forward(Sealed(FRAME, 9, 7, b"sealed"), renumber=True) == 6

    component = SourceComponent("replay", CallingSource(run), publisher_on(bus), Backoff())
    await component.supervisor.supervise()
    assert [(item.sequence, item.captured_unix_ns, item.encoded) for item in received] == [
        (5, 7, b"sealed"),
        (6, 7, b"sealed"),
    ]
    assert component.stats().published == 2


class PlayingSource:
    """Plays something."""

    def __init__(self) -> None:
        self.at: Playback | None = None

    async def run(self, publish: Publish) -> None: ...

    def playback(self) -> Playback | None:
        return self.at


async def test_the_stats_of_a_source_that_plays_include_its_position() -> None:
    """None while it is unknown."""
    source = PlayingSource()
    component = SourceComponent("replay", source, publisher_on(Bus()), Backoff())
    assert component.stats().playback is None
    source.at = Playback(1.5, 10.0, 2.0, False, 0)
    assert component.stats().playback == Playback(1.5, 10.0, 2.0, False, 0)


class MeasuringSink(CollectingSink):
    def metrics(self) -> Mapping[str, float]:
        return {"free_bytes": 5.0}


async def test_the_stats_of_a_sink_have_its_own_metrics_and_its_latency() -> None:
    """A latency only once the sink has called `written`."""
    component = SinkComponent("tape", MeasuringSink(), SinkQueue("tape"), publisher_on(Bus()), Backoff())
    assert component.stats().figures == (("free_bytes", 5.0),)
    assert component.stats().latency is None
    component.lease.written([envelope()])
    latency = component.stats().latency
    assert latency is not None
    assert sum(latency.counts) == 1


async def test_the_stats_of_a_source_have_its_own_metrics() -> None:
    """As those of a sink."""

    class MeasuringSource(PlayingSource):
        def metrics(self) -> Mapping[str, float]:
            return {"reconnects_total": 2.0}

    component = SourceComponent("room", MeasuringSource(), publisher_on(Bus()), Backoff())
    assert component.stats().figures == (("reconnects_total", 2.0),)


async def test_a_successor_goes_on_with_the_queue_and_its_counts() -> None:
    """Its latency too: in the counters they are one sink."""
    component = SinkComponent("tape", CollectingSink(), SinkQueue("tape"), publisher_on(Bus()), Backoff())
    component.lease.written([envelope()])
    successor = component.successor(MeasuringSink(), Backoff())
    successor.lease.written([envelope()])
    latency = successor.stats().latency
    assert latency is not None
    assert (sum(latency.counts), successor.queue, successor.name) == (2, component.queue, "tape")


async def test_a_sink_that_cannot_report_its_metrics_has_none(caplog: pytest.LogCaptureFixture) -> None:
    """All other counters are there; the log says so once."""

    class Unable(CollectingSink):
        def metrics(self) -> Mapping[str, float]:
            raise RuntimeError("the gauge is broken")

    component = SinkComponent("tape", Unable(), SinkQueue("tape"), publisher_on(Bus()), Backoff())
    assert [component.stats().figures for _ in range(3)] == [()] * 3
    assert caplog.text.count("cannot report its metrics") == 1
