"""Controlling a replay: pause, speed, seek, step."""

from math import inf
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.replay.timeline import Timeline
from tests.adapters.sources.replay.recordings import frame, knob, on_air, recorded, settled, shown_at
from tests.recordings.support import record

pytestmark = pytest.mark.anyio


async def test_a_pause_stops_and_going_on_shifts_the_rest(tmp_path: Path) -> None:
    """Nothing comes during a pause; then everything comes later by its length."""
    async with on_air(recorded(tmp_path, 3)) as playing:
        await anyio.sleep(0.12)
        assert await playing.then("replay_pause", paused=True) == []
        assert playing.playback.paused
        await anyio.sleep(5)
        assert len(playing.sealed) == 3
        playing.say("replay_pause", paused=True)  # once more changes nothing
        playing.say("replay_pause")  # the other of what it is
        await playing.ended.wait()
    assert playing.publish.times_s[3:] == pytest.approx(
        [shown_at(t + 5) for t in (0.15, 0.2, 0.25)], abs=1e-5
    )
    assert playing.frames == [1, 2, 3]
    assert not any(renumber for _, renumber in playing.publish.forwarded)


async def test_what_was_said_before_it_began_counts(tmp_path: Path) -> None:
    """Paused before the start, it shows only the first frame."""
    async with on_air(recorded(tmp_path)) as playing:
        playing.say("replay_pause", paused=True)
        await anyio.sleep(3)
        assert playing.shown == [("frame", 1)]


async def test_the_speed_changes_from_where_it_is(tmp_path: Path) -> None:
    """Nothing is skipped or doubled."""
    async with on_air(recorded(tmp_path, 5)) as playing:
        await anyio.sleep(0.2)
        playing.say("replay_speed", speed=10)
        await playing.ended.wait()
    assert playing.frames == [1, 2, 3, 4, 5]
    assert playing.publish.times_s[-1] == pytest.approx(0.2 + 0.025, abs=0.001)


async def test_from_max_to_another_speed_it_goes_on_from_where_it_is(tmp_path: Path) -> None:
    """It does not wait for what it has already played."""
    async with on_air(recorded(tmp_path, 100)) as playing:
        await anyio.sleep(0.12)
        playing.publish.delays_s = {50: 1.0}
        playing.say("replay_speed", speed="max")
        await playing.publish.frames(51)
        assert playing.playback.speed == inf
        playing.say("replay_speed", speed=1)
        await playing.publish.frames(52)
        now = anyio.current_time()
        await playing.publish.frames(53)
        assert anyio.current_time() - now == pytest.approx(0.1, abs=0.01)
    assert playing.publish.times_s[3] < 0.13


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(
    ("where", "state", "then"),
    [
        ({"position_s": 0.72}, [("frame", 8), ("peripheral/knob", 7)], ("peripheral/knob", 8)),
        ({"position_s": -5}, [], ("peripheral/knob", 1)),
        ({"position_s": 999}, [("peripheral/knob", 9), ("frame", 10)], None),
        ({"offset_s": 0.52}, [("peripheral/knob", 6), ("frame", 7)], ("peripheral/knob", 7)),
        ({"offset_s": -999}, [], ("peripheral/knob", 1)),
    ],
)
async def test_a_seek_shows_the_state_there_and_goes_on(
    tmp_path: Path,
    where: dict[str, float],
    state: list[tuple[str, int]],
    then: tuple[str, int] | None,
    paused: bool,
) -> None:
    """The state at that place, then what follows; a pause and the bounds are kept."""
    async with on_air(recorded(tmp_path), loop=True) as playing:
        await anyio.sleep(0.11)
        if paused:
            await playing.then("replay_pause", paused=True)
        shown = await playing.then("replay_seek", **where)
        assert sorted(shown[: len(state)]) == sorted(state)
        last = ("peripheral/knob", 10)
        # What is at the very place is shown as well.
        assert shown[len(state) :] in ([], [("frame", 1)], [last], [last, ("frame", 1)])
        assert playing.playback.paused == paused
        if paused:
            before = len(playing.sealed)
            await anyio.sleep(10)
            assert len(playing.sealed) == before
        elif then is not None:
            await anyio.sleep(0.06)
            assert playing.shown[3 + len(shown)] == then
    renumbered = [renumber for _, renumber in playing.publish.forwarded]
    assert renumbered[:3] == [False] * 3
    assert all(renumbered[3:])


