import threading
import time

import anyio
import pytest

from beats.kernel.errors import QueueFull
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker
from tests.kernel.support import JOIN_TIMEOUT_S, everyone_waits, run_in_thread, threads


class FakeLine:
    """A queue with one ticket in line, of which it notes whether it was withdrawn."""

    def __init__(self, waker: Waker | None = None, *, timeout_s: float = 1.0) -> None:
        self.name = "recorder"
        self.waker = waker
        self.waiter = Waiter(self, 1, envelope(7), 4, timeout_s)
        self._lock = threading.Lock()
        self._in_line = True
        self.withdrawn = False

    def withdraw(self, waiter: Waiter) -> bool:
        assert waiter is self.waiter
        with self._lock:
            if not self._in_line:
                return False
            self._in_line, self.withdrawn = False, True
            return True

    def settle(self, *, admitted: bool) -> None:
        with self._lock:
            self._in_line = False
            self.waiter.settle(admitted=admitted)


def test_a_refusal_becomes_the_producers_error() -> None:
    """What the producer gets names sink, size, topic, sequence and cause."""
    error = Refusal("recorder", 4, envelope(7), "it is full").error()
    assert isinstance(error, QueueFull)
    assert (error.sink, error.size, error.topic, error.sequence) == ("recorder", 4, "frame", 7)
    assert str(error).endswith("it is full")


def test_a_thread_goes_on_when_it_is_admitted() -> None:
    """Room made by another thread ends the waiting without a refusal."""
    line, outcomes = FakeLine(timeout_s=JOIN_TIMEOUT_S), list[Refusal | None]()
    with threads(lambda: outcomes.append(line.waiter.wait())):
        line.settle(admitted=True)
    assert outcomes == [None]
    assert not line.withdrawn


def test_a_thread_gives_up_at_its_deadline() -> None:
    """Without room in time, the ticket is withdrawn and the refusal says how long it was."""
    line = FakeLine(timeout_s=0.01)
    refusal = line.waiter.wait()
    assert refusal is not None
    assert "block_timeout_s" in refusal.why
    assert line.withdrawn
    assert time.monotonic() >= line.waiter.deadline


def test_a_thread_is_refused_when_the_queue_closes() -> None:
    """The end of the queue ends the waiting, and the refusal says so."""
    line, outcomes = FakeLine(timeout_s=JOIN_TIMEOUT_S), list[Refusal | None]()
    with threads(lambda: outcomes.append(line.waiter.wait())):
        line.settle(admitted=False)
    (refusal,) = outcomes
    assert refusal is not None
    assert "closed" in refusal.why


def test_a_deadline_that_has_passed_leaves_what_was_admitted() -> None:
    """Admitted is admitted, also when the producer comes to look too late."""
    line = FakeLine(timeout_s=1e-9)
    line.settle(admitted=True)
    assert line.waiter.wait() is None


@pytest.mark.anyio
async def test_a_plain_call_on_the_loops_thread_is_refused_at_once() -> None:
    """There to wait would be a deadlock; the refusal says what to do in place of it."""
    line = FakeLine(Waker(), timeout_s=JOIN_TIMEOUT_S)
    before_s = time.monotonic()
    refusal = line.waiter.wait()
    assert time.monotonic() - before_s < JOIN_TIMEOUT_S
    assert refusal is not None
    assert "await" in refusal.why
    assert line.withdrawn


@pytest.mark.anyio
async def test_a_coroutine_waits_without_blocking_the_loop() -> None:
    """Other tasks go on while a producer waits, and the room that one of them makes ends the waiting."""
    line = FakeLine(Waker(), timeout_s=10.0)
    outcomes: list[Refusal | None] = []

    async def produce() -> None:
        outcomes.append(await line.waiter.wait_async())

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        await anyio.sleep(5.0)
        assert outcomes == []
        line.settle(admitted=True)
    assert outcomes == [None]
    assert anyio.current_time() == pytest.approx(5.0)


@pytest.mark.anyio
async def test_a_coroutine_gives_up_at_its_deadline() -> None:
    """Without room in time, the ticket is withdrawn."""
    line = FakeLine(Waker(), timeout_s=10.0)
    refusal = await line.waiter.wait_async()
    assert refusal is not None
    assert "block_timeout_s" in refusal.why
    assert line.withdrawn
    assert 0.0 < anyio.current_time() <= 10.0


@pytest.mark.anyio
async def test_a_coroutine_sees_what_was_settled_before_it_waited() -> None:
    """Room that was made between offer and waiting is not missed."""
    line = FakeLine(Waker(), timeout_s=10.0)
    line.settle(admitted=True)
    assert await line.waiter.wait_async() is None
    assert anyio.current_time() == 0.0


@pytest.mark.anyio
async def test_a_coroutine_is_woken_by_another_thread() -> None:
    """A queue that is closed from elsewhere reaches the coroutine through the doorbell."""
    line = FakeLine(Waker(), timeout_s=1e6)
    outcomes: list[Refusal | None] = []

    async def produce() -> None:
        outcomes.append(await line.waiter.wait_async())

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        await everyone_waits()
        run_in_thread(lambda: line.settle(admitted=False))
    assert len(outcomes) == 1
    assert anyio.current_time() < 1.0


@pytest.mark.anyio
async def test_a_cancelled_coroutine_withdraws() -> None:
    """Cancellation leaves no ticket in line."""
    line = FakeLine(Waker(), timeout_s=10.0)
    with anyio.move_on_after(2.0) as scope:
        await line.waiter.wait_async()
    assert scope.cancelled_caught
    assert line.withdrawn
    assert anyio.current_time() == pytest.approx(2.0)
