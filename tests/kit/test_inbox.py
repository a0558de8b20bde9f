"""The queue between a network and the bus."""

import logging

import anyio
import pytest
from anyio.lowlevel import checkpoint

from beats.config.settings import QueueSettings
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Message, Peripheral
from beats.kernel.errors import QueueFull
from beats.kernel.testing import PublishRecorder
from beats.kit.inbox import Inbox
from beats.kit.throttled_log import ThrottledLog
from tests.support.nats import anyio_backend

__all__ = ["anyio_backend"]
pytestmark = pytest.mark.anyio


def inbox(size: int) -> Inbox:
    reports = ThrottledLog(logging.getLogger(__name__), "source 'it'")
    return Inbox("it", QueueSettings(size=size), SystemClock(), reports)


async def test_a_burst_is_taken_as_fast_as_the_bus_takes_it() -> None:
    """More than the queue holds, offered in chunks that it holds: nothing is dropped."""
    box, publish = inbox(10), PublishRecorder()
    async with anyio.create_task_group() as group:
        group.start_soon(box.run, publish)
        for number in range(500):
            box.offer(Peripheral("knob", number), 7, b"x")
            if number % 8 == 7:
                await box.make_way()
        await box.make_way()
        group.cancel_scope.cancel()
    assert box.dropped == 0
    assert publish.messages == [Peripheral("knob", number) for number in range(500)]


async def test_a_bus_that_is_held_up_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """The newest messages survive, and what was dropped is counted and logged."""
    box, gate = inbox(10), anyio.Event()

    class HeldUp(PublishRecorder):
        async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
            await gate.wait()
            return await super().__call__(message, captured_unix_ns=captured_unix_ns)

    publish = HeldUp()
    async with anyio.create_task_group() as group:
        group.start_soon(box.run, publish)
        for number in range(100):
            box.offer(Peripheral("knob", number), 7, b"x")
            if number > 5:  # the first ones wait together when the first is taken
                await box.make_way()
        gate.set()
        with anyio.fail_after(20):
            while len(publish.messages) < 11:
                await checkpoint()
        group.cancel_scope.cancel()
    assert publish.messages == [Peripheral("knob", number) for number in (0, *range(90, 100))]
    assert box.dropped == 89
    assert "'peripheral/knob': 89 were dropped for newer ones" in caplog.text


async def test_what_cannot_be_published_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; what comes next is published."""
    box = inbox(10)
    errors = [ValueError("too many topics"), QueueFull("browser", "peripheral/a", 1, 1, "it is full")]

    class Refusing(PublishRecorder):
        async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
            if errors:
                raise errors.pop(0)
            return await super().__call__(message, captured_unix_ns=captured_unix_ns)

    publish = Refusing()
    async with anyio.create_task_group() as group:
        group.start_soon(box.run, publish)
        for number in range(3):
            box.offer(Peripheral("a", number), 7, b"x")
        await box.make_way()
        group.cancel_scope.cancel()
    assert publish.messages == [Peripheral("a", 2)]
    assert "'peripheral/a' is left out: too many topics" in caplog.text
    assert "it is full" in caplog.text
