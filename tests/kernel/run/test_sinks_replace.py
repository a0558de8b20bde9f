"""Sinks that are replaced while the kernel runs."""

import functools

import anyio
import pytest
from anyio.lowlevel import checkpoint

from beats.kernel.envelope import Envelope, Frame, Message
from beats.kernel.errors import QueueFull, StartError
from beats.kernel.ports import Batches
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Amount
from beats.kernel.testing import PlainCodec
from tests.kernel.run.sinks_support import (
    WIDE,
    ShieldedSink,
    cannot_start,
    fail,
    hang,
    new_kernel,
    numbers,
    publish,
    queue_stats,
    receivers,
    slow,
)
from tests.kernel.support import (
    FRAME,
    JOIN_TIMEOUT_S,
    CallingSink,
    CollectingSink,
    by_topic,
    dropped,
    everyone_waits,
    knob,
    running,
    sink_stats,
    threads,
)

pytestmark = pytest.mark.anyio
HAND_OVER = pytest.mark.parametrize("hand_over", [True, False])
BLOCK = QueueBounds(size=4, overflow="block", block_timeout_s=JOIN_TIMEOUT_S)


async def test_a_successor_gets_what_waits_and_what_comes_meanwhile() -> None:
    """The predecessor finishes the batch that it holds, and takes nothing more."""
    seen: list[Envelope] = []
    kernel, new = new_kernel(tape=CallingSink(slow(seen))), CollectingSink()
    async with running(kernel), anyio.create_task_group() as group:
        publish(kernel, *range(5))
        await everyone_waits()
        group.start_soon(functools.partial(kernel.replace_sink, "tape", new, WIDE, hand_over=True))
        await everyone_waits()
        publish(kernel, 5, 6)
    assert (numbers(seen), numbers(new.received)) == ([0, 1], [2, 3, 4, 5, 6])
    stats = queue_stats(kernel, "tape")
    assert (stats.offered.items, stats.taken.items, stats.dropped) == (7, 7, Amount())
    assert kernel.sinks == {"tape": new}


async def test_a_predecessor_without_a_batch_ends_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """It is woken; the successor has no failures, and nothing is logged."""
    old, new = CollectingSink(), CollectingSink()
    kernel = new_kernel(tape=old, other=CollectingSink())
    async with running(kernel):
        await everyone_waits()
        await kernel.replace_sink("tape", new, WIDE, hand_over=True)
        assert anyio.current_time() < 1.0
        assert old.closed
        assert list(kernel.sinks) == ["tape", "other"]
        stats = sink_stats(kernel, "tape")
        assert (stats.state, stats.restarts, stats.last_error, caplog.text) == ("running", 0, "", "")


async def test_the_bounds_change_once_the_successor_has_opened() -> None:
    """Until then nothing is dropped, since the predecessor may have to go on; later bounds replace them."""
    kernel = new_kernel(tape=CallingSink(slow([])))
    new = CollectingSink()

    async def open_slowly(queue: Batches) -> None:
        assert queue_stats(kernel, "tape").dropped.items == 0
        await anyio.sleep(1.0)
        assert queue_stats(kernel, "tape").dropped.items == 0
        await new.run(queue)

    async with running(kernel):
        publish(kernel, *range(10))
        await everyone_waits()
        narrow = QueueBounds(size=3)
        await kernel.replace_sink("tape", CallingSink(open_slowly), narrow, hand_over=True)
        await everyone_waits()
        assert numbers(new.received) == [7, 8, 9]
        kernel.rebound_sink("tape", WIDE)
        for _ in range(2):
            publish(kernel, *range(10))
            await everyone_waits()
    assert dropped(queue_stats(kernel, "tape")) == {("drop_oldest", "frame"): 5}


async def test_each_gets_its_side_of_the_cut() -> None:
    """The predecessor delivers what came before the call, the successor gets what came after."""
    seen: list[Envelope] = []
    kernel, new = new_kernel(tape=CallingSink(slow(seen))), CollectingSink()
    async with running(kernel), anyio.create_task_group() as group:
        publish(kernel, *range(5))
        group.start_soon(functools.partial(kernel.replace_sink, "tape", new, WIDE, hand_over=False))
        await everyone_waits()
        publish(kernel, 5, 6)
        assert new.received == []
    assert (numbers(seen), numbers(new.received)) == ([0, 1, 2, 3, 4], [5, 6])
    assert queue_stats(kernel, "tape").taken == Amount(2, 2)


