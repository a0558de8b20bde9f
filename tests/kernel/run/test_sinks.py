"""Sinks that are added, removed and given other bounds while the kernel runs, and changed while it ends."""

import functools
from collections.abc import Awaitable, Callable

import anyio
import pytest

from beats.kernel.envelope import Envelope, Frame
from beats.kernel.errors import StartError
from beats.kernel.ports import Batches
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.components import SinkComponent
from beats.kernel.stats import Amount
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
    CallingSink,
    CollectingSink,
    dropped,
    everyone_waits,
    knob,
    running,
    sink_stats,
)

pytestmark = pytest.mark.anyio
HAND_OVER = pytest.mark.parametrize("hand_over", [True, False])


async def test_an_added_sink_gets_everything_from_the_moment_it_was_added() -> None:
    """Also what comes while it still opens; nothing from before."""
    kernel, old, new, seen = new_kernel(), CollectingSink(), CollectingSink(), list[str]()

    async def open_slowly(queue: Batches) -> None:
        await anyio.sleep(2.0)
        seen.append("open")
        await new.run(queue)

    kernel.add_sink("old", old)
    async with running(kernel):
        publish(kernel, 1)
        async with anyio.create_task_group() as group:
            group.start_soon(functools.partial(kernel.add_sink_now, "new", CallingSink(open_slowly), WIDE))
            await everyone_waits()
            publish(kernel, 2)
        assert seen == ["open"]
        assert anyio.current_time() == pytest.approx(2.0)
        publish(kernel, 3)
    assert (numbers(old.received), numbers(new.received)) == ([1, 2, 3], [2, 3])


async def test_a_sink_that_cannot_start_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    """Not in stats, on the bus or in the log; producers in its line go on."""
    kernel = new_kernel(old=CollectingSink())
    bounds = QueueBounds(size=1, overflow="block", block_timeout_s=100.0)
    async with running(kernel):
        before = receivers(kernel.bus)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(kernel.publisher.publish_async, FRAME)
            with pytest.raises(StartError, match="'new' could not start: OSError: port 8765"):
                await kernel.add_sink_now("new", CallingSink(cannot_start), bounds)
        assert list(kernel.sinks) == ["old"]
        assert receivers(kernel.bus) == before
        assert not caplog.records
        await kernel.add_sink_now("new", CollectingSink(), WIDE)
    assert list(kernel.sinks) == ["old", "new"]


async def test_a_sink_that_is_not_required_is_added_though_it_cannot_start() -> None:
    """It is retried like any sink that failed."""
    kernel, attempts = new_kernel(), list[float]()

    async def refuse(queue: Batches) -> None:
        attempts.append(anyio.current_time())
        raise OSError("port 8765 is in use")

    async with running(kernel):
        await kernel.add_sink_now("new", CallingSink(refuse), WIDE, required=False)
        assert sink_stats(kernel, "new").state == "failed"
        await anyio.sleep(150.0)
    assert attempts == [0.0, 100.0]


async def test_a_name_is_used_once() -> None:
    """The existing sink is not affected."""
    kernel = new_kernel(old=CollectingSink())
    async with running(kernel):
        before = receivers(kernel.bus)
        with pytest.raises(ValueError, match="'old'"):
            await kernel.add_sink_now("old", CollectingSink(), WIDE)
        assert receivers(kernel.bus) == before


async def test_a_sink_whose_adding_is_cancelled_is_not_added() -> None:
    """Everything is as before."""
    kernel = new_kernel()
    async with running(kernel):
        with anyio.move_on_after(1.0):
            await kernel.add_sink_now("new", CallingSink(cannot_start), WIDE)
        assert (list(kernel.sinks), receivers(kernel.bus)) == ([], 0)


async def test_a_removed_sink_delivers_what_was_published_before() -> None:
    """Including what producers in line wait with; later envelopes go only to the others."""
    seen: list[Envelope] = []
    kernel, other = new_kernel(), CollectingSink()
    kernel.add_sink("tape", CallingSink(slow(seen)), QueueBounds(size=2, overflow="block"))
    kernel.add_sink("other", other)
    async with running(kernel), anyio.create_task_group() as group:
        for number in range(1, 7):
            group.start_soon(kernel.publisher.publish_async, Frame(b"%d" % number))
        await everyone_waits()
        group.start_soon(kernel.remove_sink, "tape")
        await everyone_waits()
        publish(kernel, 7)
    assert sorted(numbers(seen)) == [1, 2, 3, 4, 5, 6]
    assert sorted(numbers(other.received)) == [1, 2, 3, 4, 5, 6, 7]
    assert list(kernel.sinks) == ["other"]


