"""Recordings for replays, and replays of them in virtual time."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio

from beats.adapters.sources.replay import ReplaySettings
from beats.adapters.sources.replay.commands import COMMANDS
from beats.adapters.sources.replay.source import ReplaySource
from beats.adapters.sources.replay.timeline import EARLY_S
from beats.kernel.envelope import ClientIdentity, Control, Frame, Peripheral, Sealed, topic_of
from beats.kernel.stats import Playback
from beats.recordings.format import RecordedMessage
from tests.adapters.sources.support import TimedRecorder, context, inline
from tests.recordings.support import BEGIN_NS, line, record
from tests.support import tiny_png

CLIENT: Final = ClientIdentity("browser", 1, "host:1")
FRAME_S: Final = 0.1


def settings(path: Path | Iterable[Path], /, **changes: Any) -> ReplaySettings:
    named = str(path) if isinstance(path, Path) else tuple(str(each) for each in path)
    return ReplaySettings.model_validate({"type": "replay", "path": named} | changes)


def at(seconds: float) -> int:
    """The time, as recorded, so many seconds after the beginning."""
    return BEGIN_NS + round(seconds * 1e9)


def frame(number: int, seconds: float) -> RecordedMessage:
    """A frame with its number as its picture and its sequence."""
    return line(Frame(tiny_png(number)), number, at(seconds))


def knob(number: int, seconds: float) -> RecordedMessage:
    return line(Peripheral("knob", number), number, at(seconds))


def show(frames: int = 10) -> list[RecordedMessage]:
    """Frames from number 1, ten a second, and halfway behind each an update of a knob with its number."""
    made: list[RecordedMessage] = []
    for number in range(1, frames + 1):
        begin_s = (number - 1) * FRAME_S
        made += [frame(number, begin_s), knob(number, begin_s + FRAME_S / 2)]
    return made


def pairs(written: list[RecordedMessage]) -> list[tuple[str, int]]:
    return [(each.topic, each.sequence) for each in written]


def shown_at(seconds: float) -> float:
    """When, in virtual time, something is put on the bus that is due after so many seconds."""
    return round(max(0.0, seconds - EARLY_S), 6)


def control(command: str, **fields: object) -> Control:
    return Control(command, COMMANDS[command](fields), CLIENT)


def recorded(path: Path, frames: int = 10) -> Path:
    return record(path / "show.mcap", show(frames))


class Playing:
    """A replay that runs, and what it has put on the bus."""

    def __init__(self, source: ReplaySource) -> None:
        self.source: Final = source
        self.publish: Final = TimedRecorder()
        self.ended: Final = anyio.Event()

    @property
    def sealed(self) -> list[Sealed]:
        return [sealed for sealed, _ in self.publish.forwarded]

    @property
    def frames(self) -> list[int]:
        """The numbers of the frames shown."""
        return [sealed.sequence for sealed in self.sealed if isinstance(sealed.message, Frame)]

    @property
    def shown(self) -> list[tuple[str, int]]:
        """All that was shown, as topic and recorded number."""
        return [(topic_of(sealed.message), sealed.sequence) for sealed in self.sealed]

    @property
    def playback(self) -> Playback:
        playback = self.source.playback()
        assert playback is not None
        return playback

    def say(self, command: str, **fields: object) -> None:
        """Send a command, as a client would."""
        self.source.command(control(command, **fields))

    async def then(self, command: str, **fields: object) -> list[tuple[str, int]]:
        """What is shown, within a moment, because of a command."""
        before = len(self.sealed)
        self.say(command, **fields)
        await settled()
        return self.shown[before:]

    async def step(self, frames: int) -> list[int]:
        """The frames that a step shows."""
        before = len(self.frames)
        await self.then("replay_seek", frames=frames)
        assert self.playback.paused
        return self.frames[before:]

    async def run(self) -> None:
        await self.source.run(self.publish)
        self.ended.set()


async def settled() -> None:
    """Until no task can run: only then does virtual time pass."""
    await anyio.sleep(1e-6)


async def played(path: Path | Iterable[Path], /, **changes: Any) -> Playing:
    """A replay that has ended."""
    playing = Playing(ReplaySource(settings(path, **changes), context("replay"), inline))
    await playing.run()
    return playing


@asynccontextmanager
async def on_air(path: Path | Iterable[Path], /, **changes: Any) -> AsyncGenerator[Playing]:
    """A replay that is cancelled at the end of the block."""
    playing = Playing(ReplaySource(settings(path, **changes), context("replay"), inline))
    async with anyio.create_task_group() as group:
        group.start_soon(playing.run)
        yield playing
        group.cancel_scope.cancel()
