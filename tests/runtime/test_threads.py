"""Running a kernel beside a program."""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import current_token

from beats.kernel.envelope import Frame
from beats.kernel.errors import ClosedError, StartError
from beats.kernel.ports import Batches
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.proto.codec import StreamCodec
from beats.runtime.threads import in_loop_of, in_this_loop, in_thread
from tests.support import TIMEOUT_S, tiny_png

BACKENDS = ("asyncio", "trio")


class Keeper:
    """A sink that keeps what it got, and knows whether it was closed."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self.closed = False

    async def run(self, queue: Batches) -> None:
        try:
            async for batch in queue:
                await to_thread.run_sync(lambda: None)  # leaves an idle worker thread behind
                self.sequences += [envelope.sequence for envelope in batch]
        finally:
            self.closed = True


class Stuck:
    """A sink that opens and then never takes anything."""

    async def run(self, queue: Batches) -> None:
        await queue.take(1)
        await anyio.sleep_forever()


class Broken:
    """A sink that cannot start."""

    async def run(self, queue: Batches) -> None:
        raise OSError("no such disk")


class Policy:
    """A sink that notes by which policy its thread is scheduled."""

    def __init__(self) -> None:
        self.seen: int | None = None

    async def run(self, queue: Batches) -> None:
        self.seen = os.sched_getscheduler(0)
        async for _ in queue:
            pass


def kernel_with(*sinks: Keeper | Stuck | Broken | Policy, shutdown_timeout_s: float = 60.0) -> Kernel:
    kernel = Kernel(StreamCodec(), options=KernelOptions(shutdown_timeout_s, when_sources_end="stay"))
    for number, sink in enumerate(sinks):
        kernel.add_sink(f"sink{number}", sink)
    return kernel


def publish(kernel: Kernel) -> int:
    return kernel.publisher.publish(Frame(tiny_png()))


def test_a_block_publishes_and_its_end_delivers() -> None:
    """Everything published in the block has reached the sink, and is closed, when the block has ended."""
    before, keeper = threading.enumerate(), Keeper()
    with in_thread(kernel := kernel_with(keeper)):
        for _ in range(50):
            publish(kernel)
        assert len(threading.enumerate()) > len(before)
    assert keeper.sequences == list(range(1, 51))
    assert keeper.closed
    assert threading.enumerate() == before
    with pytest.raises(ClosedError):
        publish(kernel)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_ends_in_order_too(error: type[BaseException]) -> None:
    """However a block ends, what was published is delivered, no thread is left, and the error goes on."""
    before, keeper = threading.enumerate(), Keeper()
    with pytest.raises(error), in_thread(kernel := kernel_with(keeper)):  # noqa: PT012 - how the block ends is the point
        publish(kernel)
        raise error
    assert keeper.sequences == [1]
    assert threading.enumerate() == before


@pytest.mark.parametrize(
    ("chosen", "expected"), [(os.SCHED_OTHER, os.SCHED_BATCH), (os.SCHED_IDLE, os.SCHED_IDLE)]
)
def test_the_loop_does_not_interrupt_the_program_that_wakes_it(chosen: int, expected: int) -> None:
    """Its thread asks the scheduler for that, unless somebody has chosen a policy for the program."""
    policy = Policy()

    def program() -> None:
        os.sched_setscheduler(0, chosen, os.sched_param(0))  # of this thread, and those that begin in it
        with in_thread(kernel_with(policy)):
            pass

    thread = threading.Thread(target=program)
    thread.start()
    thread.join()
    assert policy.seen == expected


def test_a_sink_that_cannot_start_leaves_nothing() -> None:
    """The error is itself, names the sink and the reason, and the other sink's thread and loop are gone."""
    before, keeper = threading.enumerate(), Keeper()
    with (
        pytest.raises(StartError, match="sink 'sink1' could not start: OSError: no such disk"),
        in_thread(kernel_with(keeper, Broken())),
    ):
        pytest.fail("the block must not run")
    assert keeper.closed
    assert threading.enumerate() == before


