"""Puts together what a tap consists of, and runs it."""

import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import NamedTuple

import anyio

from beats.cli.address import ServerAddress
from beats.cli.output import out, write
from beats.cli.tap.blocks import Depth
from beats.cli.tap.folder import FrameFolder
from beats.cli.tap.following import Follower
from beats.cli.tap.gaps import Gaps
from beats.cli.tap.lines import Lines
from beats.cli.tap.live import Live
from beats.cli.tap.shows import JsonLines, PlainLines, Show
from beats.cli.tap.stream import Notice, messages, persistent


class Wanted(NamedTuple):
    """What was asked for."""

    address: ServerAddress
    context: ssl.SSLContext | None
    query: Mapping[str, str]
    """Of the stream."""
    reconnect: bool
    as_json: bool
    depth: Depth | None
    """The colours of pictures; None for none."""
    folder: FrameFolder | None
    enough: int | None
    """How many messages are."""


async def tap(wanted: Wanted) -> str | None:
    """Show the stream; gives why it cannot go on, or None when somebody had enough."""
    lines = Lines(colours=out.is_terminal and not out.no_color)
    if wanted.depth is not None:
        return await _with_pictures(wanted, Live(lines, wanted.depth, _size, write))
    plain = PlainLines(lines, lambda: out.width if out.is_terminal else None)
    return await _follower(wanted, JsonLines() if wanted.as_json else plain).follow(_found(wanted))


async def _with_pictures(wanted: Wanted, live: Live) -> str | None:
    ended: str | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(live.obey, group.cancel_scope)
            group.start_soon(live.draw_again)
            ended = await _follower(wanted, live).follow(_found(wanted))
            group.cancel_scope.cancel()
    finally:
        await live.finish()
    return ended


def _follower(wanted: Wanted, show: Show) -> Follower:
    thinned = "max_fps" in {**dict(wanted.address.query), **wanted.query}
    return Follower(show, wanted.folder, Gaps(frames=not thinned), wanted.enough)


def _found(wanted: Wanted) -> AsyncGenerator[str | bytes | Notice]:
    url = wanted.address.stream_url(wanted.query)
    attempt = partial(messages, url, wanted.address.headers(), wanted.context)
    return persistent(attempt) if wanted.reconnect else attempt()


def _size() -> tuple[int, int]:
    return out.width, out.height
