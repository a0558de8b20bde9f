import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest

from beats.kernel.envelope import Frame, Peripheral, Sealed
from beats.kernel.testing import PublishRecorder, VirtualTimeLoop, envelope

pytestmark = pytest.mark.anyio

T = TypeVar("T")


def run_virtually(main: Callable[[], Awaitable[T]]) -> T:
    return anyio.run(main, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})


def test_a_virtual_hour_takes_no_real_time() -> None:
    """The clock of a virtual loop jumps to the next timer when every task waits."""

    async def main() -> float:
        assert anyio.current_time() == 0.0
        await anyio.sleep(3600.0)
        return anyio.current_time()

    before_s = time.monotonic()
    assert run_virtually(main) == pytest.approx(3600.0)
    assert time.monotonic() - before_s < 60.0


def test_virtual_time_stands_still_while_a_task_can_run() -> None:
    """However many steps a task takes, no timer comes closer."""

    async def main() -> None:
        with anyio.fail_after(0.1):
            for _ in range(1000):
                await anyio.lowlevel.checkpoint()
        assert anyio.current_time() == 0.0

    run_virtually(main)


def test_a_virtual_loop_without_timers_waits_for_other_threads() -> None:
    """With no timer to jump to, the loop sleeps until a thread calls it."""

    async def main() -> None:
        event = anyio.Event()
        token = anyio.lowlevel.current_token()
        thread = threading.Thread(target=lambda: anyio.from_thread.run_sync(event.set, token=token))
        thread.start()
        await event.wait()
        thread.join()
        assert anyio.current_time() == 0.0

    run_virtually(main)


def test_a_made_up_envelope_is_consistent() -> None:
    """Kind, topic, message and bytes of a test's envelope fit together."""
    frame, knob = envelope(3, encoded=b"png"), envelope(4, topic="peripheral/knob")
    assert (frame.kind, frame.topic, frame.sequence, frame.message) == ("frame", "frame", 3, Frame(b"png"))
    assert (knob.kind, knob.topic, knob.message) == ("peripheral", "peripheral/knob", Peripheral("knob", 4))


async def test_a_publish_recorder_numbers_each_topic_and_keeps_the_messages() -> None:
    """A source under test gets the sequence numbers of a real bus."""
    publish = PublishRecorder()
    assert await publish(Frame(b"1"), captured_unix_ns=7) == 1
    assert publish.from_thread(Peripheral("knob", 1)) == 1
    assert await publish(Frame(b"2")) == 2
    assert publish.messages == [Frame(b"1"), Peripheral("knob", 1), Frame(b"2")]
    assert publish.published[0].captured_unix_ns == 7


async def test_a_publish_recorder_numbers_what_is_forwarded_as_the_bus_does() -> None:
    """A number is kept while numbers rise, except with `renumber`."""
    publish = PublishRecorder()
    passed = [Sealed(Frame(b"%d" % number), number, 7, b"sealed") for number in (5, 3, 9)]
    assert await publish.forward(passed[0]) == 5
    assert await publish.forward(passed[1]) == 6
    assert await publish.forward(passed[2], renumber=True) == 7
    assert await publish(Frame(b"later")) == 8
    assert publish.forwarded == [(passed[0], False), (passed[1], False), (passed[2], True)]
    assert [item.message for item in publish.published[:3]] == [item.message for item in passed]
    assert publish.published[0].captured_unix_ns == 7
