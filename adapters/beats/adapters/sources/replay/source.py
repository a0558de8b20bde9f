"""Puts recorded envelopes on the bus at their times."""

import logging
from collections.abc import Generator, Mapping
from math import inf
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectSendStream

from beats.adapters.recordings.content import Message
from beats.adapters.recordings.scan import Damage
from beats.adapters.recordings.sealed import sealed
from beats.adapters.recordings.selection import Chosen, Selection
from beats.adapters.reports import Reports
from beats.adapters.sources.replay.commands import COMMANDS
from beats.adapters.sources.replay.controls import Controls, frame_near
from beats.adapters.sources.replay.settings import ReplaySettings
from beats.adapters.sources.replay.timeline import EARLY_S, Timeline
from beats.kernel.envelope import Control
from beats.kernel.errors import InputError, QueueFull
from beats.kernel.ports import CommandCheck, Context, Publish
from beats.kernel.stats import Playback

_T = TypeVar("_T")
_AHEAD: Final = 4
"""Batches that are read ahead."""
_STATE_BYTES: Final = 64 * 1024 * 1024
"""How far back is read, after a seek, for the state at that place."""


class Jump(NamedTuple):
    """Where to go on."""

    position_s: float
    frames: int | None = None
    """When set: show so many frames from there, then stand still."""


