"""Commands on their way from any thread to a replay."""

import threading

import anyio
import pytest

from beats.adapters.sources.replay.controls import Controls
from tests.adapters.sources.replay.recordings import control
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """In real time: threads take some."""
    name: str = request.param
    return name


def speed(number: float) -> object:
    return control("replay_speed", speed=number)


def test_commands_are_taken_once_and_in_order() -> None:
    """Also those that came before anybody obeyed."""
    controls = Controls()
    for number in (1, 2, 3):
        controls.put(control("replay_speed", speed=number))
    assert list(controls.take()) == [speed(1), speed(2), speed(3)]
    assert list(controls.take()) == []


def test_too_many_push_out_the_oldest() -> None:
    """What waits is bounded, and what was said last counts."""
    controls = Controls()
    for number in range(1, 101):
        controls.put(control("replay_speed", speed=number))
    assert list(controls.take()) == [speed(number) for number in range(37, 101)]


async def test_waiting_ends_at_once_when_one_waits() -> None:
    """What came before is not slept over."""
    controls = Controls()
    controls.put(control("replay_pause"))
    controls.attach()
    with anyio.fail_after(TIMEOUT_S):
        await controls.wait()
    assert len(list(controls.take())) == 1


async def test_a_command_from_the_loop_itself_wakes() -> None:
    """As a WebSocket client's does."""
    controls = Controls()
    controls.attach()
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(controls.wait)
            await anyio.lowlevel.checkpoint()
            controls.put(control("replay_pause"))


async def test_commands_from_threads_wake_and_none_is_lost() -> None:
    """Each of many, from several threads, is taken."""
    controls = Controls()
    controls.attach()
    taken: list[object] = []

    def say() -> None:
        for number in range(1, 11):
            controls.put(control("replay_speed", speed=number))

    threads = [threading.Thread(target=say) for _ in range(5)]
    for thread in threads:
        thread.start()
    with anyio.fail_after(TIMEOUT_S):
        while len(taken) < 50:
            await controls.wait()
            taken += controls.take()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert sorted(map(str, taken)) == sorted(str(speed(number)) for number in range(1, 11) for _ in range(5))