async def test_producers_in_line_are_before_the_cut() -> None:
    """They have published before it, so the predecessor delivers their envelopes."""
    seen: list[Envelope] = []
    kernel, new = new_kernel(), CollectingSink()
    kernel.add_sink("tape", CallingSink(slow(seen)), QueueBounds(size=2, overflow="block"))
    async with running(kernel), anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(kernel.publisher.publish_async, Frame(b"%d" % number))
        await everyone_waits()
        await kernel.replace_sink("tape", new, WIDE, hand_over=False)
        publish(kernel, 6)
    assert sorted(numbers(seen)) == [0, 1, 2, 3, 4, 5]
    assert numbers(new.received) == [6]


async def test_a_full_queue_refuses_plain_calls_in_the_loop_at_once_before_its_sink_runs() -> None:
    """Waiting on the loop's own thread would be a deadlock."""
    kernel = new_kernel(tape=CallingSink(slow([])))
    narrow = QueueBounds(size=1, overflow="block", block_timeout_s=0.2)
    async with running(kernel), anyio.create_task_group() as group:
        publish(kernel, 1)
        await everyone_waits()
        group.start_soon(
            functools.partial(kernel.replace_sink, "tape", CollectingSink(), narrow, hand_over=False)
        )
        await everyone_waits()
        publish(kernel, 2)
        with pytest.raises(QueueFull, match="event loop's own thread"):
            publish(kernel, 3)


@HAND_OVER
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_is_lost_or_doubled_under_publishing_threads(backend: str, hand_over: bool) -> None:
    """Old and new sinks together get every envelope of both topics once, in order."""
    rounds = 1500
    sinks = [CollectingSink() for _ in range(6)]
    kernel = Kernel(PlainCodec())
    kernel.add_sink("tape", sinks[0], BLOCK)

    def produce(message: Message) -> None:
        for _ in range(rounds):
            kernel.publisher.publish(message)

    async def main() -> None:
        async with running(kernel):
            with threads(*[functools.partial(produce, message) for message in (FRAME, knob())]):
                for sink in sinks[1:]:
                    await kernel.replace_sink("tape", sink, BLOCK, hand_over=hand_over)
                    while len(sink.received) < 100:
                        await checkpoint()
                while kernel.publisher.published < 2 * rounds:
                    await checkpoint()
                while queue_stats(kernel, "tape").waiting.items:
                    await checkpoint()

    anyio.run(main, backend=backend)
    seen = [item for sink in sinks for item in sink.received]
    every = list(range(1, rounds + 1))
    assert by_topic(seen) == {"frame": every, "peripheral/knob": every}
    stats = queue_stats(kernel, "tape")
    assert stats.taken.items == (2 * rounds if hand_over else len(sinks[-1].received))
    assert stats.dropped == Amount()


@HAND_OVER
async def test_when_the_successor_cannot_start_the_predecessor_goes_on(hand_over: bool) -> None:
    """It gets all that waited, with the old bounds; the error says why."""
    old = CollectingSink()
    kernel = new_kernel(tape=old)
    async with running(kernel), anyio.create_task_group() as group:
        publish(kernel, 1)
        group.start_soon(_publish_later, kernel)
        bounds = QueueBounds(size=3, overflow="drop_newest") if hand_over else QueueBounds(size=20)
        with pytest.raises(StartError, match="'tape' could not start: OSError: port 8765"):
            await kernel.replace_sink("tape", CallingSink(cannot_start), bounds, hand_over=hand_over)
        assert kernel.sinks == {"tape": old}
        assert sink_stats(kernel, "tape").state == "running"
        await everyone_waits()
        assert numbers(old.received) == list(range(1, 11))
        publish(kernel, *range(11, 511))
        assert queue_stats(kernel, "tape").dropped == Amount()
    assert len(old.received) == 510


async def _publish_later(kernel: Kernel) -> None:
    await anyio.sleep(1.0)
    publish(kernel, *range(2, 11))


