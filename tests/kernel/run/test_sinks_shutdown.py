"""Sinks that are added, replaced and removed while the kernel ends."""

import functools
from collections.abc import Awaitable, Callable

import anyio
import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.errors import StartError
from beats.kernel.ports import Batches
from beats.kernel.run.components import SinkComponent
from beats.kernel.stats import Amount
from tests.kernel.run.sinks_support import (
    WIDE,
    cannot_start,
    hang,
    new_kernel,
    numbers,
    publish,
    queue_stats,
    receivers,
    slow,
)
from tests.kernel.support import CallingSink, CollectingSink, everyone_waits, running

pytestmark = pytest.mark.anyio
HAND_OVER = pytest.mark.parametrize("hand_over", [True, False])


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
        assert receivers(kernel.bus) == (0 if ended else 2)
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
