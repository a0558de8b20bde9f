"""A recorder on command, and settings that change meanwhile."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.kernel.envelope import Control, Peripheral
from beats.kernel.stats import Loss
from beats.runtime.live import LiveProfile
from beats.runtime.registry import InstalledAdapters
from tests.adapters.sinks.recorder.support import CLIENT, Tape, files_in, metadata, places, tapes, until
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


def profile(path: Path, **settings: Any) -> ProfileSettings:
    tape = {"type": "recorder", "path": str(path), "min_free_bytes": 0, "idle": True, **settings}
    overrides = {
        "kernel": {"when_sources_end": "stay"},
        "sources": {"demo": {"enabled": False}},
        "sinks": {"browser": {"enabled": False}, "tape": tape},
    }
    return load_profile(InstalledAdapters(), environ={}, overrides=overrides)


class Show:
    """A running profile with a recorder on command."""

    def __init__(self, settings: ProfileSettings) -> None:
        self.live = LiveProfile(settings)

    @property
    def tape(self) -> RecorderSink:
        sink = self.live.kernel.sinks["tape"]
        assert isinstance(sink, RecorderSink)
        return sink

    async def publish(self, *numbers: int) -> None:
        for number in numbers:
            await self.live.kernel.publisher.publish_async(Peripheral("knob", number))

    def tell(self, *, recording: bool) -> None:
        """Tell it as a client would."""
        fields = self.live.kernel.commands["record"]({"recording": recording})
        self.live.kernel.bus.send_control(Control("record", fields, CLIENT))

    async def say(self, *, recording: bool) -> None:
        """Tell it, and wait until it is done."""
        self.tell(recording=recording)
        await until(lambda: self.tape.metrics()["recording"] == recording)


@asynccontextmanager
async def on_air(settings: ProfileSettings) -> AsyncGenerator[Show]:
    show = Show(settings)
    with anyio.fail_after(2 * TIMEOUT_S):
        async with anyio.create_task_group() as group:
            await group.start(show.live.kernel.run)
            yield show
            show.live.kernel.stop()


def before_close(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Have something done while the old recorder is about to close its file."""
    original = Parts.close

    def close(parts: Parts, losses: Iterable[Loss] = ()) -> None:
        monkeypatch.undo()
        act()
        original(parts, losses)

    monkeypatch.setattr(Parts, "close", close)


def knobs(folder: Path) -> list[list[int]]:
    return [[number for _, number in tape.places] for tape in tapes(folder)]


async def test_a_recording_goes_on_when_bounds_and_times_change(tmp_path: Path) -> None:
    """The recorder stays and uses the new settings; the recording notes it."""
    path = tmp_path / "{part}.mcap"
    async with on_air(profile(path)) as show:
        await show.publish(1)
        await show.say(recording=True)
        await show.publish(2, 3)
        sink = show.tape
        await show.live.apply(profile(path, flush_interval_s=0.02, keep_parts=5))
        assert show.tape is sink
        await show.publish(4)
        await show.say(recording=False)
    assert knobs(tmp_path) == [[2, 3, 4]]
    assert len(metadata(tmp_path / "1.mcap", "beats.change")) == 1


async def test_a_recording_goes_on_in_a_further_file_when_the_recorder_is_replaced(tmp_path: Path) -> None:
    """It is the same recording, nothing is lost or doubled, and it can be stopped as before."""
    async with on_air(profile(tmp_path / "a{part}.mcap")) as show:
        await show.publish(1, 2)
        await show.say(recording=True)
        await show.publish(3, 4)
        await show.live.apply(profile(tmp_path / "b{part}.mcap", compression="zstd"))
        await show.publish(5)
        assert show.live.kernel.commands.keys() == {"record"}
        await show.say(recording=False)
        await show.publish(6)
    first, second = files_in(tmp_path)
    assert (first.name, second.name) == ("a1.mcap", "b2.mcap")
    assert knobs(tmp_path) == [[3, 4, 5]]
    assert places(first, carried=True) == [("peripheral/knob", 2)]
    (totals,) = metadata(second, "beats.totals")
    assert totals["recorded"] == "3"


