"""Publishes recorded envelopes at their times."""

import logging
from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import Path
from typing import Final, NamedTuple, cast

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint

from beats.adapters.sources.replay.commands import COMMANDS, CommandQueue
from beats.adapters.sources.replay.reading import InThread, place_back, read_ahead, select
from beats.adapters.sources.replay.settings import ReplaySettings
from beats.adapters.sources.replay.timeline import EARLY_S, Timeline
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control, kind_of_topic
from beats.kernel.errors import InputError, QueueFull
from beats.kernel.ports import Context, Publish
from beats.kernel.stats import Playback
from beats.kit.paths import expanded
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC
from beats.recordings.format import RecordedMessage
from beats.recordings.scan import Damage
from beats.recordings.selection import Chosen, Selection

_AHEAD: Final = 4
"""How many batches are read ahead."""
_STATE_BYTES: Final = 64 * 1024 * 1024
"""How many bytes are searched, after a seek, for the state at that place."""
_HERE_S: Final = 1e-6
"""Messages within this distance belong to a place: they are recorded in nanoseconds, places are floats."""
_SET_BACK_S: Final = 1.0
"""A message this far before the last one shows that log times follow a wall clock that was set back, as in
files of other programs; threads that overtake each other differ by less."""
_LEAST_LOOP_S: Final = 0.1
"""The shortest duration of a loop, such as one of a single picture."""
_RETRY_S: Final = 1.0
"""The pause before a loop that found nothing to play tries again."""


class Seek(NamedTuple):
    """Where to continue."""

    position_s: float
    frames: int = 0
    """If not 0: show so many frames from there, then pause."""


