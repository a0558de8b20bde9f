"""A kernel that other threads read, and publish to, while its components change."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Message
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.components import SinkComponent
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import PlainCodec
from tests.kernel.run.test_sources import every_second
from tests.kernel.support import (
    FRAME,
    JOIN_TIMEOUT_S,
    CallingSource,
    CollectingSink,
    assert_balanced,
    by_topic,
    knob,
    publisher_on,
    queue_on,
    run_in_thread,
    running,
    threads,
)

BLOCK = QueueBounds(size=8, overflow="block", block_timeout_s=JOIN_TIMEOUT_S)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_other_threads_see_only_whole_changes(backend: str) -> None:
    """At every instant, stats hold all sinks that stay, in their order, with balanced counters."""
    kernel, changed = Kernel(PlainCodec()), list[int]()
    for name in ("first", "changing", "last"):
        kernel.add_sink(name, CollectingSink(), BLOCK)
    kernel.add_source("stays", CallingSource(every_second))

    def look() -> None:
        while not changed:
            stats = kernel.stats()
            names = [sink.name for sink in stats.sinks]
            assert names in (["first", "changing", "last"], ["first", "changing", "last", "added"])
            assert list(kernel.sinks)[:3] == ["first", "changing", "last"]
            assert stats.sources[0].name == "stays"
            for sink in stats.sinks:
                assert_balanced(sink.queue)

    def produce() -> None:
        while not changed:
            kernel.publisher.publish(knob())

    async def change() -> None:
        for number in range(40):
            hand_over = number % 2 == 0
            await kernel.replace_sink("changing", CollectingSink(), BLOCK, hand_over=hand_over)
            await kernel.add_sink_now("added", CollectingSink(), BLOCK)
            kernel.add_source("added", CallingSource(every_second))
            kernel.rebound_sink("first", replace(BLOCK, per_kind={"frame": BLOCK} if hand_over else {}))
            await kernel.remove_sink("added")
            await kernel.remove_source("added")

    async def main() -> None:
        async with running(kernel):
            with threads(look, look, produce):
                try:
                    await change()
                finally:
                    changed.append(1)
                    await _let_through(kernel)

    anyio.run(main, backend=backend)
    assert [sink.name for sink in kernel.stats().sinks] == ["first", "changing", "last"]


async def _let_through(kernel: Kernel) -> None:
    """Let the producer, which may wait in line, end before its thread is joined."""
    for name in kernel.sinks:
        kernel.rebound_sink(name, QueueBounds())


def test_nothing_is_published_while_the_publisher_is_held() -> None:
    """A queue that connects to both kinds meanwhile gets both from the same moment on."""
    bus, rounds = Bus(), 2000
    publisher = publisher_on(bus)
    joined: dict[SinkQueue, int] = {}

    def produce(message: Message) -> None:
        for _ in range(rounds):
            publisher.publish(message)

    async def main() -> None:
        with threads(*[functools.partial(produce, message) for message in (FRAME, knob())]):
            for number in range(20):
                with publisher.held():
                    so_far = publisher.published
                    joined[queue_on(bus, str(number), QueueBounds(size=2 * rounds))] = so_far
                    assert publisher.published == so_far

    anyio.run(main)
    for queue, so_far in joined.items():
        got = by_topic(queue.take_nowait())
        assert sum(map(len, got.values())) == 2 * rounds - so_far
        for numbers in got.values():
            assert numbers == list(range(numbers[0], rounds + 1))


@pytest.mark.anyio
@pytest.mark.parametrize("step", ["add", "remove", "replace"])
async def test_sinks_join_and_leave_the_bus_while_nothing_is_published(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an envelope could reach only one kind's connection, or both sinks."""
    kernel, tried = Kernel(PlainCodec()), list[bool]()
    lock = kernel.publisher._lock  # pyright: ignore[reportPrivateUsage]

    def looking_at(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(component: SinkComponent, *args: Any) -> Any:
            run_in_thread(try_it)
            return method(component, *args)

        return call

    def try_it() -> None:
        tried.append(lock.acquire(blocking=False))
        if tried[-1]:
            lock.release()

    kernel.add_sink("tape", CollectingSink())
    async with running(kernel):
        with monkeypatch.context() as patch:
            patch.setattr(SinkComponent, "connect", looking_at(SinkComponent.connect))
            patch.setattr(SinkComponent, "finish", looking_at(SinkComponent.finish))
            if step == "add":
                await kernel.add_sink_now("new", CollectingSink(), BLOCK)
            elif step == "remove":
                await kernel.remove_sink("tape")
            else:
                await kernel.replace_sink("tape", CollectingSink(), BLOCK, hand_over=False)
    assert tried == [False] * (2 if step == "replace" else 1)
