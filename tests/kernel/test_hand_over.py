"""What the publisher of a running kernel leaves to the loop, and when it does not."""

import threading
from functools import partial
from typing import Final

import pytest
from anyio import to_thread

from beats.kernel.envelope import Frame, Message
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.testing import FixedClock, PlainCodec
from tests.kernel.support import (
    CollectingSink,
    assert_balanced,
    by_topic,
    everyone_waits,
    knob,
    run_in_thread,
    running,
    sink_stats,
    threads,
)

pytestmark = pytest.mark.anyio


class WatchedCodec(PlainCodec):
    """Notes in which threads it seals."""

    def __init__(self) -> None:
        self.sealed_in: Final[list[int]] = []

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        self.sealed_in.append(threading.get_ident())
        return super().seal(prepared, sequence, captured_unix_ns)


class Stage:
    """A kernel with one sink, and its codec."""

    def __init__(self, overflow: str = "drop_oldest", size: int = 256) -> None:
        self.codec: Final = WatchedCodec()
        self.kernel: Final = Kernel(self.codec, clock=FixedClock(), options=KernelOptions())
        self.sink: Final = CollectingSink()
        self.kernel.add_sink("sink", self.sink, QueueBounds(size=size, overflow=overflow))

    def publish(self, *messages: Message) -> None:
        """From another thread, while the loop is held up."""
        publisher = self.kernel.publisher
        run_in_thread(lambda: [publisher.publish(message) for message in messages])

    async def hand_over(self) -> None:
        """Have a first frame sent, as its topic is new, and a second one handed over to the held loop."""
        self.publish(Frame(b"1"))
        await everyone_waits()
        self.publish(Frame(b"2"))

    def numbers(self) -> dict[str, list[int]]:
        """What the sink got."""
        return by_topic(self.sink.received)


async def test_the_loop_encodes_what_a_thread_publishes() -> None:
    """The call only checks and numbers it. The first of a topic is an exception, as topics are limited."""
    stage = Stage()
    async with running(stage.kernel):
        await stage.hand_over()
        assert len(stage.codec.sealed_in) == 1
        await everyone_waits()
        assert stage.codec.sealed_in[1:] == [threading.get_ident()]
    assert stage.numbers() == {"frame": [1, 2]}


async def test_what_was_published_is_counted_when_the_call_has_returned() -> None:
    """In all counters and among the last values, although the loop has not had its turn."""
    stage = Stage()
    kernel = stage.kernel
    async with running(kernel):
        for number in (1, 2, 3):
            stage.publish(Frame(b"x"))
            stats = kernel.stats()
            assert (stats.published, stats.pictures[0].published.items) == (number, number)
            assert stats.sinks[0].queue.offered.items == number
            await everyone_waits()
        stage.publish(Frame(b"last"))
        assert [value.encoded for value in kernel.publisher.last_values()] == [b"last"]


async def test_a_message_stays_behind_those_published_before() -> None:
    """Also of another topic, from the loop itself, and when it follows at once."""
    stage = Stage()
    async with running(stage.kernel):
        stage.publish(Frame(b"f1"), knob("knob", 1))
        await everyone_waits()
        stage.publish(Frame(b"f2"), knob("knob", 2), Frame(b"f3"))
        stage.publish(Frame(b"f4"))
        await stage.kernel.publisher.publish_async(knob("knob", 3))
    encoded = [envelope.encoded for envelope in stage.sink.received]
    assert encoded == [b"f1", b"1", b"f2", b"2", b"f3", b"f4", b"3"]


async def test_what_is_handed_over_at_the_end_is_delivered() -> None:
    """The kernel is stopped before its loop had its turn; later calls are refused."""
    stage = Stage()
    async with running(stage.kernel):
        await stage.hand_over()
    assert stage.numbers() == {"frame": [1, 2]}
    with pytest.raises(ClosedError):
        stage.kernel.publisher.publish(Frame(b"3"))


async def test_a_sink_that_comes_later_does_not_get_what_was_published_before() -> None:
    """Not even if the loop has not had its turn."""
    stage = Stage()
    async with running(stage.kernel):
        await stage.hand_over()
        late = CollectingSink()
        await stage.kernel.add_sink_now("late", late, QueueBounds())
        stage.publish(Frame(b"3"))
    assert by_topic(late.received) == {"frame": [3]}
    assert stage.numbers() == {"frame": [1, 2, 3]}


async def test_a_refusal_is_raised_in_the_call() -> None:
    """While a queue has strategy `error`, nothing is left to the loop; before and after that it is."""
    stage = Stage(size=1)
    kernel = stage.kernel
    refused: list[str] = []

    def burst(name: str) -> None:
        for _ in range(4):
            try:
                kernel.publisher.publish(Frame(b"x"))
            except QueueFull:
                refused.append(name)

    async with running(kernel):
        run_in_thread(lambda: burst("before"))
        await everyone_waits()
        kernel.rebound_sink("sink", QueueBounds(size=1, overflow="error"))
        run_in_thread(lambda: burst("while"))
        await everyone_waits()
        kernel.rebound_sink("sink", QueueBounds(size=1))
        run_in_thread(lambda: burst("after"))
        assert_balanced(sink_stats(kernel, "sink").queue)
    assert refused == ["while"] * 3


async def test_a_call_is_refused_while_any_sink_must_answer_until_that_sink_is_removed() -> None:
    """One with strategy `error` among others."""
    stage = Stage()
    kernel = stage.kernel
    async with running(kernel):
        stage.publish(Frame(b"1"))
        await kernel.add_sink_now("strict", CollectingSink(), QueueBounds(size=1, overflow="error"))
        stage.publish(Frame(b"2"))
        with pytest.raises(QueueFull):
            stage.publish(Frame(b"3"))
        await kernel.remove_sink("strict")
        before = len(stage.codec.sealed_in)
        stage.publish(Frame(b"4"))
        assert len(stage.codec.sealed_in) == before
    assert stage.numbers() == {"frame": [1, 2, 3, 4]}


async def test_a_message_that_cannot_be_encoded_is_refused_in_the_call() -> None:
    """It leaves no gap."""
    stage = Stage()
    async with running(stage.kernel):
        stage.publish(knob("knob", 1))
        await everyone_waits()
        with pytest.raises(TypeError):
            stage.publish(knob("knob", object()))
        stage.publish(knob("knob", 2))
    assert stage.numbers() == {"peripheral/knob": [1, 2]}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # real time: the loop runs while threads publish
async def test_threads_that_publish_while_the_loop_runs_lose_nothing_and_keep_the_order() -> None:
    """Each topic arrives whole and in order, and counters that are read meanwhile never lag behind."""
    stage = Stage(size=10_000)
    publisher, kernel = stage.kernel.publisher, stage.kernel
    calls = 200
    behind: list[int] = []

    def publish(name: str) -> None:
        for number in range(1, calls + 1):
            assert publisher.publish(knob(name, number)) == number
            if number % 20 == 0:
                queue = kernel.stats().sinks[0].queue
                assert_balanced(queue)
                if queue.offered.items < number:
                    behind.append(number)

    names = ["a", "b", "c"]

    def publish_all() -> None:
        with threads(*(partial(publish, name) for name in names)):
            pass

    async with running(kernel):
        await to_thread.run_sync(publish_all)
    assert behind == []
    assert stage.numbers() == {f"peripheral/{name}": [*range(1, calls + 1)] for name in names}
