import threading

import anyio
import pytest

from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker
from tests.kernel.support import everyone_waits, run_in_thread

pytestmark = pytest.mark.anyio


class FakeLine:
    """A queue with one waiter in line."""

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


def test_a_deadline_that_has_passed_leaves_what_was_admitted() -> None:
    """Even when the producer looks too late."""
    line = FakeLine(timeout_s=1e-9)
    line.settle(admitted=True)
    assert line.waiter.wait() is None


async def test_a_coroutine_sees_what_was_settled_before_it_waited() -> None:
    """Room made between offer and waiting is not missed."""
    line = FakeLine(Waker(), timeout_s=10.0)
    line.settle(admitted=True)
    assert await line.waiter.wait_async() is None
    assert anyio.current_time() == 0.0


async def test_a_coroutine_is_woken_by_another_thread() -> None:
    """A queue that another thread closes wakes the coroutine through the waker."""
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
