"""The commands of a replay, and their way to the event loop."""

import threading
from math import inf
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sources.replay.commands import COMMANDS, MOST_FRAMES, CommandQueue
from tests.adapters.sources.replay.recordings import control
from tests.kernel.support import EXPLORE
from tests.support import TIMEOUT_S


@pytest.mark.parametrize(
    ("command", "given", "fields"),
    [
        ("replay_pause", {}, {"paused": None}),
        ("replay_pause", {"paused": True}, {"paused": True}),
        ("replay_pause", {"paused": False, "more": 1}, {"paused": False}),
        ("replay_speed", {"speed": 2}, {"speed": 2.0}),
        ("replay_speed", {"speed": 0.1}, {"speed": 0.1}),
        ("replay_speed", {"speed": "max"}, {"speed": inf}),
        ("replay_seek", {"position_s": 0}, {"position_s": 0.0}),
        ("replay_seek", {"offset_s": -5.5}, {"offset_s": -5.5}),
        ("replay_seek", {"frames": -1}, {"frames": -1}),
        ("replay_seek", {"frames": MOST_FRAMES}, {"frames": MOST_FRAMES}),
    ],
)
def test_a_command_becomes_its_fields(command: str, given: dict[str, Any], fields: dict[str, Any]) -> None:
    """Defaults are filled in, numbers become floats, unknown fields are dropped."""
    assert COMMANDS[command](given) == fields


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        ("replay_pause", {"paused": 1}, "paused is 1, not true or false"),
        ("replay_speed", {}, "speed is None"),
        ("replay_speed", {"speed": True}, 'not a number from 0.1 to 100, or "max"'),
        ("replay_speed", {"speed": 0}, "speed is 0"),
        ("replay_speed", {"speed": 100.1}, "speed is 100.1"),
        ("replay_speed", {"speed": float("nan")}, "speed is nan"),
        ("replay_seek", {}, "exactly one of position_s, offset_s, frames"),
        ("replay_seek", {"position_s": 1, "frames": 1}, "exactly one of"),
        ("replay_seek", {"position_s": "1"}, "position_s is '1', not a number"),
        ("replay_seek", {"position_s": inf}, "position_s is inf, not a number up to 1e"),
        ("replay_seek", {"frames": 0}, "not an integer from 1 to 1000, or minus that"),
        ("replay_seek", {"frames": 1.0}, "not an integer"),
        ("replay_seek", {"frames": 1001}, "frames is 1001"),
        ("replay_seek", {"frames": None}, "frames is None"),
    ],
)
def test_anything_else_is_refused_with_a_reason(command: str, given: dict[str, Any], said: str) -> None:
    """The text names the field, its value, and the allowed values."""
    with pytest.raises(ValueError, match=said):
        COMMANDS[command](given)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400)
FIELDS = ["paused", "speed", "position_s", "offset_s", "frames"]


@EXPLORE
@given(st.sampled_from(sorted(COMMANDS)), st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_no_fields_raise_anything_else(command: str, fields: dict[str, Any]) -> None:
    """Any fields are converted, or refused with ValueError."""
    try:
        COMMANDS[command](fields)
    except ValueError:
        return


pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """In real time: threads take some."""
    name: str = request.param
    return name


def speed(number: float) -> object:
    return control("replay_speed", speed=number)


def test_commands_are_taken_once_and_in_order() -> None:
    """Also those from before `attach`."""
    controls = CommandQueue()
    for number in (1, 2, 3):
        controls.put(control("replay_speed", speed=number))
    assert list(controls.take()) == [speed(1), speed(2), speed(3)]
    assert list(controls.take()) == []


def test_too_many_push_out_the_oldest() -> None:
    """The queue is bounded, and the last commands count."""
    controls = CommandQueue()
    for number in range(1, 101):
        controls.put(control("replay_speed", speed=number))
    assert list(controls.take()) == [speed(number) for number in range(37, 101)]


async def test_waiting_ends_at_once_when_one_waits() -> None:
    """A command from before the wait ends it."""
    controls = CommandQueue()
    controls.put(control("replay_pause"))
    controls.attach()
    with anyio.fail_after(TIMEOUT_S):
        await controls.wait()
    assert len(list(controls.take())) == 1


async def test_a_command_from_the_loop_itself_wakes() -> None:
    """A WebSocket client's commands come from there."""
    controls = CommandQueue()
    controls.attach()
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(controls.wait)
            await anyio.lowlevel.checkpoint()
            controls.put(control("replay_pause"))


async def test_commands_from_threads_wake_and_none_is_lost() -> None:
    """Commands of several threads are all taken."""
    controls = CommandQueue()
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
