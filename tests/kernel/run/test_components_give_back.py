"""A sink that fails gives back what it could not deliver, or learns later what it lost."""

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Sink
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.components import SinkComponent
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Amount, Loss
from tests.kernel.support import FRAME, CallingSink, dropped, everyone_waits, knob, publisher_on

pytestmark = pytest.mark.anyio


def recorder(sink: Sink, bus: Bus) -> SinkComponent:
    return SinkComponent(
        "recorder", sink, SinkQueue("recorder", keep_losses=True), publisher_on(bus), Backoff()
    )


async def test_what_a_sink_gave_back_before_it_failed_comes_first_after_its_restart() -> None:
    """The second attempt gets the same envelopes and then what came meanwhile; nothing counts as lost."""
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
    component = recorder(sink, bus)
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


async def test_what_a_sink_gave_back_at_the_end_is_a_loss_of_the_shutdown() -> None:
    """Nobody takes it again, so at release it is counted as all that still waits."""

    async def give_back(queue: Batches) -> None:
        queue.give_back(await queue.take())
        raise OSError("the disk is full")

    bus = Bus()
    component = recorder(CallingSink(give_back), bus)
    publisher_on(bus).publish(FRAME)
    component.close()
    await component.supervisor.supervise()
    component.release()
    assert dropped(component.stats().queue) == {("shutdown", "frame"): 1}


async def test_a_sink_learns_after_its_restart_what_the_attempt_before_lost() -> None:
    """The batch that it held when it failed is a loss that the next attempt can write down."""
    losses: list[Loss] = []

    async def fail_once(queue: Batches) -> None:
        losses.extend(queue.losses())
        await queue.take()
        raise OSError("the disk is full")

    bus = Bus()
    component = recorder(CallingSink(fail_once), bus)
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
