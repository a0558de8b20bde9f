import logging
import re
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from beats.kernel.envelope import Frame
from beats.kernel.errors import ClosedError, StartError
from beats.kernel.ports import Batches, Publish
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff, sole
from beats.kernel.stats import Amount, SourceStats
from beats.kernel.testing import FixedClock, PlainCodec
from tests.kernel.run.sinks_support import hang
from tests.kernel.support import (
    FRAME,
    JOIN_TIMEOUT_S,
    CallingSink,
    CallingSource,
    CollectingSink,
    assert_balanced,
    by_topic,
    dropped,
    everyone_waits,
    knob,
    run_in_thread,
    running,
    sink_stats,
    threads,
)

pytestmark = pytest.mark.anyio

NEWEST_TWO = QueueBounds(size=2)


def new_kernel(**options: Any) -> Kernel:
    return Kernel(PlainCodec(), clock=FixedClock(), options=KernelOptions(**options))


def source_of(*payloads: bytes) -> CallingSource:
    """Publishes these pictures and ends."""

    async def run(publish: Publish) -> None:
        for payload in payloads:
            await publish(Frame(payload))

    return CallingSource(run)


async def deliver_slowly(queue: Batches) -> None:
    """One envelope a second."""
    while True:
        if not await queue.take(1):
            return
        await anyio.sleep(1.0)


async def refuse_to_start(queue: Batches) -> None:
    raise OSError("port 8765 is in use")


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_every_sink_gets_what_the_sources_publish_and_the_kernel_ends_with_them() -> None:
    """When all sources have ended, the sinks drain and `run` returns."""
    kernel = new_kernel()
    sinks = {name: CollectingSink() for name in ("a", "b")}
    for name, sink in sinks.items():
        kernel.add_sink(name, sink)
    kernel.add_source("one", source_of(b"1", b"2"))
    kernel.add_source("two", source_of(b"3"))
    await kernel.run()
    for sink in sinks.values():
        assert sorted(item.encoded for item in sink.received) == [b"1", b"2", b"3"]
        assert by_topic(sink.received) == {"frame": [1, 2, 3]}
        assert sink.closed
    assert kernel.sinks == sinks
    assert anyio.current_time() == 0.0


async def test_what_is_published_before_run_waits_for_the_sinks() -> None:
    """A sink is on the bus from the moment that it is added."""
    kernel, sink = new_kernel(), CollectingSink()
    kernel.add_sink("null", sink)
    kernel.publisher.publish(FRAME)
    kernel.add_source("demo", source_of(b"later"))
    await kernel.run()
    assert [item.encoded for item in sink.received] == [b"picture", b"later"]


async def test_sources_start_when_every_sink_has_opened() -> None:
    """No message is published while a sink still opens its port or file."""

    async def open_slowly(queue: Batches) -> None:
        await anyio.sleep(2.0)
        await CollectingSink().run(queue)

    kernel, source = new_kernel(), source_of(b"1")
    kernel.add_sink("null", CollectingSink())
    kernel.add_sink("slow", CallingSink(open_slowly))
    kernel.add_source("demo", source)
    await kernel.run()
    assert source.attempts_s == pytest.approx([2.0])


async def test_a_kernel_may_stay_when_its_sources_end() -> None:
    """With `when_sources_end = "stay"` the program can keep publishing until it stops the kernel."""
    kernel, sink = new_kernel(when_sources_end="stay"), CollectingSink()
    kernel.add_sink("null", sink)
    kernel.add_source("demo", source_of(b"1"))
    async with running(kernel):
        await anyio.sleep(1000.0)
        assert kernel.stats().sources[0].state == "ended"
        await kernel.publisher.publish_async(Frame(b"2"))
    assert [item.encoded for item in sink.received] == [b"1", b"2"]


async def test_a_kernel_without_sources_stays() -> None:
    """The program that embeds it publishes."""
    kernel, sink = new_kernel(), CollectingSink()
    kernel.add_sink("null", sink)
    async with running(kernel):
        await anyio.sleep(1000.0)
        kernel.publisher.publish(FRAME)
        kernel.stop()
        kernel.stop()  # more than once is no error
    kernel.stop()
    assert len(sink.received) == 1