async def test_steps_show_exactly_the_frames_wanted(tmp_path: Path) -> None:
    """Forward and back, by one and by several, from a frame and from between two; then it pauses."""
    async with on_air(recorded(tmp_path)) as playing:
        await anyio.sleep(0.26)
        await playing.then("replay_pause", paused=True)
        assert playing.shown[-1] == ("peripheral/knob", 3)  # behind frame 3, which is what is seen
        assert await playing.step(1) == [4]
        assert await playing.step(2) == [5, 6]
        assert await playing.step(-1) == [5]
        assert await playing.step(-1) == [4]
        assert await playing.step(1) == [5]
        assert await playing.step(-3) == [2]
        assert await playing.step(-99) == [1]
        assert await playing.step(-1) == [1]
        assert await playing.step(2) == [2, 3]
        playing.say("replay_pause", paused=False)
        await playing.publish.frames(len(playing.frames) + 2)
    assert playing.frames[-2:] == [4, 5]


@pytest.mark.parametrize(
    ("steps", "leads_to"), [((1, 1, 1), 6), ((1, 1, -1), 4), ((1, -1), 3), ((1, -1, -1), 2), ((-1, 1, 2), 5)]
)
async def test_fast_steps_all_count(tmp_path: Path, steps: tuple[int, ...], leads_to: int) -> None:
    """Holding a key leads to the same frame as single steps."""
    async with on_air(recorded(tmp_path)) as playing:
        await anyio.sleep(0.21)
        for step in steps:
            playing.say("replay_seek", frames=step)
        await settled()
        assert playing.frames[-1] == leads_to
        assert playing.playback.paused


async def test_a_step_while_it_plays_stops_it_there(tmp_path: Path) -> None:
    """Back to the frame before the visible one, also if an update came after it; on to the next."""
    async with on_air(recorded(tmp_path)) as playing:
        await anyio.sleep(0.26)
        assert await playing.step(-1) == [2]
        await anyio.sleep(3)
        assert playing.shown[-1] == ("frame", 2)
        playing.say("replay_pause")
        await anyio.sleep(0.12)
        assert await playing.step(1) == [4]


async def test_a_step_after_a_seek_counts_from_what_is_seen(tmp_path: Path) -> None:
    """The state at that place has shown the frame before it."""
    async with on_air(recorded(tmp_path)) as playing:
        await playing.then("replay_pause", paused=True)
        await playing.then("replay_seek", position_s=0.56)
        assert playing.frames[-1] == 6
        assert await playing.step(-1) == [5]
        await playing.then("replay_seek", position_s=0.56)
        assert await playing.step(1) == [7]
        await playing.then("replay_seek", position_s=0.3)
        assert playing.frames[-1] == 4
        assert await playing.step(-1) == [3]


async def test_a_step_back_brings_the_updates_of_that_time(tmp_path: Path) -> None:
    """Peripherals have their values from when the frame was shown."""
    async with on_air(recorded(tmp_path)) as playing:
        await anyio.sleep(0.46)
        assert await playing.then("replay_seek", frames=-2) == [("peripheral/knob", 2), ("frame", 3)]


async def test_beyond_the_last_frame_a_step_stands_still(tmp_path: Path) -> None:
    """It does not end the stream, so that a step back is possible."""
    async with on_air(recorded(tmp_path, 3)) as playing:
        await settled()
        assert await playing.step(2) == [2, 3]
        assert await playing.step(5) == []
        await anyio.sleep(10)
        assert not playing.ended.is_set()
        assert await playing.step(-1) == [2]
        playing.say("replay_pause", paused=False)
        await playing.ended.wait()