async def test_what_a_removed_sink_cannot_deliver_in_time_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is cancelled; what it held and what still waited is lost and logged."""
    kernel = new_kernel(tape=CallingSink(slow([], 2.0)))
    async with running(kernel):
        publish(kernel, *range(10))
        await everyone_waits()
        await kernel.remove_sink("tape")
        assert anyio.current_time() == pytest.approx(5.0, abs=0.01)
        assert kernel.stats().sinks == ()
    assert [record.getMessage() for record in caplog.records] == [
        "sink 'tape': 2 envelopes (2 bytes) that it had taken were not delivered and are lost",
        "sink 'tape': 4 envelopes (4 bytes) were still waiting at the end and are lost",
    ]


async def test_a_sink_that_cannot_be_cancelled_delays_its_removal_only_until_the_timeout(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After `shutdown_timeout_s` it is cancelled, and a second later it is abandoned."""
    sink = ShieldedSink()
    kernel = new_kernel()
    kernel.add_sink("tape", sink)
    async with running(kernel):
        publish(kernel, 1)
        await everyone_waits()
        await kernel.remove_sink("tape")
        assert anyio.current_time() == pytest.approx(6.0, abs=0.01)
        assert list(kernel.sinks) == []
        sink.allowed.set()
    assert sink.afterwards == []
    assert [record.getMessage() for record in caplog.records] == [
        "sink 'tape' did not end after it was cancelled; it is abandoned",
        "sink 'tape': 1 envelopes (1 bytes) that it had taken were not delivered and are lost",
    ]


async def test_a_sink_that_never_ran_is_removed_at_once() -> None:
    """Before `run` there is nothing to wait for."""
    kernel = new_kernel(tape=CollectingSink())
    await kernel.remove_sink("tape")
    assert (list(kernel.sinks), anyio.current_time()) == ([], 0.0)


async def test_a_removal_that_is_cancelled_is_completed_at_once() -> None:
    """The sink is cancelled, and what it could not deliver is lost."""
    seen, ended = list[Envelope](), list[float]()

    async def run(queue: Batches) -> None:
        try:
            await slow(seen)(queue)
        finally:
            ended.append(anyio.current_time())

    kernel = new_kernel(tape=CallingSink(run))
    async with running(kernel):
        publish(kernel, *range(10))
        await everyone_waits()
        with anyio.move_on_after(1.5):
            await kernel.remove_sink("tape")
        assert (list(kernel.sinks), receivers(kernel.bus)) == ([], 0)
        await anyio.sleep(1.0)
    assert ended == [pytest.approx(1.5, abs=0.01)]
    assert numbers(seen) == [0, 1]


async def test_a_sink_in_back_off_is_removed_at_once() -> None:
    """Without waiting for the end of its pause."""
    kernel = new_kernel(tape=CallingSink(fail))
    async with running(kernel):
        publish(kernel, 1)
        await everyone_waits()
        await kernel.remove_sink("tape")
    assert anyio.current_time() < 1.0


async def test_bounds_change_while_the_sink_goes_on() -> None:
    """The sink itself is not affected."""
    kernel, seen = new_kernel(), list[Envelope]()
    kernel.add_sink("tape", CallingSink(slow(seen)), WIDE)
    async with running(kernel):
        publish(kernel, 1, 2)
        await everyone_waits()
        publish(kernel, *range(3, 10))
        kernel.rebound_sink("tape", QueueBounds(size=2, per_kind={"peripheral": QueueBounds(size=1)}))
        for _ in range(3):
            kernel.publisher.publish(knob())
        assert dropped(queue_stats(kernel, "tape")) == {
            ("drop_oldest", "frame"): 5,
            ("drop_oldest", "peripheral"): 2,
        }
    assert numbers(seen) == [1, 2, 8, 9, 1]
    assert queue_stats(kernel, "tape").taken == Amount(5, 5)


@HAND_OVER
async def test_a_successor_delivers_what_waits_when_the_kernel_ends_meanwhile(hand_over: bool) -> None:
    """The shutdown waits for it like for all others, within `shutdown_timeout_s`."""
    seen: list[Envelope] = []
    kernel, new = new_kernel(tape=CallingSink(slow(seen))), CollectingSink()
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        publish(kernel, 0, 1, 2)
        await everyone_waits()
        group.start_soon(functools.partial(kernel.replace_sink, "tape", new, WIDE, hand_over=hand_over))
        await everyone_waits()
        publish(kernel, 3)
        kernel.stop()
    assert anyio.current_time() < 3.0
    assert numbers(seen + new.received) == [0, 1, 2, 3]
    assert new.closed
    assert receivers(kernel.bus) == 0