async def test_a_predecessor_that_hangs_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """After `shutdown_timeout_s`; what it held is counted once, and the successor gets the rest."""
    kernel, new = new_kernel(tape=CallingSink(hang)), CollectingSink()
    async with running(kernel):
        publish(kernel, 1, 2)
        await everyone_waits()
        publish(kernel, 3)
        await kernel.replace_sink("tape", new, WIDE, hand_over=True)
        assert anyio.current_time() == pytest.approx(5.0, abs=0.01)
    assert numbers(new.received) == [3]
    assert dropped(queue_stats(kernel, "tape")) == {("shutdown", "frame"): 2}
    assert [record.getMessage() for record in caplog.records] == [
        "sink 'tape': 2 envelopes (2 bytes) that it had taken were not delivered and are lost"
    ]


@HAND_OVER
async def test_a_predecessor_that_cannot_be_cancelled_is_abandoned(hand_over: bool) -> None:
    """The replacement goes on a second later; the predecessor cannot affect the queue any more."""
    old, new = ShieldedSink(), CollectingSink()
    kernel = new_kernel(tape=old)
    async with running(kernel):
        publish(kernel, 1)
        await everyone_waits()
        await kernel.replace_sink("tape", new, WIDE, hand_over=hand_over)
        assert anyio.current_time() == pytest.approx(6.0, abs=0.01)
        publish(kernel, 2)
        old.allowed.set()
        await everyone_waits()
        publish(kernel, 3)
    assert (old.afterwards, numbers(new.received)) == ([], [2, 3])
    stats = queue_stats(kernel, "tape")
    assert dropped(stats) == ({("shutdown", "frame"): 1} if hand_over else {})
    assert stats.taken.items == 2


async def test_a_sink_is_not_run_twice_at_once() -> None:
    """A predecessor that cannot be cancelled runs again only once it has ended."""
    old = ShieldedSink()
    kernel = new_kernel(tape=old)
    async with running(kernel):
        publish(kernel, 1)
        await everyone_waits()
        publish(kernel, 2)
        with pytest.raises(StartError):
            await kernel.replace_sink("tape", CallingSink(cannot_start), WIDE, hand_over=True)
        assert len(old.attempts_s) == 1
        old.allowed.set()
        await everyone_waits()
        assert len(old.attempts_s) == 2
    assert numbers(old.afterwards) == []


@HAND_OVER
async def test_a_sink_in_back_off_is_replaced_at_once(hand_over: bool) -> None:
    """Without waiting for the end of its pause."""
    kernel, new = new_kernel(tape=CallingSink(fail)), CollectingSink()
    async with running(kernel):
        publish(kernel, 1, 2)
        await everyone_waits()
        await kernel.replace_sink("tape", new, WIDE, hand_over=hand_over)
        assert anyio.current_time() < 1.0
        publish(kernel, 3)
    assert numbers(new.received) == ([2, 3] if hand_over else [3])


@HAND_OVER
async def test_a_replacement_that_is_cancelled_leaves_the_predecessor(hand_over: bool) -> None:
    """Whether the predecessor is ending or the successor is opening; nothing is lost or left open."""
    seen: list[Envelope] = []
    kernel = new_kernel(tape=CallingSink(slow(seen)))
    async with running(kernel):
        for number, patience_s in enumerate((0.1, 2.5)):
            publish(kernel, 3 * number, 3 * number + 1, 3 * number + 2)
            await everyone_waits()
            with anyio.move_on_after(patience_s):
                await kernel.replace_sink("tape", CallingSink(cannot_start), WIDE, hand_over=hand_over)
            await anyio.sleep(5.0)
            assert sink_stats(kernel, "tape").state == "running"
            assert receivers(kernel.bus) == 3
    assert numbers(seen) == [0, 1, 2, 3, 4, 5]


async def test_changes_of_one_sink_come_one_after_the_other() -> None:
    """The second starts when the first has finished."""
    kernel, sinks = new_kernel(tape=CallingSink(slow([]))), [CollectingSink() for _ in range(2)]
    async with running(kernel):
        publish(kernel, 1, 2, 3)
        await everyone_waits()
        async with anyio.create_task_group() as group:
            for sink in sinks:
                group.start_soon(functools.partial(kernel.replace_sink, "tape", sink, WIDE, hand_over=True))
                await everyone_waits()
        publish(kernel, 4)
    assert sorted(numbers(sinks[0].received + sinks[1].received)) == [3, 4]
    assert numbers(sinks[1].received)[-1] == 4
    assert kernel.sinks == {"tape": sinks[1]}