async def test_in_a_loop_a_step_leads_from_the_end_to_the_beginning(tmp_path: Path) -> None:
    """It pauses there."""
    async with on_air(recorded(tmp_path, 3), loop=True) as playing:
        await settled()
        assert await playing.step(2) == [2, 3]
        assert await playing.step(2) == [1, 2]
        await anyio.sleep(10)
        assert playing.frames[-1] == 2


@pytest.mark.parametrize("loop", [False, True])
async def test_without_frames_a_step_is_a_message(tmp_path: Path, loop: bool) -> None:
    """A recording of peripherals alone pauses after each step."""
    path = record(tmp_path / "a.mcap", [knob(number, number / 10) for number in range(1, 9)])
    async with on_air(path, loop=loop) as playing:
        await settled()
        assert await playing.then("replay_seek", frames=1) == [("peripheral/knob", 2)]
        assert await playing.then("replay_seek", frames=2) == [("peripheral/knob", 3), ("peripheral/knob", 4)]
        assert (await playing.then("replay_seek", frames=-1))[-1] == ("peripheral/knob", 3)
        await anyio.sleep(10)
        assert playing.shown[-1] == ("peripheral/knob", 3)


async def test_a_single_frame_can_be_stepped_in_a_loop(tmp_path: Path) -> None:
    """Each step shows it once more."""
    async with on_air(record(tmp_path / "a.mcap", [frame(1, 0)]), loop=True) as playing:
        await settled()
        assert await playing.step(1) == [1]
        assert await playing.step(3) == [1, 1, 1]
        assert await playing.step(-1) == [1]


async def test_many_commands_at_once_are_obeyed_in_order(tmp_path: Path) -> None:
    """The last one determines the place."""
    async with on_air(recorded(tmp_path)) as playing:
        await anyio.sleep(0.01)
        playing.say("replay_pause", paused=True)
        for position_s in (0.1, 0.5, 0.32):
            playing.say("replay_seek", position_s=position_s)
        await settled()
        assert playing.playback.position_s == pytest.approx(0.32)
        assert playing.shown[-2:] == [("peripheral/knob", 3), ("frame", 4)]


# The clock of a replay


def test_a_new_speed_does_not_end_a_pause() -> None:
    """It applies when the pause ends."""
    timeline = Timeline(0.0, 1.0, now_s=0.0)
    timeline.set_paused(True, 5.0)
    timeline.set_speed(2.0, 7.0)
    assert timeline.due_s(6.0) == inf
    timeline.set_paused(False, 10.0)
    assert timeline.due_s(6.0) == 10.5


def test_it_can_be_set_anywhere() -> None:
    """Forward or back, paused or not; the speed stays."""
    timeline = Timeline(0.0, 2.0, now_s=0.0)
    timeline.move_to(50.0, 1.0)
    assert timeline.due_s(52.0) == 2.0
    timeline.set_paused(True, 1.0)
    timeline.move_to(20.0, 3.0)
    assert timeline.position_s(9.0) == 20.0
    timeline.set_paused(False, 4.0)
    assert timeline.due_s(22.0) == 5.0


def test_at_infinite_speed_everything_is_due() -> None:
    """The place is the one it was last moved to, from which another speed continues."""
    timeline = Timeline(0.0, inf, now_s=0.0)
    assert timeline.due_s(1e9) == -inf
    assert timeline.position_s(5.0) == 0.0
    timeline.move_to(30.0, 5.0)
    timeline.set_speed(1.0, 6.0)
    assert timeline.due_s(31.0) == 7.0
    timeline.set_speed(inf, 8.0)
    timeline.set_paused(True, 8.0)
    assert timeline.due_s(0.0) == inf
