"""Shows frames as a picture that is redrawn in place, and everything else as lines above it."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

import anyio
from anyio import to_thread

from beats.cli import keys
from beats.cli.printable import printable
from beats.cli.tap.blocks import BlockPicture, Depth, draw
from beats.cli.tap.item import Item
from beats.cli.tap.lines import Event, Lines
from beats.cli.top.grid import fitted
from beats.kernel.envelope import FRAME_TOPIC, Frame
from beats.kit import units
from beats.kit.gaps import Gap
from beats.recordings.export.png import FrameError

_LEAST_S: Final = 1 / 15
"""The least time between two redraws: smooth enough, and little data for a terminal on a slow line."""
_MOST_LINES: Final = 500
"""Lines that may wait to be drawn; after that they are drawn at once."""
_LEAST_LINES: Final = 6
"""The least lines of a terminal with room for a picture."""
_SPAN_S: Final = 2.0
"""The period over which the frame rate is measured."""
_MOST_FRAMES: Final = 10_000
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
"""Synchronized output: terminals that support it show the content in between at once; others ignore it."""
_HIDE: Final = "\x1b[?25l"
_SHOW: Final = "\x1b[?25h"
_TO_END_OF_LINE: Final = "\x1b[K"
_TO_END_OF_SCREEN: Final = "\x1b[J"
_ALL: Final = "\x1b[H\x1b[2J"


class ScreenBottom:
    """Redraws the lowest lines of a terminal, below lines that scroll.

    No line may have the full width of the terminal, where some wrap and some do not.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        """Draw with `write`; nothing is drawn yet."""
        self._write: Final = write
        self._height = 0
        self._begun = False
        self._wipe = False

    def draw(self, above: Sequence[str], below: Sequence[str]) -> None:
        """Print lines that scroll, and replace the lines below them."""
        output = [_BEGIN]
        if not self._begun:
            output.append(_HIDE)
            self._begun = True
        if self._wipe:  # the terminal has moved what was drawn
            output.append(_ALL)
            self._height, self._wipe = 0, False
        output.append("\r")
        if self._height > 1:
            output.append(f"\x1b[{self._height - 1}A")
        output += [f"{line}{_TO_END_OF_LINE}\n" for line in above]
        output.append(f"{_TO_END_OF_LINE}\n".join(below))
        output += [_TO_END_OF_LINE, _TO_END_OF_SCREEN, _END]
        self._height = len(below)
        self._write("".join(output))

    def resized(self) -> None:
        """Clear the screen with the next drawing, since the terminal has moved the last one."""
        self._wipe = self._begun

    def leave(self) -> None:
        """Move the cursor below what was drawn, and show it."""
        if self._begun:
            self._write(f"\r\n{_SHOW}" if self._height else _SHOW)
            self._height, self._begun = 0, False


class DrawnFrame(NamedTuple):
    """A frame that was drawn, or why it was not."""

    item: Item
    picture: BlockPicture | None
    trouble: str