class ReplaySource:
    """Plays the recorded envelopes bit for bit, each at its time from one anchor, so that nothing drifts.

    Their sequence numbers are kept until it begins again or somebody seeks: from then on envelopes are
    numbered on, since to a viewer a number that goes back, or a leap, would be a loss.
    """

    def __init__(self, settings: ReplaySettings, context: Context) -> None:
        self._settings: Final = settings
        self._reports: Final = Reports(logging.getLogger(__name__), f"source {context.name!r}")
        self._controls: Final = Controls()
        self._selection: Selection | None = None
        self._timeline: Timeline | None = None
        self._position_s = 0.0
        self._frames_left: int | None = None
        self._renumber = False
        self._loops = 0

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """What it can be told while it plays."""
        return COMMANDS

    def command(self, control: Control) -> None:
        """Obey soon; never waits, and any thread may call it."""
        self._controls.put(control)

    def playback(self) -> Playback | None:
        """Where it is, counted from where it began; None until the recordings were found."""
        selection, timeline = self._selection, self._timeline
        if selection is None or timeline is None:
            return None
        begin_s = selection.choice.start_s
        return Playback(
            max(0.0, self._position_s - begin_s),
            selection.end_s - begin_s,
            timeline.speed,
            timeline.paused,
            self._loops,
        )

    async def run(self, publish: Publish) -> None:
        """Play to the end, or for ever.

        Raises:
            InputError: the recordings cannot be read, or hold nothing.
        """
        settings = self._settings
        selection = self._selection = await to_thread.run_sync(self._select)
        begin_s = selection.choice.start_s
        speed = inf if settings.speed == "max" else settings.speed
        timeline = self._timeline = Timeline(begin_s, speed, anyio.current_time())
        self._controls.attach()
        jump: Jump | None = Jump(begin_s)
        try:
            while jump is not None:
                timeline.move_to(jump.position_s, anyio.current_time())
                self._position_s = jump.position_s
                self._frames_left = jump.frames
                jump = await self._play(publish, selection, timeline, jump.position_s)
                if jump is None and settings.loop:
                    jump = Jump(begin_s)
                    self._renumber = True
                    self._loops += 1
        finally:
            self._reports.summarise()

    async def _play(
        self, publish: Publish, selection: Selection, timeline: Timeline, position_s: float
    ) -> Jump | None:
        """Play from a place to the end, which is None, or to where somebody wants to go on elsewhere."""
        jump: Jump | None = None
        async with anyio.create_task_group() as group:
            send, receive = anyio.create_memory_object_stream[list[Chosen]](_AHEAD)
            group.start_soon(self._read, selection, position_s, send)
            with receive:
                async for batch in receive:
                    for chosen in batch:
                        jump = await self._wait(selection, timeline, chosen.position_s)
                        if jump is not None:
                            break
                        await self._publish(publish, chosen.message)
                        self._position_s = chosen.position_s
                        self._count_frame(timeline, chosen)
                    if jump is not None:
                        break
                else:
                    # Paused behind the last message, there is still a way back.
                    jump = await self._wait(selection, timeline, selection.end_s)
                group.cancel_scope.cancel()  # while there is still somebody to send to
        if jump is not None:
            self._renumber = True
            for message in await to_thread.run_sync(selection.state_before, jump.position_s, _STATE_BYTES):
                await self._publish(publish, message)
        return jump

    async def _read(
        self, selection: Selection, position_s: float, send: MemoryObjectSendStream[list[Chosen]]
    ) -> None:
        """Read ahead, in a worker thread, a little."""
        with send:
            batches = selection.batches(position_s, self._report_damage)
            try:
                while (batch := await to_thread.run_sync(_next, batches)) is not None:
                    fresh = [chosen for chosen in batch if not chosen.repeated]
                    if fresh:
                        await send.send(fresh)
            finally:
                batches.close()

    async def _wait(self, selection: Selection, timeline: Timeline, position_s: float) -> Jump | None:
        """Wait until a place is due, obeying what is said meanwhile."""
        while True:
            for control in self._controls.take():
                jump = await self._obey(control, selection, timeline)
                if jump is not None:
                    return jump
            if self._frames_left is not None:
                if self._frames_left > 0:
                    return None  # stepping: the frame is wanted now
                timeline.set_paused(True, anyio.current_time())
            due_s = timeline.due_s(position_s) - EARLY_S
            if due_s <= anyio.current_time():
                return None
            with anyio.move_on_after(due_s - anyio.current_time()):
                await self._controls.wait()

    async def _obey(self, control: Control, selection: Selection, timeline: Timeline) -> Jump | None:
        fields, now_s = control.fields, anyio.current_time()
        if control.command == "replay_pause":
            paused = fields["paused"]
            self._frames_left = None
            timeline.set_paused(not timeline.paused if paused is None else bool(paused), now_s)
        elif control.command == "replay_speed" and isinstance(speed := fields["speed"], float):
            timeline.set_speed(speed, now_s)
        elif control.command == "replay_seek":
            return await self._seek(fields, selection, timeline)
        return None

    async def _seek(
        self, fields: Mapping[str, object], selection: Selection, timeline: Timeline
    ) -> Jump | None:
        begin_s = selection.choice.start_s
        here_s = self._position_s if timeline.paused else timeline.position_s(anyio.current_time())
        if isinstance(frames := fields.get("frames"), int):
            if frames > 0:
                self._frames_left = frames
                timeline.set_paused(False, anyio.current_time())
                return None
            place_s = await to_thread.run_sync(frame_near, selection, self._position_s, frames)
            timeline.set_paused(False, anyio.current_time())
            return Jump(place_s, frames=1)
        if isinstance(offset_s := fields.get("offset_s"), float):
            place_s = here_s + offset_s
        elif isinstance(position_s := fields.get("position_s"), float):
            place_s = begin_s + position_s
        else:
            return None
        return Jump(min(max(place_s, begin_s), selection.end_s))

    def _count_frame(self, timeline: Timeline, chosen: Chosen) -> None:
        if self._frames_left is not None:
            if chosen.message.topic == "frame":
                self._frames_left -= 1
            timeline.move_to(chosen.position_s, anyio.current_time())

    async def _publish(self, publish: Publish, message: Message) -> None:
        try:
            await publish.forward(sealed(message.encoded), renumber=self._renumber)
        except QueueFull as error:
            self._reports.add("refused envelopes", str(error), logging.ERROR)
        except ValueError as error:
            self._reports.add("unreadable messages", f"{message.topic}: {error}")
            await checkpoint()

    def _select(self) -> Selection:
        settings = self._settings
        start, end = (None if moment is None else str(moment) for moment in (settings.start, settings.end))
        try:
            return Selection(
                settings.paths, start=start, end=end, topics=settings.topics, kinds=settings.kinds
            )
        except ValueError as error:
            raise InputError(str(error)) from error

    def _report_damage(self, path: Path, damage: Damage) -> None:
        what = f"{path}: {damage.size_bytes} bytes from {damage.offset} on are passed over: {damage.why}"
        self._reports.add("stretches that cannot be read", what)


def _next(batches: Generator[_T]) -> _T | None:
    return next(batches, None)