async def test_the_successor_of_an_idle_recorder_is_idle_and_knows_the_state(tmp_path: Path) -> None:
    """Earlier values are in the next recording."""
    async with on_air(profile(tmp_path / "a{part}.mcap")) as show:
        await show.publish(1)
        await show.live.apply(profile(tmp_path / "b{part}.mcap"))
        assert {"recording": 0, "idle": 1}.items() <= show.tape.metrics().items()
        await show.say(recording=True)
        await show.publish(2)
    (path,) = files_in(tmp_path)
    assert path.name == "b1.mcap"
    assert tapes(tmp_path) == [Tape([("peripheral/knob", 1)], [("peripheral/knob", 2)])]


async def test_a_command_during_a_takeover_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whichever of the two recorders runs."""
    async with on_air(profile(tmp_path / "a{part}.mcap")) as show:
        await show.say(recording=True)
        await show.publish(1)
        before_close(monkeypatch, lambda: show.tell(recording=False))
        await show.live.apply(profile(tmp_path / "b{part}.mcap"))
        await show.publish(2)
        await until(lambda: {"recording": 0, "idle": 1}.items() <= show.tape.metrics().items())
    assert knobs(tmp_path) == [[1]]


async def test_a_recording_that_is_stopped_while_no_successor_can_start_holds_all_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old recorder writes what waited, and continues to run."""
    (tmp_path / "no-folder").touch()
    to = tmp_path / "to"
    async with on_air(profile(to / "{part}.mcap")) as show:
        await show.say(recording=True)
        await show.publish(1)

        def publish_and_stop() -> None:
            show.live.kernel.publisher.publish(Peripheral("knob", 2))
            show.tell(recording=False)

        before_close(monkeypatch, publish_and_stop)
        (change,) = await show.live.apply(profile(tmp_path / "no-folder" / "{part}.mcap"))
        assert "no-folder" in change.error
        await show.publish(3)
        await until(lambda: {"recording": 0, "idle": 1}.items() <= show.tape.metrics().items())
    assert knobs(to) == [[1, 2]]


async def test_what_was_noted_while_idle_is_in_the_next_recording(tmp_path: Path) -> None:
    """Notes on changed settings are kept until then."""
    async with on_air(profile(tmp_path / "a{part}.mcap")) as show:
        await show.live.apply(profile(tmp_path / "a{part}.mcap", flush_interval_s=0.02))
        await show.live.apply(profile(tmp_path / "b{part}.mcap", flush_interval_s=0.02))
        await show.say(recording=True)
        await show.publish(1)
    assert len(metadata(tmp_path / "b1.mcap", "beats.change")) == 2


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
async def test_a_changed_recorder_begins_as_its_settings_say(
    tmp_path: Path, before: bool, after: bool
) -> None:
    """Continuously, or on command."""
    async with on_air(profile(tmp_path / "a{part}.mcap", idle=before)) as show:
        await show.live.apply(profile(tmp_path / "b{part}.mcap", idle=after))
        assert show.tape.metrics()["recording"] == (not after)
        assert show.tape.metrics().get("idle", 0) == after


async def test_a_recorder_whose_successor_cannot_start_goes_on_with_its_recording(tmp_path: Path) -> None:
    """In a further part, without a loss or a new command."""
    (tmp_path / "no-folder").touch()
    to = tmp_path / "to"
    async with on_air(profile(to / "{part}.mcap")) as show:
        await show.say(recording=True)
        await show.publish(1, 2)
        (change,) = await show.live.apply(profile(tmp_path / "no-folder" / "{part}.mcap"))
        assert "no-folder" in change.error
        await show.publish(3)
        await show.say(recording=False)
        await show.publish(4)
    assert knobs(to) == [[1, 2, 3]]
    assert len(files_in(to)) == 2


async def test_commands_come_and_go_with_the_settings(tmp_path: Path) -> None:
    """The page shows its buttons accordingly."""
    path = tmp_path / "{part}.mcap"
    async with on_air(profile(path)) as show:
        commands = show.live.kernel.commands
        assert commands.keys() == {"record"}
        await show.live.apply(profile(path, idle=False, snapshot_s=5.0))
        assert commands.keys() == {"snapshot"}
        await show.live.apply(profile(path, idle=False))
        assert commands.keys() == set()