class ReplaySource:
    """Plays the recorded envelopes bit for bit, without drift.

    Sequence numbers are kept until the first loop, seek or further recording. From then on envelopes are
    numbered consecutively, since viewers take a number that goes back or jumps for a loss.

    A step is a frame; in a recording without frames, it is a message.
    """

    def __init__(
        self, settings: ReplaySettings, context: Context, in_thread: InThread = to_thread.run_sync
    ) -> None:
        self._settings: Final = settings
        self._in_thread: Final = in_thread
        self._log: Final = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")
        self._commands: Final = CommandQueue()
        self._selection: Selection | None = None
        self._timeline: Timeline | None = None
        self._position_s = 0.0
        self._shown_s: float | None = None
        """Where the shown frame is; None when it is the one before the start."""
        self._frames_left: int = 0
        self._has_frames = self._has_played = self._renumber = False
        self._last: Chosen | None = None
        """The message that was published last since the last start, loop or seek."""
        self._loops = 0

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """The commands that it accepts while it plays."""
        return COMMANDS

    def command(self, control: Control) -> None:
        """Carry out a command soon; never waits, and any thread may call it."""
        self._commands.put(control)

    def playback(self) -> Playback | None:
        """The place, counted from the start; None until the recordings were found."""
        selection, timeline = self._selection, self._timeline
        if selection is None or timeline is None:
            return None
        begin_s = selection.filter.start_s
        return Playback(
            max(0.0, self._position_s - begin_s),
            selection.end_s - begin_s,
            timeline.speed,
            timeline.paused,
            self._loops,
            selection.unix_ns(begin_s),
        )

    async def run(self, publish: Publish) -> None:
        """Play to the end, or forever.

        Raises:
            InputError: the recordings cannot be read, or are empty.
        """
        settings = self._settings
        selection = self._take(await self._in_thread(select, settings))
        begin_s = selection.filter.start_s
        speed = inf if settings.speed == "max" else settings.speed
        timeline = self._timeline = Timeline(begin_s, speed, anyio.current_time())
        self._commands.attach()
        seek: Seek | None = Seek(begin_s)
        try:
            while seek is not None:
                timeline.move_to(seek.position_s, anyio.current_time())
                self._position_s, self._shown_s = seek.position_s, None
                self._frames_left = seek.frames
                seek = await self._play(publish, selection, timeline, seek.position_s)
                if seek is None and not self._has_played:
                    others = "".join(f"; {each}" for each in selection.not_shown())
                    raise InputError(
                        f"nothing to play: no message is of these kinds, topics and times{others}"
                    )
                if seek is None:
                    for each in selection.not_shown():
                        self._log.add("messages that are not shown", each)
                if settings.loop and self._last is None and selection.is_broken_between(None, None):
                    await anyio.sleep(_RETRY_S)
                seek = seek or await self._wait_at_end(selection, timeline)
                if seek is not None:
                    self._renumber = True
                    await self._publish_state(publish, selection, seek)
                elif settings.loop:
                    selection = self._take(await self._select_again())
                    begin_s = selection.filter.start_s
                    seek = Seek(begin_s, self._frames_left)
                    self._renumber = True
                    self._loops += 1
        finally:
            self._log.summarise()

    def _take(self, selection: Selection) -> Selection:
        """Play this selection from now on."""
        self._selection = selection
        for skipped in selection.skipped:
            self._log.add("skipped files", f"skipped: {skipped}")
        return selection

    async def _select_again(self) -> Selection:
        """Select again: folders may have gained and lost files, or be empty for a while.

        Raises:
            InputError: no folder was named, and no file can be read any more.
        """
        while True:
            try:
                return cast("Selection", await self._in_thread(partial(select, self._settings, strict=False)))
            except InputError as error:
                if not any(expanded(path).is_dir() for path in self._settings.paths):
                    raise
                self._log.add("rounds without anything to play", f"{error}; trying again")
                await anyio.sleep(_RETRY_S)

    async def _play(
        self, publish: Publish, selection: Selection, timeline: Timeline, position_s: float
    ) -> Seek | None:
        """Play from a place to the end, or until a command to seek, which is returned."""
        seek: Seek | None = None
        self._last = None
        async with anyio.create_task_group() as group:
            send, receive = anyio.create_memory_object_stream[list[Chosen]](_AHEAD)
            batches = selection.batches(position_s, self._report_damage)
            group.start_soon(read_ahead, batches, send, self._in_thread)
            with receive:
                begun = False
                async for batch in receive:
                    if not begun:  # the clock starts when there is something to play
                        timeline.move_to(position_s, anyio.current_time())
                        begun = True
                    for chosen in batch:
                        self._pass_over(selection, timeline, chosen)
                        if chosen.position_s < self._position_s - _SET_BACK_S:
                            timeline.move_to(chosen.position_s, anyio.current_time())
                        if chosen.position_s > position_s + _HERE_S:
                            seek = await self._wait(selection, timeline, chosen.position_s)
                        if seek is not None:
                            break
                        if self._last is not None and chosen.begins_recording(self._last):
                            self._renumber = True
                        self._last = chosen
                        await self._publish(publish, chosen.message)
                        self._keep_place(timeline, chosen)
                    if seek is not None:
                        break
                group.cancel_scope.cancel()  # while `receive` is open
        if seek is None:
            self._pass_over(selection, timeline, None)
        return seek

    def _pass_over(self, selection: Selection, timeline: Timeline, chosen: Chosen | None) -> None:
        """Skip the time of files that can no longer be read, before the next message, or the end if None."""
        last = self._last
        is_same = last is not None and chosen is not None and last.piece is chosen.piece
        if not is_same and selection.is_broken_between(last, chosen):
            now_s = anyio.current_time()
            next_s = selection.end_s if chosen is None else chosen.piece.begins_s
            timeline.move_to(max(timeline.position_s(now_s), next_s), now_s)

    async def _wait_at_end(self, selection: Selection, timeline: Timeline) -> Seek | None:
        """Wait at the end: as long as it is paused there, a seek is possible."""
        end_s = selection.end_s
        if self._settings.loop:
            end_s = max(end_s, selection.filter.start_s + _LEAST_LOOP_S)
        else:
            self._frames_left = 0
        return await self._wait(selection, timeline, end_s)

    async def _publish_state(self, publish: Publish, selection: Selection, seek: Seek) -> None:
        for message in await self._in_thread(selection.state_before, seek.position_s, _STATE_BYTES):
            if (
                kind_of_topic(message.topic) != "frame" or not seek.frames
            ):  # a step shows only the frame that it leads to
                await self._publish(publish, message)

    async def _wait(self, selection: Selection, timeline: Timeline, position_s: float) -> Seek | None:
        """Wait until a place is due, and carry out commands meanwhile."""
        while True:
            for control in self._commands.take():
                seek = await self._obey(control, selection, timeline)
                if seek is not None:
                    return seek
            if self._frames_left:
                return None  # a step does not wait
            due_s = timeline.due_s(position_s) - EARLY_S
            if due_s <= anyio.current_time():
                return None
            with anyio.move_on_after(due_s - anyio.current_time()):
                await self._commands.wait()

    async def _obey(self, control: Control, selection: Selection, timeline: Timeline) -> Seek | None:
        fields, now_s = control.fields, anyio.current_time()
        if control.command == "replay_pause":
            paused = fields["paused"]
            self._frames_left = 0
            timeline.set_paused(not timeline.paused if paused is None else bool(paused), now_s)
        elif control.command == "replay_speed" and isinstance(speed := fields["speed"], float):
            timeline.set_speed(speed, now_s)
        elif control.command == "replay_seek":
            return await self._seek(fields, selection, timeline)
        return None

    async def _seek(
        self, fields: Mapping[str, object], selection: Selection, timeline: Timeline
    ) -> Seek | None:
        begin_s = selection.filter.start_s
        here_s = self._position_s if timeline.paused else timeline.position_s(anyio.current_time())
        if isinstance(frames := fields.get("frames"), int):
            timeline.set_paused(True, anyio.current_time())
            frames += self._frames_left  # holding a key sends steps faster than they are carried out
            self._frames_left = max(0, frames)
            if frames >= 0:
                return None
            # If nothing was shown yet, viewers see the last frame before this place.
            here_s, back = (
                (self._position_s, 1 - frames) if self._shown_s is None else (self._shown_s, -frames)
            )
            place_s = await self._in_thread(place_back, selection, here_s, back, self._has_frames)
            return Seek(place_s, frames=1)
        if isinstance(offset_s := fields.get("offset_s"), float):
            place_s = here_s + offset_s
        elif isinstance(position_s := fields.get("position_s"), float):
            place_s = begin_s + position_s
        else:
            return None
        return Seek(min(max(place_s, begin_s), selection.end_s))

    def _keep_place(self, timeline: Timeline, chosen: Chosen) -> None:
        """Note what has just been published."""
        self._has_played = True
        self._position_s = chosen.position_s
        if timeline.paused or timeline.speed == inf:  # then time does not move it
            timeline.move_to(chosen.position_s, anyio.current_time())
        if kind_of_topic(chosen.message.topic) == "frame" or not self._has_frames:
            self._shown_s = chosen.position_s
            self._frames_left = max(0, self._frames_left - 1)

    async def _publish(self, publish: Publish, message: RecordedMessage) -> None:
        self._has_frames = self._has_frames or kind_of_topic(message.topic) == "frame"
        try:
            await publish.forward(OPEN_CODEC.decode(message.encoded), renumber=self._renumber)
        except QueueFull as error:
            self._log.add("refused envelopes", str(error), logging.ERROR)
        except ValueError as error:
            self._log.add("unreadable messages", f"{message.topic}: {error}")
        else:
            return
        await checkpoint()  # publishing would have let the sinks run; a refused envelope did not

    def _report_damage(self, path: Path, damage: Damage) -> None:
        self._log.add("stretches that cannot be read", f"{path}: {damage}")
