"""Puts recorded envelopes on the bus at their times."""

import logging
from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import Path
from typing import Final, NamedTuple, cast

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint

from beats.adapters.sources.replay.commands import COMMANDS
from beats.adapters.sources.replay.controls import Controls
from beats.adapters.sources.replay.reading import InThread, place_back, read_ahead, select
from beats.adapters.sources.replay.settings import ReplaySettings
from beats.adapters.sources.replay.timeline import EARLY_S, Timeline
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.errors import InputError, QueueFull
from beats.kernel.ports import Context, Publish
from beats.kernel.stats import Playback
from beats.kit.paths import expanded
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC
from beats.recordings.content import Message
from beats.recordings.scan import Damage
from beats.recordings.selection import Chosen, Selection

_AHEAD: Final = 4
"""Batches that are read ahead."""
_STATE_BYTES: Final = 64 * 1024 * 1024
"""How far back is read, after a seek, for the state at that place."""
_HERE_S: Final = 1e-6
"""Messages this near belong to a place: they are recorded in nanoseconds, and places are floats."""
_SET_BACK_S: Final = 1.0
"""A place this far before the last one means that log times are those of a wall clock that was set back, not
that threads overtook: other programs write such files."""
_LEAST_LOOP_S: Final = 0.1
"""What takes no time, such as a single picture, begins again after this long."""
_RETRY_S: Final = 1.0
"""A loop that finds nothing to play looks again after this long."""


class Jump(NamedTuple):
    """Where to go on."""

    position_s: float
    frames: int = 0
    """When not 0: show so many frames from there, then stand still."""