async def test_a_burst_from_a_thread_wakes_the_loop_once_for_all_sinks(
    wake_ups: Callable[[], Callable[[], int]],
) -> None:
    """The queues of a kernel share one waker."""
    count = wake_ups()
    kernel, sinks = new_kernel(), [CollectingSink() for _ in range(3)]
    for number, sink in enumerate(sinks):
        kernel.add_sink(str(number), sink)

    def burst() -> None:
        for _ in range(100):
            kernel.publisher.publish(FRAME)

    async with running(kernel):
        await everyone_waits()
        run_in_thread(burst)
        assert count() == 1
    assert [len(sink.received) for sink in sinks] == [100, 100, 100]


async def test_a_failing_sink_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and restarted after 0.5, 1, 2 … s; the other sink is not affected."""
    delivered: list[int] = []

    async def fail_three_times(queue: Batches) -> None:
        async for batch in queue:
            if len(brittle.attempts_s) <= 3:
                raise OSError("the disk is full")
            delivered.extend(item.sequence for item in batch)

    kernel, healthy, brittle = new_kernel(), CollectingSink(), CallingSink(fail_three_times)
    kernel.add_sink("recorder", brittle)
    kernel.add_sink("browser", healthy)
    states: list[str] = []
    async with running(kernel):
        for _ in range(60):
            await kernel.publisher.publish_async(FRAME)
            await anyio.sleep(0.1)
            states.append(sink_stats(kernel, "recorder").state)
            assert sink_stats(kernel, "browser").state == "running"
    assert by_topic(healthy.received) == {"frame": list(range(1, 61))}
    assert brittle.attempts_s == pytest.approx([0.0, 0.5, 1.5, 3.5])
    assert {"failed", "running"} == set(states)
    assert states[-1] == "running"
    stats = sink_stats(kernel, "recorder")
    assert (stats.restarts, stats.last_error) == (3, "OSError: the disk is full")
    assert_balanced(stats.queue)
    lost = dropped(stats.queue)[("failed", "frame")]
    assert delivered == list(range(lost + 1, 61))  # the batches in hand were lost, and counted, no more
    assert sink_stats(kernel, "browser").queue.dropped.items == 0
    assert re.findall(r"restart in .* s", caplog.text) == [f"restart in {pause} s" for pause in (0.5, 1, 2)]
    assert all("'recorder'" in text for text in errors(caplog))


async def test_a_sink_can_ask_what_its_queue_lost() -> None:
    """The kernel's queues note it, so that a sink can record its losses."""
    told: list[tuple[str, str, int]] = []

    async def ask(queue: Batches) -> None:
        async for _ in queue:
            told.extend((loss.reason, loss.topic, loss.items) for loss in queue.losses())

    kernel = new_kernel()
    kernel.add_sink("recorder", CallingSink(ask), NEWEST_TWO)
    for _ in range(5):
        kernel.publisher.publish(FRAME)
    kernel.stop()
    await kernel.run()
    assert told == [("drop_oldest", "frame", 3)]


async def test_a_sink_that_cannot_start_stops_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """StartError names each such sink and its cause; no source ran, the other sinks are closed."""

    async def do_nothing(queue: Batches) -> None:
        pass

    kernel, healthy, source = new_kernel(), CollectingSink(), source_of(b"1")
    kernel.add_sink("browser", CallingSink(refuse_to_start))
    kernel.add_sink("null", healthy)
    kernel.add_sink("idle", CallingSink(do_nothing))
    kernel.add_source("demo", source)
    with pytest.raises(StartError, match="'browser' could not start: OSError: port 8765 is in use") as caught:
        await kernel.run()
    assert isinstance(caught.value.__cause__, OSError)
    assert re.search("'idle'.*returned while its queue was open", str(caught.value))
    assert "null" not in str(caught.value)
    assert healthy.closed
    assert source.attempts_s == []
    assert anyio.current_time() == 0.0
    assert errors(caplog) == []
    with pytest.raises(ClosedError):
        kernel.publisher.publish(FRAME)


