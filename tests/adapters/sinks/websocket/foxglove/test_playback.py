"""A client of Foxglove's protocol steers a replay of a real recording."""

import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.sources.replay.source import ReplaySource
from beats.kernel.ports import Publish, Source
from beats.kernel.stats import Playback
from tests.adapters.sinks.websocket.foxglove.viewer import SDK, WEBSOCKET, State, Time, Viewer, viewing
from tests.adapters.sinks.websocket.support import Running, on_air, settings, until
from tests.adapters.sources.replay import recordings
from tests.adapters.sources.replay.recordings import at, recorded
from tests.adapters.sources.support import context

pytestmark = pytest.mark.anyio

PLAYING, PAUSED, ENDED = 0, 1, 3
LENGTH_S = 59.95


def f32(number: float) -> float:
    """As 32 bits hold it."""
    (held,) = struct.unpack("<f", struct.pack("<f", number))
    return float(held)


class _Silent:
    """A source that publishes nothing, and goes on when the recording has ended."""

    async def run(self, publish: Publish) -> None:
        await anyio.sleep_forever()


@asynccontextmanager
async def replaying(tmp_path: Path, *others: Source, **changes: Any) -> AsyncGenerator[Running]:
    """A recording is replayed, beside other sources; it is long enough for a slow machine."""
    source = ReplaySource(recordings.settings(recorded(tmp_path, frames=600)), context("replay"))
    sources: dict[str, Source] = {"replay": source, **{f"other-{n}": each for n, each in enumerate(others)}}
    async with on_air(settings(**changes), sources=sources) as running:
        await until(lambda: source.playback() is not None)
        commands = running.kernel.commands
        await until(lambda: "replay_pause" in commands)
        yield running


async def steered(viewer: Viewer, **request: Any) -> State:
    """The answer to a request."""
    await viewer.play(**request, request="mine")
    while (state := await viewer.state()).request != "mine":
        pass
    return state


async def test_a_client_may_pause_seek_and_change_the_speed(tmp_path: Path) -> None:
    """Each request is answered with the state that it has led to, by the clock of the recording."""
    async with replaying(tmp_path) as running, viewing(running) as viewer:
        greeting = await viewer.text("serverInfo")
        assert greeting["capabilities"] == ["time", "playbackControl"]
        begin, end = (greeting[name] for name in ("dataStartTime", "dataEndTime"))
        assert begin["sec"] * 10**9 + begin["nsec"] == at(0)
        assert end["sec"] * 10**9 + end["nsec"] == at(LENGTH_S)
        state = await steered(viewer, paused=True, speed=1.1, seek_unix_ns=at(0.5))
        assert state == State(PAUSED, at(0.5), f32(1.1), jumped=True, request="mine")
        state = await steered(viewer, paused=True, speed=1.1, seek_unix_ns=at(-99))
        assert (state.status, state.unix_ns) == (PAUSED, at(0))
        played = running.kernel.stats().sources[0].playback
        assert played is not None
        assert played.speed == 1.1  # for others, too, without the error of 32 bits
        state = await steered(viewer, paused=False, speed=100.0)
        assert (state.status, state.speed, state.jumped) == (PLAYING, 100.0, False)


async def test_a_client_that_comes_first_waits_for_the_replay(tmp_path: Path) -> None:
    """It is greeted when the recordings were found, so that it may steer."""
    found = anyio.Event()

    class Slow(ReplaySource):
        def playback(self) -> Playback | None:
            return super().playback() if found.is_set() else None

    source = Slow(recordings.settings(recorded(tmp_path, frames=600)), context("replay"))
    async with on_air(sources={"replay": source}) as running, viewing(running) as viewer:
        await until(lambda: running.totals.connected)
        found.set()
        assert "playbackControl" in (await viewer.text("serverInfo"))["capabilities"]


async def test_a_client_is_told_of_what_others_do(tmp_path: Path) -> None:
    """And of the end."""
    stage = replaying(tmp_path, _Silent())
    async with stage as running, viewing(running) as viewer, viewing(running) as other:
        await steered(other, paused=True, seek_unix_ns=at(0.4))
        while (state := await viewer.state()).status != PAUSED:
            pass
        assert state.request == ""
        await steered(other, speed=100.0, seek_unix_ns=at(LENGTH_S - 1))
        while (state := await viewer.state()).status != ENDED:
            pass
        await viewer.play()
        assert (await viewer.text("status"))["message"] == "ignored: nothing is replayed any more"


async def test_times_are_those_of_the_recording(tmp_path: Path) -> None:
    """They precede the messages, and go back when the recording does."""
    async with replaying(tmp_path) as running, viewing(running) as viewer:
        assert await viewer.binary(Time)
        await steered(viewer, paused=True, seek_unix_ns=at(0.5))
        await viewer.subscribe("/peripheral/knob")
        message = await viewer.message()
        assert await viewer.binary(Time) == Time(message.log_unix_ns)
        await steered(viewer, speed=10.0)
        first = last = message.log_unix_ns
        while last < first + 1_500_000_000:
            time, message = await viewer.binary(Time), await viewer.message()
            assert time.unix_ns == message.log_unix_ns > last
            last = message.log_unix_ns
        await steered(viewer, paused=True, speed=10.0, seek_unix_ns=at(0.5))
        while await viewer.binary(Time) != Time(first):
            pass


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"speed": 1e9}, "speed is 1000000000.0, not a number"),
        ({"speed": float("nan")}, "speed is nan, not a number"),
    ],
)
async def test_a_request_that_is_not_possible_does_nothing(
    tmp_path: Path, request_: dict[str, Any], why: str
) -> None:
    """It is answered with the reason."""
    async with replaying(tmp_path) as running, viewing(running) as viewer:
        await viewer.play(paused=True, **request_)
        assert why in (await viewer.text("status"))["message"]
        assert not (await steered(viewer)).status


@pytest.mark.parametrize(
    ("query", "protocol"), [("?token=watch", SDK), ("?token=steer", WEBSOCKET)], ids=["rights", "protocol"]
)
async def test_control_is_offered_to_those_who_may_steer_and_know_it(
    tmp_path: Path, query: str, protocol: str
) -> None:
    """Others are told the time, and a request of theirs is refused."""
    async with replaying(tmp_path, token="watch", control_token="steer") as running:
        async with viewing(running, query, protocol) as viewer:
            greeting = await viewer.text("serverInfo")
            assert greeting["capabilities"] == ["time"]
            assert "dataStartTime" not in greeting
            await viewer.play(paused=True)
            assert "not offered playback control" in (await viewer.text("status"))["message"]
        async with viewing(running, "?token=steer") as viewer:
            assert (await viewer.text("serverInfo"))["capabilities"] == ["time", "playbackControl"]


async def test_without_a_recording_there_is_no_time(tmp_path: Path) -> None:
    """Foxglove shows what is live by its own clock."""
    async with on_air() as running, viewing(running) as viewer:
        assert (await viewer.text("serverInfo"))["capabilities"] == []
        running.knob(1)
        await viewer.subscribe("/peripheral/knob")
        assert not isinstance(await viewer.next(), Time)