class ReplaySource:
    """Plays the recorded envelopes bit for bit, each at its time from one anchor, so that nothing drifts.

    Their sequence numbers are kept until it begins again, another recording follows or somebody seeks: from
    then on envelopes are numbered on, since to a viewer a number that goes back, or a leap, would be a loss.

    A step is a frame; as long as none was seen, as in a recording without any, it is a message.
    """

    def __init__(
        self, settings: ReplaySettings, context: Context, in_thread: InThread = to_thread.run_sync
    ) -> None:
        self._settings: Final = settings
        self._in_thread: Final = in_thread
        self._reports: Final = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")
        self._controls: Final = Controls()
        self._selection: Selection | None = None
        self._timeline: Timeline | None = None
        self._position_s = 0.0
        self._shown_s: float | None = None
        """Where the frame is that is shown; None when it is the one before where it began."""
        self._frames_left: int = 0
        self._has_frames = self._has_played = self._renumber = False
        self._last: Chosen | None = None
        """What was put on air last since it began, begun again or jumped."""
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
        selection = self._take(await self._in_thread(select, settings))
        begin_s = selection.choice.start_s
        speed = inf if settings.speed == "max" else settings.speed
        timeline = self._timeline = Timeline(begin_s, speed, anyio.current_time())
        self._controls.attach()
        jump: Jump | None = Jump(begin_s)
        try:
            while jump is not None:
                timeline.move_to(jump.position_s, anyio.current_time())
                self._position_s, self._shown_s = jump.position_s, None
                self._frames_left = jump.frames
                jump = await self._play(publish, selection, timeline, jump.position_s)
                if jump is None and not self._has_played:
                    raise InputError("nothing to play: no message is of these kinds, topics and times")
                if settings.loop and self._last is None and selection.is_broken_between(None, None):
                    await anyio.sleep(_RETRY_S)
                jump = jump or await self._wait_at_end(selection, timeline)
                if jump is not None:
                    self._renumber = True
                    await self._publish_state(publish, selection, jump)
                elif settings.loop:
                    selection = self._take(await self._select_again())
                    begin_s = selection.choice.start_s
                    jump = Jump(begin_s, self._frames_left)
                    self._renumber = True
                    self._loops += 1
        finally:
            self._reports.summarise()

    def _take(self, selection: Selection) -> Selection:
        """Play these from now on."""
        self._selection = selection
        for skipped in selection.skipped:
            self._reports.add("files that are passed over", f"passed over: {skipped}")
        return selection

    async def _select_again(self) -> Selection:
        """What there is now: a folder may have gained and lost files, or be empty for a while.

        Raises:
            InputError: there is no folder, and no file can be read any more.
        """
        while True:
            try:
                return cast("Selection", await self._in_thread(partial(select, self._settings, strict=False)))
            except InputError as error:
                if not any(expanded(path).is_dir() for path in self._settings.paths):
                    raise
                self._reports.add("rounds without anything to play", f"{error}; it is tried again")
                await anyio.sleep(_RETRY_S)

    async def _play(
        self, publish: Publish, selection: Selection, timeline: Timeline, position_s: float
    ) -> Jump | None:
        """Play from a place to the end, which is None, or to where somebody wants to go on elsewhere."""
        jump: Jump | None = None
        self._last = None
        async with anyio.create_task_group() as group:
            send, receive = anyio.create_memory_object_stream[list[Chosen]](_AHEAD)
            batches = selection.batches(position_s, self._report_damage)
            group.start_soon(read_ahead, batches, send, self._in_thread)
            with receive:
                begun = False
                async for batch in receive:
                    if not begun:  # the clock runs from when there is something to play
                        timeline.move_to(position_s, anyio.current_time())
                        begun = True
                    for chosen in batch:
                        self._pass_over(selection, timeline, chosen)
                        if chosen.position_s < self._position_s - _SET_BACK_S:
                            timeline.move_to(chosen.position_s, anyio.current_time())
                        if chosen.position_s > position_s + _HERE_S:
                            jump = await self._wait(selection, timeline, chosen.position_s)
                        if jump is not None:
                            break
                        if self._last is not None and chosen.begins_recording(self._last):
                            self._renumber = True
                        self._last = chosen
                        await self._publish(publish, chosen.message)
                        self._keep_place(timeline, chosen)
                    if jump is not None:
                        break
                group.cancel_scope.cancel()  # while there is still somebody to send to
        if jump is None:
            self._pass_over(selection, timeline, None)
        return jump

    def _pass_over(self, selection: Selection, timeline: Timeline, chosen: Chosen | None) -> None:
        """Let what cannot be read any more take no time, before what comes next: None at the end."""
        last = self._last
        is_same = last is not None and chosen is not None and last.piece is chosen.piece
        if not is_same and selection.is_broken_between(last, chosen):
            now_s = anyio.current_time()
            next_s = selection.end_s if chosen is None else chosen.piece.begins_s
            timeline.move_to(max(timeline.position_s(now_s), next_s), now_s)

    async def _wait_at_end(self, selection: Selection, timeline: Timeline) -> Jump | None:
        """Where the last message is, there is still a way back as long as it is paused."""
        end_s = selection.end_s
        if self._settings.loop:
            end_s = max(end_s, selection.choice.start_s + _LEAST_LOOP_S)
        else:
            self._frames_left = 0
        return await self._wait(selection, timeline, end_s)

    async def _publish_state(self, publish: Publish, selection: Selection, jump: Jump) -> None:
        for message in await self._in_thread(selection.state_before, jump.position_s, _STATE_BYTES):
            if message.topic != "frame" or not jump.frames:  # a step shows the frame that it leads to alone
                await self._publish(publish, message)

    async def _wait(self, selection: Selection, timeline: Timeline, position_s: float) -> Jump | None:
        """Wait until a place is due, obeying what is said meanwhile."""
        while True:
            for control in self._controls.take():
                jump = await self._obey(control, selection, timeline)
                if jump is not None:
                    return jump
            if self._frames_left:
                return None  # the frame is wanted now
            due_s = timeline.due_s(position_s) - EARLY_S
            if due_s <= anyio.current_time():
                return None
            with anyio.move_on_after(due_s - anyio.current_time()):
                await self._controls.wait()

    async def _obey(self, control: Control, selection: Selection, timeline: Timeline) -> Jump | None:
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
    ) -> Jump | None:
        begin_s = selection.choice.start_s
        here_s = self._position_s if timeline.paused else timeline.position_s(anyio.current_time())
        if isinstance(frames := fields.get("frames"), int):
            timeline.set_paused(True, anyio.current_time())
            frames += self._frames_left  # whoever holds a key sends steps faster than they are taken
            self._frames_left = max(0, frames)
            if frames >= 0:
                return None
            # Where nothing was shown yet, it is the last frame before that is seen.
            here_s, back = (
                (self._position_s, 1 - frames) if self._shown_s is None else (self._shown_s, -frames)
            )
            place_s = await self._in_thread(place_back, selection, here_s, back, self._has_frames)
            return Jump(place_s, frames=1)
        if isinstance(offset_s := fields.get("offset_s"), float):
            place_s = here_s + offset_s
        elif isinstance(position_s := fields.get("position_s"), float):
            place_s = begin_s + position_s
        else:
            return None
        return Jump(min(max(place_s, begin_s), selection.end_s))

    def _keep_place(self, timeline: Timeline, chosen: Chosen) -> None:
        """Take note of what has just been shown."""
        self._has_played = True
        self._position_s = chosen.position_s
        if timeline.paused or timeline.speed == inf:  # then it is where it was told to be
            timeline.move_to(chosen.position_s, anyio.current_time())
        if chosen.message.topic == "frame" or not self._has_frames:
            self._shown_s = chosen.position_s
            self._frames_left = max(0, self._frames_left - 1)

    async def _publish(self, publish: Publish, message: Message) -> None:
        self._has_frames = self._has_frames or message.topic == "frame"
        try:
            await publish.forward(OPEN_CODEC.decode(message.encoded), renumber=self._renumber)
        except QueueFull as error:
            self._reports.add("refused envelopes", str(error), logging.ERROR)
        except ValueError as error:
            self._reports.add("unreadable messages", f"{message.topic}: {error}")
        else:
            return
        await checkpoint()  # what was refused has not let the sinks run

    def _report_damage(self, path: Path, damage: Damage) -> None:
        lost = (
            f"{damage.size_bytes} bytes from {damage.offset} on are passed over: "
            if damage.size_bytes
            else ""
        )
        self._reports.add("stretches that cannot be read", f"{path}: {lost}{damage.why}")