async def test_a_sink_that_is_not_required_does_not_stop_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """It counts as failed and is retried with growing pauses, while everything else runs."""
    caplog.set_level(logging.INFO)
    kernel, healthy = new_kernel(when_sources_end="stay", backoff=Backoff(1.0, 8.0)), CollectingSink()
    browser, received = CollectingSink(), list[float]()

    async def start_the_third_time(queue: Batches) -> None:
        received.append(anyio.current_time())
        if len(received) < 3:
            await refuse_to_start(queue)
        await browser.run(queue)

    kernel.add_sink("browser", CallingSink(start_the_third_time), required=False)
    kernel.add_sink("null", healthy)
    async with running(kernel):
        failed = sink_stats(kernel, "browser")
        assert (failed.state, failed.last_error) == ("failed", "OSError: port 8765 is in use")
        kernel.publisher.publish(FRAME)
        await everyone_waits()
        assert len(healthy.received) == 1
        assert [component.name for component in kernel.stats().failed()] == ["browser"]
        await anyio.sleep(5.0)
        assert (sink_stats(kernel, "browser").state, sink_stats(kernel, "browser").restarts) == ("running", 2)
        assert len(browser.received) == 1  # what waited in its queue
    assert received == [0.0, 1.0, 3.0]
    assert [record.getMessage() for record in caplog.records] == [
        "sink 'browser' failed: OSError: port 8765 is in use; restart in 1 s",
        "sink 'browser' failed: OSError: port 8765 is in use; restart in 2 s",
        "sink 'browser' is running again",
    ]


async def test_a_source_that_raises_is_restarted() -> None:
    """The sinks are not affected; after the pause that the options name the source runs again."""

    async def fail_twice(publish: Publish) -> None:
        await publish(FRAME)
        if len(source.attempts_s) < 3:
            raise OSError("unplugged")

    kernel, sink, source = new_kernel(backoff=Backoff(7.0)), CollectingSink(), CallingSource(fail_twice)
    kernel.add_sink("null", sink)
    kernel.add_source("camera", source)
    await kernel.run()
    assert source.attempts_s == pytest.approx([0.0, 7.0, 21.0])
    assert by_topic(sink.received) == {"frame": [1, 2, 3]}
    assert kernel.stats().sources == (SourceStats("camera", "ended", 2, "OSError: unplugged", 3),)


async def test_at_the_end_sources_stop_and_queues_drain() -> None:
    """Within the timeout, a sink delivers what was published before."""

    async def publish_for_ever(publish: Publish) -> None:
        while True:
            await publish(FRAME)
            await anyio.sleep(10.0)

    kernel = new_kernel(shutdown_timeout_s=5.0)
    kernel.add_sink("slow", CallingSink(deliver_slowly))
    kernel.add_source("demo", CallingSource(publish_for_ever))
    async with running(kernel):
        await everyone_waits()
        for _ in range(3):
            await kernel.publisher.publish_async(FRAME)
        await anyio.sleep(0.5)
    assert anyio.current_time() == pytest.approx(4.0)  # four envelopes, one a second, from the start
    stats = sink_stats(kernel, "slow")
    assert stats.state == "ended"
    assert stats.queue.taken.items == stats.queue.offered.items == 4
    assert kernel.stats().sources[0].state == "stopped"


async def test_what_cannot_drain_in_time_is_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """At the timeout the rest is dropped as `shutdown`; the log names the sink and the amount."""
    kernel = new_kernel(shutdown_timeout_s=2.5)
    kernel.add_sink("slow", CallingSink(deliver_slowly))
    async with running(kernel):
        for _ in range(10):
            await kernel.publisher.publish_async(FRAME)
    assert anyio.current_time() == pytest.approx(2.5)
    stats = sink_stats(kernel, "slow")
    assert stats.state == "stopped"
    assert stats.queue.taken.items == 2
    assert dropped(stats.queue) == {("shutdown", "frame"): 8}
    assert_balanced(stats.queue)
    assert errors(caplog) == [
        "sink 'slow': 1 envelopes (7 bytes) that it had taken were not delivered and are lost",
        "sink 'slow': 7 envelopes (49 bytes) were still waiting at the end and are lost",
    ]