@HAND_OVER
@pytest.mark.parametrize("predecessor", [hang, slow([], 100.0)])
async def test_a_replacement_ends_with_the_kernel(
    hand_over: bool, predecessor: Callable[[Batches], Awaitable[None]]
) -> None:
    """A predecessor that does not end in time delays neither; nothing stays open or uncounted."""
    kernel, told = new_kernel(tape=CallingSink(predecessor)), list[str]()

    async def replace() -> None:
        try:
            await kernel.replace_sink("tape", CollectingSink(), WIDE, hand_over=hand_over)
        except StartError as error:
            told.append(str(error))

    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        publish(kernel, 0, 1, 2)
        await everyone_waits()
        group.start_soon(replace)
        await everyone_waits()
        publish(kernel, 3)
        kernel.stop()
    assert anyio.current_time() < 7.0
    assert receivers(kernel.bus) == 0
    assert queue_stats(kernel, "tape").waiting == Amount()


@pytest.mark.parametrize("ended", [True, False])
async def test_nothing_is_added_or_replaced_when_the_kernel_ends(ended: bool) -> None:
    """It is refused and leaves no trace."""
    kernel = new_kernel(tape=CallingSink(slow([], 2.0)))
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        publish(kernel, 1)
        await everyone_waits()
        kernel.stop()
        await anyio.sleep(3.0 if ended else 1.0)
        for change in (
            functools.partial(kernel.add_sink_now, "new", CollectingSink(), WIDE),
            functools.partial(kernel.replace_sink, "tape", CollectingSink(), WIDE, hand_over=True),
        ):
            with pytest.raises(StartError, match="the kernel does not run"):
                await change()
        assert list(kernel.sinks) == ["tape"]
        assert receivers(kernel.bus) == (0 if ended else 3)
        await kernel.remove_sink("tape")
    assert list(kernel.sinks) == []
    assert receivers(kernel.bus) == 0


@HAND_OVER
async def test_a_replacement_that_outlives_the_kernel_leaves_nothing_open(hand_over: bool) -> None:
    """The kernel is cancelled and ends before the predecessor does."""
    kernel, told = new_kernel(tape=CallingSink(slow([], 2.0))), list[str]()

    async def replace() -> None:
        with pytest.raises(StartError) as caught:
            await kernel.replace_sink("tape", CollectingSink(), WIDE, hand_over=hand_over)
        told.append(str(caught.value))

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as inner:
                await inner.start(kernel.run)
                publish(kernel, 0, 1, 2)
                await everyone_waits()
                group.start_soon(replace)
                await everyone_waits()
                publish(kernel, 3)
                scope.cancel()
    assert anyio.current_time() < 0.1
    assert told == ["sink 'tape' could not start: the kernel does not run"]
    assert receivers(kernel.bus) == 0
    assert queue_stats(kernel, "tape").waiting == Amount()


async def test_a_sink_that_was_added_and_could_not_start_does_not_fail_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the caller of `add_sink_now` gets the error."""
    kernel, errors = new_kernel(tape=CollectingSink()), list[object]()
    finish = SinkComponent.finish

    def look(component: SinkComponent) -> None:
        assert component.supervisor.start_error is not None
        errors.append(kernel._sinks.errors())  # pyright: ignore[reportPrivateUsage]
        finish(component)

    async with running(kernel):
        with monkeypatch.context() as patch:
            patch.setattr(SinkComponent, "finish", look)
            with pytest.raises(StartError):
                await kernel.add_sink_now("new", CallingSink(cannot_start), WIDE)
    assert errors == [{}]


@HAND_OVER
async def test_a_replacement_that_is_cancelled_while_the_kernel_ends_does_not_delay_it(
    hand_over: bool,
) -> None:
    """The predecessor delivers its envelopes, and the kernel ends with it."""
    seen: list[Envelope] = []
    kernel = new_kernel(tape=CallingSink(slow(seen)))
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        publish(kernel, 0, 1)
        await everyone_waits()

        async def replace() -> None:
            with anyio.move_on_after(0.5):
                await kernel.replace_sink("tape", CollectingSink(), WIDE, hand_over=hand_over)

        group.start_soon(replace)
        await everyone_waits()
        publish(kernel, 2)
        kernel.stop()
    assert anyio.current_time() < 3.0
    assert numbers(seen) == [0, 1, 2]
    assert receivers(kernel.bus) == 0