class Live:
    """A `Display` for a terminal with colours."""

    def __init__(
        self, lines: Lines, depth: Depth, size: Callable[[], tuple[int, int]], write: Callable[[str], None]
    ) -> None:
        """Prepare; nothing is drawn yet.

        Args:
            lines: formats the lines.
            depth: the colours of the terminal.
            size: returns its columns and lines.
            write: writes to it.
        """
        self._lines: Final = lines
        self._depth: Final = depth
        self._size: Final = size
        self._screen: Final = ScreenBottom(write)
        self._above: Final[list[str]] = []
        self._frame: Item | None = None
        self._shown: DrawnFrame | None = None
        self._topic = ""
        """The topic of the picture that is drawn; empty until a picture comes."""
        self._missing = 0
        self._came_s: Final[deque[float]] = deque(maxlen=_MOST_FRAMES)
        self._changed = anyio.Event()

    def show(self, event: Event) -> None:
        """Draw a frame unless a newer one comes first; add a line for anything else."""
        if isinstance(event, Item) and isinstance(event.message, Frame) and self._draws(event.topic):
            self._frame = event
            self._came_s.append(time.monotonic())
            self._changed.set()
            return
        if isinstance(event, Gap) and event.topic == self._topic:
            self._missing += event.missing
        self._add(self._lines.line(event, self._width))

    def _draws(self, topic: str) -> bool:
        """Whether a picture is drawn: the main one, or until that comes the first that came."""
        if topic != self._topic and topic == FRAME_TOPIC:
            self._came_s.clear()
            self._missing = 0
            self._topic = topic
        self._topic = self._topic or topic
        return topic == self._topic

    async def redraw(self) -> None:
        """Draw changes as often as useful and as the terminal allows; never returns."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            await self._paint()
            begun_s = time.monotonic()
            self._draw()
            # A slow terminal blocks everything else, so drawing gets at most a third of the time.
            await anyio.sleep(max(_LEAST_S, 2 * (time.monotonic() - begun_s)))

    async def finish(self) -> None:
        """Draw the latest state, and restore the terminal."""
        with anyio.CancelScope(shield=True):
            try:
                await self._paint()
                self._draw()
            finally:
                self._screen.leave()

    async def handle_signals(self, scope: anyio.CancelScope) -> None:
        """Follow the size of the terminal, suspend on Ctrl-Z, and end with `q` or a signal."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._read_keys, scope)
            await keys.obey_signals(scope, self._resized, self._suspend)

    def _suspend(self) -> None:
        self._screen.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._resized()

    async def _read_keys(self, scope: anyio.CancelScope) -> None:
        async with aclosing(keys.pressed()) as pressed:
            async for key in pressed:
                if key == "q":
                    scope.cancel()

    @property
    def _width(self) -> int:
        return max(1, self._size()[0] - 1)

    def _add(self, line: str) -> None:
        self._above.append(line)
        self._changed.set()
        if len(self._above) >= _MOST_LINES:
            self._draw()

    def _resized(self) -> None:
        self._screen.resized()
        self._shown = None
        self._changed.set()

    async def _paint(self) -> None:
        frame = self._frame
        if frame is None or (self._shown is not None and self._shown.item is frame):
            return
        assert isinstance(frame.message, Frame)
        made, trouble = None, ""
        if (lines := self._size()[1]) >= _LEAST_LINES:
            room = max(1, (lines - 1) * 2 // 3)
            try:
                made = await to_thread.run_sync(draw, frame.message.data, self._width, room, self._depth)
            except FrameError as error:
                trouble = f"cannot be drawn: {printable(str(error))}"
        self._shown = DrawnFrame(frame, made, trouble)

    def _draw(self) -> None:
        below: list[str] = []
        if self._shown is not None:
            below = [
                *(self._shown.picture.rows if self._shown.picture is not None else ()),
                self._caption(self._shown),
            ]
        above, self._above[:] = list(self._above), []
        self._screen.draw(above, below)

    def _caption(self, shown: DrawnFrame) -> str:
        item = shown.item
        caption = [
            f"{printable(item.topic)} {item.sequence or units.UNKNOWN}",
            units.size(item.size_bytes),
            f"age {units.duration(item.age_s)}",
            f"{units.rate(self._rate())} fps",
        ]
        if shown.picture is not None:
            caption.insert(1, f"{shown.picture.width_px} x {shown.picture.height_px}")
        if self._missing:
            caption.append(f"{self._missing:,} missing")
        if shown.trouble:
            caption.append(shown.trouble)
        return fitted("  ".join(caption), self._width).rstrip()

    def _rate(self) -> float | None:
        """Frames per second within the period; None for fewer than two frames."""
        came_s, now_s = self._came_s, time.monotonic()
        while came_s and came_s[0] < now_s - _SPAN_S:
            came_s.popleft()
        if len(came_s) < 2 or came_s[-1] == came_s[0]:
            return None
        return (len(came_s) - 1) / (came_s[-1] - came_s[0])