async def test_a_sink_that_waits_for_its_restart_does_not_delay_the_end() -> None:
    """What waits in its queue is lost and counted."""

    async def fail(queue: Batches) -> None:
        await queue.take()
        raise OSError("the disk is full")

    kernel = new_kernel(backoff=Backoff(initial_s=20.0))
    kernel.add_sink("recorder", CallingSink(fail))
    async with running(kernel):
        for _ in range(2):
            await kernel.publisher.publish_async(FRAME)
            await anyio.sleep(1.0)
    assert anyio.current_time() == pytest.approx(2.0)
    assert dropped(sink_stats(kernel, "recorder").queue) == {("failed", "frame"): 1, ("shutdown", "frame"): 1}


async def test_a_stop_before_run_ends_it_in_order() -> None:
    """The kernel ends at once, and what waits is delivered; publishing raises from then on."""
    kernel, sink, source = new_kernel(), CollectingSink(), source_of(b"1")
    kernel.add_sink("null", sink)
    kernel.add_source("demo", source)
    kernel.publisher.publish(FRAME)
    kernel.stop()
    await kernel.run()
    assert anyio.current_time() == 0.0
    assert [item.encoded for item in sink.received] == [b"picture"]
    assert source.attempts_s == []
    with pytest.raises(ClosedError):
        kernel.publisher.publish(FRAME)


async def test_a_stop_is_heard_while_a_sink_still_opens() -> None:
    """A sink that has not opened cannot delay the end beyond the timeout."""

    async def open_never(queue: Batches) -> None:
        await anyio.sleep_forever()

    kernel, source = new_kernel(shutdown_timeout_s=5.0), source_of(b"1")
    kernel.add_sink("relay", CallingSink(open_never))
    kernel.add_source("demo", source)
    async with anyio.create_task_group() as group:
        group.start_soon(kernel.run)
        await anyio.sleep(100.0)
        kernel.stop()
    assert anyio.current_time() == pytest.approx(105.0)
    assert source.attempts_s == []


async def test_a_sink_that_fails_to_open_while_stopping_is_still_reported() -> None:
    """An early stop does not hide that the profile does not work."""

    async def open_in_vain(queue: Batches) -> None:
        await anyio.sleep(2.0)
        raise OSError("port 8765 is in use")

    kernel = new_kernel()
    kernel.add_sink("browser", CallingSink(open_in_vain))
    kernel.stop()
    with pytest.raises(StartError, match="'browser' could not start"):
        await kernel.run()


async def test_cancellation_leaves_nothing_behind() -> None:
    """A cancelled `run` closes sinks and sources at once, counts losses, and leaves no task."""
    closed: list[str] = []

    async def publish_for_ever(publish: Publish) -> None:
        try:
            while True:
                await publish(FRAME)
        finally:
            closed.append("source")

    kernel, healthy = new_kernel(), CollectingSink()
    kernel.add_sink("null", healthy)
    kernel.add_sink("deaf", CallingSink(hang))
    kernel.add_source("demo", CallingSource(publish_for_ever))
    tasks_before = len(anyio.get_running_tasks())
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.run)
            for _ in range(20):
                await checkpoint()
            scope.cancel()
    assert scope.cancelled_caught
    assert len(anyio.get_running_tasks()) == tasks_before
    assert anyio.current_time() == 0.0
    assert healthy.closed
    assert closed == ["source"]
    for stats in kernel.stats().sinks:
        assert stats.state in ("stopped", "ended")
        assert_balanced(stats.queue)
        assert stats.queue.waiting.items == 0
    with pytest.raises(ClosedError):
        kernel.publisher.publish(FRAME)


