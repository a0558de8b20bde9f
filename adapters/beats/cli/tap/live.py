"""Shows frames as a picture that is drawn again and again, and everything else as lines above it."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, NamedTuple

import anyio
from anyio import to_thread

from beats.cli import keys
from beats.cli.printable import printable
from beats.cli.tap.blocks import Depth, Picture, PictureError, picture
from beats.cli.tap.gaps import Gap, Return
from beats.cli.tap.item import Item, Unreadable
from beats.cli.tap.lines import Lines
from beats.cli.tap.runner import Stage
from beats.cli.top.grid import fitted
from beats.kernel.envelope import Frame
from beats.kit import units

_LEAST_S: Final = 1 / 15
"""Between two drawings: enough for a person, and little for a terminal at the end of a slow line."""
_MOST_LINES: Final = 500
"""That wait to be drawn; then nothing more is taken before they are."""
_LEAST_LINES: Final = 6
"""Of a terminal that has room for a picture."""
_SPAN_S: Final = 2.0
"""Over which frames are counted."""
_MOST_FRAMES: Final = 10_000


class Shown(NamedTuple):
    """A frame that was drawn, or why not."""

    item: Item
    picture: Picture | None
    trouble: str


class Live:
    """A `Show` on a terminal with colours."""

    def __init__(
        self, lines: Lines, depth: Depth, size: Callable[[], tuple[int, int]], write: Callable[[str], None]
    ) -> None:
        """Prepare; nothing is drawn yet.

        Args:
            lines: makes the lines.
            depth: the colours of the terminal.
            size: its columns and lines, each time it is asked.
            write: writes to it.
        """
        self._lines: Final = lines
        self._depth: Final = depth
        self._size: Final = size
        self._stage: Final = Stage(write)
        self._above: Final[list[str]] = []
        self._frame: Item | None = None
        self._shown: Shown | None = None
        self._missing = 0
        self._came_s: Final[deque[float]] = deque(maxlen=_MOST_FRAMES)
        self._changed = anyio.Event()

    def item(self, item: Item) -> None:
        """A frame is to be drawn if no newer one comes before; anything else is a line."""
        if isinstance(item.message, Frame):
            self._frame = item
            self._came_s.append(time.monotonic())
            self._changed.set()
        else:
            self._add(self._lines.item(item, self._width))

    def gap(self, gap: Gap | Return) -> None:
        """A line, and part of what is said below the picture."""
        if isinstance(gap, Gap) and gap.topic == "frame":
            self._missing += gap.missing
        self._add(self._lines.gap(gap, self._width))

    def unreadable(self, unreadable: Unreadable) -> None:
        """A line."""
        self._add(self._lines.unreadable(unreadable, self._width))

    def notice(self, text: str) -> None:
        """A line."""
        self._add(self._lines.notice(text, self._width))

    async def draw_again(self) -> None:
        """Draw whatever changes, as often as a person can see and the terminal can take it; never ends."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            await self._paint()
            begun_s = time.monotonic()
            self._draw()
            # A terminal that is slow to take it holds everything up: two thirds of the time are for the rest.
            await anyio.sleep(max(_LEAST_S, 2 * (time.monotonic() - begun_s)))

    async def finish(self) -> None:
        """Draw what came last, and leave the terminal as it was."""
        with anyio.CancelScope(shield=True):
            try:
                await self._paint()
                self._draw()
            finally:
                self._stage.leave()

    async def obey(self, scope: anyio.CancelScope) -> None:
        """Follow the terminal's size, give it back when told to, and end with `q` or a signal."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._obey_keys, scope)
            with anyio.open_signal_receiver(
                signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGTSTP
            ) as received:
                async for number in received:
                    if number == signal.SIGWINCH:
                        self._resized()
                    elif number == signal.SIGTSTP:
                        self._stage.leave()
                        os.kill(os.getpid(), signal.SIGSTOP)
                        self._resized()
                    else:
                        scope.cancel()

    async def _obey_keys(self, scope: anyio.CancelScope) -> None:
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
        self._stage.resized()
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
                made = await to_thread.run_sync(
                    picture, frame.message.png_data, self._width, room, self._depth
                )
            except PictureError as error:
                trouble = f"cannot be drawn: {printable(str(error))}"
        self._shown = Shown(frame, made, trouble)

    def _draw(self) -> None:
        below: list[str] = []
        if self._shown is not None:
            below = [
                *(self._shown.picture.rows if self._shown.picture is not None else ()),
                self._caption(self._shown),
            ]
        above, self._above[:] = list(self._above), []
        self._stage.draw(above, below)

    def _caption(self, shown: Shown) -> str:
        item = shown.item
        said = [
            f"frame {item.sequence or units.UNKNOWN}",
            units.size(item.size_bytes),
            f"age {units.duration(item.age_s)}",
            f"{units.rate(self._rate())} fps",
        ]
        if shown.picture is not None:
            said.insert(1, f"{shown.picture.width_px} x {shown.picture.height_px}")
        if self._missing:
            said.append(f"{self._missing:,} missing")
        if shown.trouble:
            said.append(shown.trouble)
        return fitted("  ".join(said), self._width).rstrip()

    def _rate(self) -> float | None:
        """Frames a second, from the first to the last within the span; None while there are not two."""
        came_s, now_s = self._came_s, time.monotonic()
        while came_s and came_s[0] < now_s - _SPAN_S:
            came_s.popleft()
        if len(came_s) < 2 or came_s[-1] == came_s[0]:
            return None
        return (len(came_s) - 1) / (came_s[-1] - came_s[0])