def test_what_a_stuck_sink_did_not_take_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The end waits for `shutdown_timeout_s` and no longer, and reports what is lost as an error."""
    with in_thread(kernel := kernel_with(Stuck(), shutdown_timeout_s=0.05)):
        publish(kernel)
        publish(kernel)
    queue = kernel.stats().sinks[0].queue
    assert (queue.offered.items, queue.dropped.items, queue.waiting.items) == (2, 2, 0)
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


def run(backend: str, main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with anyio.fail_after(TIMEOUT_S):
            await main()

    anyio.run(bounded, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_this_loop_a_block_publishes_and_its_end_delivers(backend: str) -> None:
    """In the program's own loop, on either back end, a block's end delivers and closes everything too."""
    keeper = Keeper()

    async def main() -> None:
        async with in_this_loop(kernel := kernel_with(keeper)):
            for _ in range(50):
                await kernel.publisher.publish_async(Frame(tiny_png()))
        assert keeper.sequences == list(range(1, 51))
        assert keeper.closed

    run(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_in_this_loop_an_error_goes_on_as_itself(backend: str, error: type[BaseException]) -> None:
    """An exception in the block is not wrapped in a group, and what was published is delivered."""
    keeper = Keeper()

    async def main() -> None:
        raised = error("mine")
        with pytest.raises(error, match="mine") as caught:  # noqa: PT012 - how the block ends is the point
            async with in_this_loop(kernel := kernel_with(keeper)):
                await kernel.publisher.publish_async(Frame(tiny_png()))
                raise raised
        assert caught.value is raised
        assert keeper.sequences == [1]

    run(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_this_loop_a_sink_that_cannot_start_leaves_nothing(backend: str) -> None:
    """The start's error is itself, and the other sink is closed."""
    keeper = Keeper()

    async def main() -> None:
        with pytest.raises(StartError, match="sink 'sink1' could not start: OSError: no such disk"):
            async with in_this_loop(kernel_with(keeper, Broken())):
                pytest.fail("the block must not run")
        assert keeper.closed

    run(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_this_loop_cancellation_cuts_the_end_short(backend: str) -> None:
    """A cancelled block does not wait for sinks, reports what is lost, and the cancellation goes on."""

    async def main() -> None:
        kernel = kernel_with(Stuck(), shutdown_timeout_s=600)
        with anyio.CancelScope() as scope:
            async with in_this_loop(kernel):
                await kernel.publisher.publish_async(Frame(tiny_png()))
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        queue = kernel.stats().sinks[0].queue
        assert (queue.dropped.items, queue.waiting.items) == (1, 0)

    run(backend, main)


def test_in_this_loop_cancellation_while_sinks_deliver_cuts_that_short() -> None:
    """The end of a block gives way to a cancellation, which is how Ctrl-C comes to an asyncio program."""

    async def main() -> None:
        kernel = kernel_with(Stuck(), shutdown_timeout_s=600)
        with anyio.CancelScope() as scope:
            async with in_this_loop(kernel):
                await kernel.publisher.publish_async(Frame(tiny_png()))
                asyncio.get_running_loop().call_later(0.01, scope.cancel)
        assert scope.cancelled_caught

    run("asyncio", main)


async def double(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    if number < 0:
        raise ValueError("it is negative")
    return number * 2


def test_something_can_be_run_in_the_loop_from_any_thread() -> None:
    """The caller gets its result or exception; after the end the loop is closed."""
    with in_thread(kernel_with(Keeper())) as token:
        assert in_loop_of(token, double, 21) == 42
        with pytest.raises(ValueError, match="it is negative"):
            in_loop_of(token, double, -1)
    with pytest.raises(ClosedError, match="the stream is closed"):
        in_loop_of(token, double, 21)


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_the_loop_itself_it_is_refused(backend: str) -> None:
    """It would wait for itself; from a worker thread, and from another loop, it is served."""

    async def main() -> None:
        token = current_token()
        with pytest.raises(RuntimeError, match="await it, or call it in a thread"):
            in_loop_of(token, double, 21)
        assert await to_thread.run_sync(in_loop_of, token, double, 21) == 42

        async def elsewhere() -> int:
            return in_loop_of(token, double, 4)

        assert await to_thread.run_sync(anyio.run, elsewhere) == 8

    run(backend, main)
