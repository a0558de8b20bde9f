import functools
from collections.abc import Callable

import anyio
import pytest

from beats.kernel.waker import Waker
from tests.kernel.support import everyone_waits, run_in_thread, threads

pytestmark = pytest.mark.anyio

Counter = Callable[[], int]


async def test_a_burst_from_another_thread_is_one_wake_up(wake_ups: Callable[[], Counter]) -> None:
    """However many callbacks come before the loop runs them, it is woken once."""
    count = wake_ups()
    with Waker() as waker:
        rung: list[int] = []

        def burst() -> None:
            for number in range(1000):
                waker.ring(functools.partial(rung.append, number))

        run_in_thread(burst)
        assert count() == 1
        assert rung == []
        await everyone_waits()
        assert rung == list(range(1000))


async def test_a_second_burst_wakes_again(wake_ups: Callable[[], Counter]) -> None:
    """Once the loop has run the callbacks, the next one wakes it again."""
    count = wake_ups()
    waker, rung = Waker(), list[int]()
    for number in range(1, 4):
        run_in_thread(lambda: waker.ring(lambda: rung.append(1)))
        await everyone_waits()
        assert (count(), len(rung)) == (number, number)


async def test_on_the_loops_own_thread_the_callback_runs_at_once(wake_ups: Callable[[], Counter]) -> None:
    """The loop is awake already."""
    count = wake_ups()
    rung: list[int] = []
    Waker().ring(lambda: rung.append(1))
    assert (rung, count()) == ([1], 0)


async def test_callbacks_run_on_the_loops_thread() -> None:
    """It is the one in which the waker was created; so they may use what belongs to the loop."""
    waker, where, elsewhere = Waker(), list[bool](), list[bool]()
    run_in_thread(lambda: elsewhere.append(waker.on_loop_thread()))
    run_in_thread(lambda: waker.ring(lambda: where.append(waker.on_loop_thread())))
    await everyone_waits()
    assert (where, elsewhere) == ([True], [False])


async def test_what_is_rung_before_the_end_of_the_block_is_not_lost() -> None:
    """Its callback runs at the end at the latest; later ones run too, as without the block."""
    rung: list[int] = []
    with Waker() as waker:
        run_in_thread(lambda: waker.ring(lambda: rung.append(1)))
    await everyone_waits()
    assert rung == [1]
    run_in_thread(lambda: waker.ring(lambda: rung.append(2)))
    await everyone_waits()
    assert rung == [1, 2]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ringing_after_the_loop_has_ended_does_no_harm(backend: str) -> None:
    """A producer that outlives the loop must not fail."""

    async def main() -> Waker:
        with Waker() as waker:
            return waker

    waker = anyio.run(main, backend=backend)
    run_in_thread(lambda: waker.ring(lambda: None))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_callback_is_lost_between_threads(backend: str) -> None:
    """Also those that come while the loop runs others."""
    rounds, ringers = 300, 3

    async def main() -> int:
        answered = 0
        all_answered = anyio.Event()

        def answer() -> None:
            nonlocal answered
            answered += 1
            if answered == rounds * ringers:
                all_answered.set()

        def ring() -> None:
            for _ in range(rounds):
                waker.ring(answer)

        with Waker() as waker, threads(*[ring] * ringers):
            await all_answered.wait()
        return answered

    assert anyio.run(main, backend=backend) == rounds * ringers
