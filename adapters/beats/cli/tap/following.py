"""Takes a stream apart: what is read, missing, saved and shown."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from beats.cli.printable import printable
from beats.cli.tap.folder import FrameFolder
from beats.cli.tap.gaps import Gaps
from beats.cli.tap.item import Item, Unreadable, read
from beats.cli.tap.shows import Show
from beats.cli.tap.stream import Notice, StreamError
from beats.kernel.envelope import Frame

_WAY_OUT: Final = "free some room, or give another folder"


class Follower:
    """Shows a stream until it has seen enough of it."""

    def __init__(self, show: Show, folder: FrameFolder | None, gaps: Gaps, count: int | None) -> None:
        """Prepare.

        Args:
            show: shows it.
            folder: where frames are saved, if they are.
            gaps: looks at the numbers.
            count: how many messages are enough; None if no number is.
        """
        self._show: Final = show
        self._folder: Final = folder
        self._gaps: Final = gaps
        self._count: Final = count

    async def follow(self, found: AsyncGenerator[str | bytes | Notice]) -> str | None:
        """Take what comes; gives why it cannot go on, or None when it has seen enough."""
        taken = 0
        try:
            async with aclosing(found):
                async for each in found:
                    if isinstance(each, Notice):
                        self._show.notice(each.text)
                        continue
                    trouble = self._take(read(each, time.time_ns()))
                    taken += 1
                    if trouble is not None or taken == self._count:
                        return trouble
        except StreamError as error:
            return str(error)
        return None

    def _take(self, item: Item | Unreadable) -> str | None:
        if isinstance(item, Unreadable):
            self._show.unreadable(item)
            return None
        gap = self._gaps.seen(item.topic, item.sequence)
        if gap is not None:
            self._show.gap(gap)
        self._show.item(item)
        if self._folder is not None and isinstance(item.message, Frame):
            return self._save(self._folder, item, item.message)
        return None

    def _save(self, folder: FrameFolder, item: Item, frame: Frame) -> str | None:
        try:
            in_the_way = folder.save(item, frame)
        except OSError as error:
            return f"{printable(str(error.filename))}: {error.strerror}: {_WAY_OUT}"
        if in_the_way is not None and folder.kept == 1:
            self._show.notice(f"{in_the_way} is there already and is not overwritten; nor is any other")
        return None
