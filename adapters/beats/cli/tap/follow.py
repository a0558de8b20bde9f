"""Follows a stream: reads, checks, saves and shows its messages."""

import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import anyio

from beats.cli.address import ServerAddress
from beats.cli.failures import ServerError
from beats.cli.output import out, write
from beats.cli.printable import printable
from beats.cli.tap.blocks import Depth
from beats.cli.tap.item import Item, Notice, Unreadable, read
from beats.cli.tap.lines import Display, JsonLines, Lines, PlainLines
from beats.cli.tap.live import Live
from beats.cli.tap.stream import messages, persistent
from beats.cli.top.fetch import fetch
from beats.kernel.envelope import FRAME_TOPIC, Frame, kind_of_topic
from beats.kit.gaps import Gap, GapCounter
from beats.recordings.unfinished import new_folder, write_new

_HINT_AFTER_S: Final = 2.0
_MOST_NAMES: Final = 16
_MOST_TOPICS: Final = 100_000
"""Topics whose last number is kept."""


class TapOptions(NamedTuple):
    """The options of the command."""

    address: ServerAddress
    context: ssl.SSLContext | None
    query: Mapping[str, str]
    """The query of the stream's address."""
    reconnect: bool
    as_json: bool
    depth: Depth | None
    """The colours of pictures; None to draw none."""
    folder: "FrameSaver | None"
    most: int | None
    """How many messages to take; None for all."""


_MOST_OF_ID: Final = 150
"""Characters of a picture's id in a file name, which may have 255 bytes."""


class FrameSaver:
    """Saves each frame as the original file, named by its sequence number, and its id. Overwrites nothing."""

    def __init__(self, path: Path) -> None:
        """Create the folder if it does not exist; raises OSError when it cannot be created."""
        new_folder(path)
        self._path: Final = path
        self.saved = 0
        self.kept = 0
        """Frames that were not saved because another picture has their name."""

    def save(self, item: Item, frame: Frame) -> Path | None:
        """Save a frame; returns the file with its name, if that holds another picture.

        Raises:
            OSError: the disk rejects it; nothing is left.
        """
        # A frame without a number is named by its time.
        name = str(item.sequence) if item.sequence else f"at-{item.received_unix_ns}"
        picture = f"{quote(frame.id, safe='')[:_MOST_OF_ID]}_" if frame.id else ""
        path = self._path / f"{picture}{name}.{frame.media_type.removeprefix('image/')}"
        try:
            write_new(path, frame.data)
        except FileExistsError as error:
            if error.filename == str(path) and path.read_bytes() == frame.data:  # the state again
                return None
            self.kept += 1
            return Path(str(error.filename))
        self.saved += 1
        return None


class Follower:
    """Shows a stream until the given number of messages."""

    def __init__(
        self,
        display: Display,
        folder: FrameSaver | None = None,
        count: int | None = None,
        *,
        frame_gaps: bool = True,
    ) -> None:
        """Prepare.

        Args:
            display: shows the messages.
            folder: saves the frames, if given.
            count: how many messages to take; None for all.
            frame_gaps: whether to report gaps between frames, which a limited frame rate causes.
        """
        self._display: Final = display
        self._folder: Final = folder
        self._gaps: Final = GapCounter(_MOST_TOPICS)
        self._count: Final = count
        self._frame_gaps: Final = frame_gaps

    async def follow(self, found: AsyncGenerator[str | bytes | Notice]) -> ServerError | str | None:
        """Take messages; returns why it cannot continue, or None after the last one."""
        taken = 0
        try:
            async with aclosing(found):
                async for each in found:
                    if isinstance(each, Notice):
                        self._display.show(each)
                        continue
                    trouble = self._take(read(each, time.time_ns()))
                    taken += 1
                    if trouble is not None or taken == self._count:
                        return trouble
        except ServerError as error:
            return error
        return None

    def _take(self, item: Item | Unreadable) -> str | None:
        if isinstance(item, Unreadable):
            self._display.show(item)
            return None
        gap = self._gaps.add(item.topic, item.sequence)
        are_shown = self._frame_gaps or kind_of_topic(item.topic) != "frame"
        if gap is not None and (are_shown or not isinstance(gap, Gap)):
            self._display.show(gap)
        self._display.show(item)
        if self._folder is not None and isinstance(item.message, Frame):
            return self._save(self._folder, item, item.message)
        return None

    def _save(self, folder: FrameSaver, item: Item, frame: Frame) -> str | None:
        try:
            existing = folder.save(item, frame)
        except OSError as error:
            name = printable(str(error.filename))
            return f"{name}: {error.strerror}: free some space, or give another folder"
        if existing is not None and folder.kept == 1:
            notice = f"{existing} exists and is not overwritten, nor is any other file"
            self._display.show(Notice(notice))
        return None


async def tap(options: TapOptions) -> ServerError | str | None:
    """Show the stream; returns why it cannot continue, or None after the last message."""
    lines = Lines(colours=out.is_terminal and not out.no_color)
    thinned = "max_fps" in {**dict(options.address.query), **options.query}
    follower = partial(Follower, folder=options.folder, count=options.most, frame_gaps=not thinned)
    url = options.address.stream_url(options.query)
    attempt = partial(messages, url, options.address.headers(), options.context)
    stream = persistent(attempt) if options.reconnect else attempt()
    if options.depth is None:
        plain = PlainLines(lines, lambda: out.width if out.is_terminal else None)
        display: Display = JsonLines() if options.as_json else plain
        return await _follow(follower(display), display, stream, options)
    live = Live(lines, options.depth, lambda: (out.width, out.height), write)
    ended: ServerError | str | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(live.handle_signals, group.cancel_scope)
            group.start_soon(live.redraw)
            ended = await _follow(follower(live), live, stream, options)
            group.cancel_scope.cancel()
    finally:
        await live.finish()
    return ended


async def _follow(
    follower: Follower, display: Display, stream: AsyncGenerator[str | bytes | Notice], options: TapOptions
) -> ServerError | str | None:
    """Follow a stream; where no main picture comes, say which pictures there are instead."""
    ended: ServerError | str | None = None
    problem: Exception | SystemExit | None = None
    async with anyio.create_task_group() as group:
        if not {"topics", "kinds"} & {*dict(options.address.query), *options.query}:
            group.start_soon(_hint_at_pictures, display, options)
        try:
            ended = await follower.follow(stream)
        except (Exception, SystemExit) as error:  # raised below, not wrapped in the group's exception group
            problem = error
        group.cancel_scope.cancel()
    if problem is not None:
        raise problem
    return ended


async def _hint_at_pictures(display: Display, options: TapOptions) -> None:
    await anyio.sleep(_HINT_AFTER_S)
    try:
        sample = await fetch(options.address, options.context)
    except ServerError:  # the stream itself tells what is wrong
        return
    topics = [each.topic for each in sample.answer.stats.pictures]
    if topics and FRAME_TOPIC not in topics:
        more = f" and {len(topics) - _MOST_NAMES:,} more" if len(topics) > _MOST_NAMES else ""
        names = ", ".join(f"{topic:.60}" for topic in topics[:_MOST_NAMES])
        display.show(Notice(f"there is no main picture; there are {names}{more}: give --topics '*', or one"))
