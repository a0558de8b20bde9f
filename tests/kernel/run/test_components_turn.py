"""A sink component whose sink is told to end, for a successor or for good."""

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.ports import Batches, Sink
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.components import SinkComponent
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Amount
from beats.kernel.testing import envelope
from beats.kernel.waiter import Waiter
from tests.kernel.run.sinks_support import ShieldedSink
from tests.kernel.support import (
    FRAME,
    CallingSink,
    CollectingSink,
    assert_balanced,
    dropped,
    everyone_waits,
    publisher_on,
)

pytestmark = pytest.mark.anyio


def component_of(sink: Sink, bus: Bus, bounds: QueueBounds | None = None) -> SinkComponent:
    return SinkComponent(
        "tape", sink, SinkQueue("tape", bounds, keep_losses=True), publisher_on(bus), Backoff()
    )


def successor_of(
    component: SinkComponent, sink: Sink, bus: Bus, bounds: QueueBounds | None = None
) -> SinkComponent:
    return SinkComponent(
        "tape",
        sink,
        component.queue,
        publisher_on(bus),
        Backoff(),
        component.connections,
        bounds=None if bounds is None else (bounds),
    )


async def test_a_sink_that_returns_when_it_is_told_to_hand_over_has_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its queue is open, and that is as it should be."""
    component = component_of(CollectingSink(), Bus())
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        await everyone_waits()
        component.hand_over()
    assert (component.stats().state, component.stats().last_error, caplog.records) == ("ended", "", [])
    assert not component.queue.closed


async def test_a_part_stays_on_the_bus_when_it_hands_over() -> None:
    """Its place is its successor's, so that nothing is missed between the two."""
    bus = Bus()
    component, new = component_of(CollectingSink(), bus), CollectingSink()
    component.hand_over()
    await component.supervisor.supervise()
    publisher_on(bus).publish(FRAME)
    successor = successor_of(component, new, bus)
    successor.close()
    await successor.supervisor.supervise()
    assert len(new.received) == 1


async def test_a_successors_bounds_hold_once_it_has_opened() -> None:
    """With its first question for a batch, and not again after that."""
    bus = Bus()
    component = component_of(CollectingSink(), bus)
    publisher = publisher_on(bus)
    for _ in range(5):
        publisher.publish(FRAME)
    new = CollectingSink()
    successor = successor_of(component, new, bus, QueueBounds(size=2))
    assert component.queue.stats().waiting.items == 5
    async with anyio.create_task_group() as group:
        group.start_soon(successor.supervisor.supervise)
        await everyone_waits()
        assert [item.sequence for item in new.received] == [4, 5]
        wider = QueueBounds(size=7)
        component.queue.rebound(wider)
        publisher.publish(FRAME)
        await everyone_waits()
        assert component.queue.bounds == wider
        successor.close()


async def test_what_a_predecessor_loses_is_told_to_its_successor() -> None:
    """A recording that goes on can say what the one before it lacks."""

    async def fail(queue: Batches) -> None:
        await queue.take()
        raise OSError("the disk is full")

    bus = Bus()
    component = component_of(CallingSink(fail), bus)
    publisher_on(bus).publish(FRAME)
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        await everyone_waits()
        component.hand_over()
    (loss,) = successor_of(component, CollectingSink(), bus).lease.losses()
    assert (loss.reason, loss.items) == ("failed", 1)


async def test_a_part_that_finishes_takes_its_line_in_and_leaves_the_bus() -> None:
    """Who is in line has published; who comes later is not heard."""
    bus, sink = Bus(), CollectingSink()
    component = component_of(sink, bus, QueueBounds(size=1, overflow="block"))
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    answers = bus.send(envelope(2))
    component.finish()
    publisher.publish(FRAME)
    await component.supervisor.supervise()
    (waiter,) = answers
    assert isinstance(waiter, Waiter)
    assert await waiter.wait_async() is None
    assert len(sink.received) == 2
    assert component.queue.stats().offered.items == 2
    assert_balanced(component.queue.stats())


async def test_a_sink_that_is_abandoned_has_lost_what_it_holds_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At once, and not again when it ends at last; then it is not said to have failed, either."""
    bus, sink = Bus(), ShieldedSink()
    component = component_of(sink, bus)
    publisher_on(bus).publish(FRAME)
    async with anyio.create_task_group() as group:
        group.start_soon(component.supervisor.supervise)
        await everyone_waits()
        component.supervisor.cancel()
        await everyone_waits()
        component.abandon()
        assert dropped(component.queue.stats()) == {("shutdown", "frame"): 1}
        sink.allowed.set()
    stats = component.queue.stats()
    assert dropped(stats) == {("shutdown", "frame"): 1}
    assert (stats.taken, stats.waiting) == (Amount(), Amount())
    assert "failed" not in caplog.text
