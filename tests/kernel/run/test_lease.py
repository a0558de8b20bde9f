"""A sink's access to its queue."""

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.lease import Lease
from beats.kernel.stats import Amount
from beats.kernel.testing import envelope
from tests.kernel.support import assert_balanced, everyone_waits, publisher_on

pytestmark = pytest.mark.anyio


def queue_of(*numbers: int) -> SinkQueue:
    queue = SinkQueue("recorder", keep_losses=True)
    offer(queue, *numbers)
    return queue


def offer(queue: SinkQueue, *numbers: int) -> None:
    for number in numbers:
        queue.offer(envelope(number))


def sequences(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


def lease_of(queue: SinkQueue) -> Lease:
    return Lease(queue, publisher_on(Bus()), lambda: None)


async def test_each_take_is_announced() -> None:
    """The first `take` says that the sink is open, before it gets anything."""
    queue, asked = queue_of(1), list[int]()
    lease = Lease(queue, publisher_on(Bus()), lambda: asked.append(queue.stats().taken.items))
    await lease.take()
    with anyio.move_on_after(1.0):
        await lease.take()
    assert asked == [0, 1]


async def test_batches_come_until_the_queue_is_closed_and_drained() -> None:
    """Without `end`, a lease behaves like the queue itself."""
    queue = queue_of(1, 2, 3)
    lease = lease_of(queue)
    assert sequences(await lease.take(1)) == [1]
    queue.close()
    assert [sequences(batch) async for batch in lease] == [[2, 3]]


async def test_iteration_ends_with_the_lease_although_envelopes_wait() -> None:
    """What waits, and what comes, goes to the successor, in order."""
    queue = queue_of(1, 2)
    lease, successor = lease_of(queue), lease_of(queue)
    lease.end()
    offer(queue, 3)
    assert [batch async for batch in lease] == []
    assert queue.stats().taken == Amount()
    assert sequences(await successor.take()) == [1, 2, 3]
    assert_balanced(queue.stats())


async def test_the_end_wakes_a_sink_that_sleeps() -> None:
    """Its `take` returns nothing; what comes in the same instant goes to the successor."""
    queue = SinkQueue("recorder")
    lease, successor, batches = lease_of(queue), lease_of(queue), list[list[int]]()

    async def take() -> None:
        batches.append(sequences(await lease.take()))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await everyone_waits()
        offer(queue, 1)
        lease.end()
    assert batches == [[]]
    assert sequences(await successor.take()) == [1]


async def test_a_take_that_runs_when_the_lease_ends_takes_nothing() -> None:
    """Also when the successor takes first."""
    queue = queue_of(1)
    lease, batches = lease_of(queue), list[list[int]]()

    async def take() -> None:
        batches.append(sequences(await lease.take()))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        group.start_soon(anyio.lowlevel.checkpoint)
        lease.end()
        batches.append(sequences(await lease_of(queue).take()))
    assert sorted(batches) == [[], [1]]


async def test_a_batch_is_delivered_when_the_next_is_asked_for_after_the_end() -> None:
    """It is no loss when the sink ends."""
    queue = queue_of(1)
    lease = lease_of(queue)
    await lease.take()
    lease.end()
    assert await lease.take() == []
    assert lease.lose_in_hand("shutdown") == Amount()
    assert queue.stats().taken == Amount(1, 1)


async def test_what_is_given_back_after_the_end_is_the_successors() -> None:
    """It comes first, since it was published first."""
    queue = queue_of(1)
    lease = lease_of(queue)
    batch = await lease.take()
    lease.end()
    offer(queue, 2)
    lease.give_back(batch)
    assert sequences(await lease_of(queue).take()) == [1, 2]


async def test_a_lease_that_is_over_does_not_block_the_loop() -> None:
    """Even if the sink asks again and again."""
    lease, ran = lease_of(SinkQueue("recorder")), list[int]()
    lease.end()

    async def other() -> None:
        ran.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        for _ in range(100):
            await lease.take()
        assert ran == [1]


async def test_an_abandoned_sink_does_not_affect_its_successor() -> None:
    """It gets nothing, gives nothing back, and what the successor holds is not lost."""
    queue = queue_of(1)
    lease, successor = lease_of(queue), lease_of(queue)
    held = await lease.take()
    lease.end()
    assert lease.lose_in_hand("shutdown") == Amount(1, 1)
    lease.cut = True
    offer(queue, 2, 3)
    assert sequences(await successor.take(1)) == [2]
    lease.give_back(held)
    assert lease.losses() == ()
    assert await lease.take() == []
    assert lease.lose_in_hand("shutdown") == Amount()
    assert [loss.reason for loss in successor.losses()] == ["shutdown"]
    assert sequences(await successor.take()) == [3]
    stats = queue.stats()
    assert (stats.taken.items, stats.dropped.items) == (2, 1)
    assert_balanced(stats)
