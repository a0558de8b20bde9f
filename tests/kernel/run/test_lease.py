"""A sink's turn at its queue."""

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


def turn_at(queue: SinkQueue) -> Lease:
    return Lease(queue, publisher_on(Bus()), lambda: None)


async def test_each_take_is_announced() -> None:
    """By asking, a sink says that what it needs is open; it does so before it gets anything."""
    queue, asked = queue_of(1), list[int]()
    lease = Lease(queue, publisher_on(Bus()), lambda: asked.append(queue.stats().taken.items))
    await lease.take()
    with anyio.move_on_after(1.0):
        await lease.take()
    assert asked == [0, 1]


async def test_batches_come_until_the_queue_is_closed_and_drained() -> None:
    """A turn that nobody ends is the queue itself."""
    queue = queue_of(1, 2, 3)
    lease = turn_at(queue)
    assert sequences(await lease.take(1)) == [1]
    queue.close()
    assert [sequences(batch) async for batch in lease] == [[2, 3]]


async def test_iteration_ends_with_the_turn_though_envelopes_wait() -> None:
    """Nothing more is taken; what waits, and what comes, is for the successor, in order."""
    queue = queue_of(1, 2)
    lease, successor = turn_at(queue), turn_at(queue)
    lease.end()
    offer(queue, 3)
    assert [batch async for batch in lease] == []
    assert queue.stats().taken == Amount()
    assert sequences(await successor.take()) == [1, 2, 3]
    assert_balanced(queue.stats())


async def test_the_end_wakes_a_sink_that_sleeps() -> None:
    """Its take comes back with nothing, and what comes in the same instant is the successor's."""
    queue = SinkQueue("recorder")
    lease, successor, batches = turn_at(queue), turn_at(queue), list[list[int]]()

    async def take() -> None:
        batches.append(sequences(await lease.take()))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await everyone_waits()
        offer(queue, 1)
        lease.end()
    assert batches == [[]]
    assert sequences(await successor.take()) == [1]


async def test_a_take_on_its_way_when_the_turn_ends_takes_nothing() -> None:
    """Also when the successor's turn has begun before it goes on."""
    queue = queue_of(1)
    lease, batches = turn_at(queue), list[list[int]]()

    async def take() -> None:
        batches.append(sequences(await lease.take()))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        group.start_soon(anyio.lowlevel.checkpoint)
        lease.end()
        batches.append(sequences(await turn_at(queue).take()))
    assert sorted(batches) == [[], [1]]


async def test_a_batch_is_delivered_when_the_next_is_asked_for_after_the_end() -> None:
    """The sink finished what it held, so that is no loss when it ends."""
    queue = queue_of(1)
    lease = turn_at(queue)
    await lease.take()
    lease.end()
    assert await lease.take() == []
    assert lease.lose_in_hand("shutdown") == Amount()
    assert queue.stats().taken == Amount(1, 1)


async def test_what_is_given_back_after_the_end_is_the_successors() -> None:
    """It comes first, as it was published first."""
    queue = queue_of(1)
    lease = turn_at(queue)
    batch = await lease.take()
    lease.end()
    offer(queue, 2)
    lease.give_back(batch)
    assert sequences(await turn_at(queue).take()) == [1, 2]


async def test_a_turn_that_is_over_does_not_keep_others_from_running() -> None:
    """A sink that asks over and over, whatever it is told, lets the loop go on."""
    lease, ran = turn_at(SinkQueue("recorder")), list[int]()
    lease.end()

    async def other() -> None:
        ran.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        for _ in range(100):
            await lease.take()
        assert ran == [1]


async def test_a_sink_that_was_cut_off_does_not_reach_into_its_successors_turn() -> None:
    """Whatever it does: it gets nothing, gives nothing back, and what the successor holds is not lost."""
    queue = queue_of(1)
    lease, successor = turn_at(queue), turn_at(queue)
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