async def test_a_source_that_waits_for_room_does_not_delay_the_end() -> None:
    """At the end its envelope is withdrawn and counted."""

    async def publish_two(publish: Publish) -> None:
        await publish(FRAME)
        await anyio.sleep(1.0)
        await publish(FRAME)
        await publish(FRAME)

    kernel = new_kernel(shutdown_timeout_s=5.0)
    bounds = QueueBounds(size=1, overflow="block", block_timeout_s=1e6)
    kernel.add_sink("deaf", CallingSink(hang), bounds)
    kernel.add_source("demo", CallingSource(publish_two))
    async with running(kernel):
        await anyio.sleep(2.0)
    assert anyio.current_time() == pytest.approx(7.0)
    stats = sink_stats(kernel, "deaf").queue
    assert dropped(stats) == {("block", "frame"): 1, ("shutdown", "frame"): 2}
    assert_balanced(stats)


async def test_stats_are_immutable_and_can_be_read_in_any_thread() -> None:
    """They hold nothing that can change afterwards."""
    kernel = new_kernel(when_sources_end="stay")
    kernel.add_sink("null", CollectingSink(), NEWEST_TWO)
    kernel.add_source("demo", source_of(b"1", b"22"))
    taken: list[Any] = []
    async with running(kernel):
        await everyone_waits()
        kernel.publisher.publish(knob())
        with threads(lambda: taken.append(kernel.stats())):
            pass
        assert taken == [kernel.stats()]
    (stats,) = taken
    assert (stats.published, stats.frames) == (3, 2)
    assert stats.sinks[0].queue.offered == Amount(3, 4)
    hash(stats)  # and so are its parts


REAL_LOOPS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def left_threads(before: list[threading.Thread]) -> list[threading.Thread]:
    """New threads that do not end, except those that trio keeps for its next work."""
    for thread in threading.enumerate():
        if thread not in before and not thread.name.startswith("Trio thread"):
            thread.join(JOIN_TIMEOUT_S)
    now = threading.enumerate()
    return [thread for thread in now if thread not in before and not thread.name.startswith("Trio thread")]


def run_with_driver(kernel: Kernel, backend: str, drive: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(JOIN_TIMEOUT_S):
            async with anyio.create_task_group() as group:
                await group.start(kernel.run)
                await drive()

    anyio.run(main, backend=backend)


@REAL_LOOPS
def test_no_thread_is_left_after_the_end(backend: str) -> None:
    """A source's thread ends with the kernel, which has no threads of its own."""
    enough = threading.Event()

    def produce(publish: Publish) -> None:
        while True:
            anyio.from_thread.check_cancelled()
            if publish.from_thread(FRAME) == 200:
                enough.set()

    async def run(publish: Publish) -> None:
        await anyio.to_thread.run_sync(produce, publish)

    kernel, sink = new_kernel(), CollectingSink()
    kernel.add_sink("null", sink, QueueBounds(size=10, overflow="block"))
    kernel.add_source("blocking", CallingSource(run))

    def stop_when_enough() -> None:
        assert enough.wait(JOIN_TIMEOUT_S)
        kernel.stop()

    stopper = threading.Thread(target=stop_when_enough)

    async def drive() -> None:
        stopper.start()

    before = threading.enumerate()
    run_with_driver(kernel, backend, drive)
    assert left_threads(before) == []
    (stats,) = kernel.stats().sinks
    assert stats.queue.dropped.items == 0
    assert stats.queue.taken.items == len(sink.received) == kernel.stats().published >= 200
    assert by_topic(sink.received) == {"frame": list(range(1, len(sink.received) + 1))}


@REAL_LOOPS
def test_a_keyboard_interrupt_leaves_nothing_open(backend: str) -> None:
    """Ctrl-C closes the sinks and the bus, and leaves no thread."""

    async def interrupt(publish: Publish) -> None:
        await publish(FRAME)
        raise KeyboardInterrupt

    kernel, sink = new_kernel(), CollectingSink()
    kernel.add_sink("null", sink)
    kernel.add_source("demo", CallingSource(interrupt))
    before = threading.enumerate()
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - trio has it in a group, asyncio bare
        anyio.run(kernel.run, backend=backend)
    assert isinstance(sole(caught.value), KeyboardInterrupt)
    assert sink.closed
    assert left_threads(before) == []
    assert_balanced(kernel.stats().sinks[0].queue)
    with pytest.raises(ClosedError):
        kernel.publisher.publish(FRAME)
