"""What a replay reads: its recordings, ahead of time, and back to an earlier frame."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.envelope import kind_of_topic
from beats.kernel.errors import InputError
from beats.recordings.selection import Chosen, Selection

InThread = Callable[..., Awaitable[Any]]
"""Runs a function in a worker thread."""
_FIRST_LOOK_S: Final = 2.0


def select(settings: ReplaySettings, *, strict: bool = True) -> Selection:
    """Select what the settings name.

    Args:
        settings: of the source.
        strict: whether files that are named directly must exist.

    Raises:
        InputError: a file cannot be read, or there is nothing to play.
    """
    start, end = (None if moment is None else str(moment) for moment in (settings.start, settings.end))
    try:
        selection = Selection(
            settings.paths, start=start, end=end, topics=settings.topics, kinds=settings.kinds, strict=strict
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    if selection.filter.start_s > selection.duration_s:
        there = f"the recordings end {selection.duration_s:.3f} s from their beginning"
        raise InputError(f"start ({start}) is too late: {there}")
    return selection


async def read_ahead(
    batches: Generator[list[Chosen]], send: MemoryObjectSendStream[list[Chosen]], in_thread: InThread
) -> None:
    """Read in a worker thread, as far ahead as there is room; leave out repeated state."""
    with send:
        try:
            while (batch := await in_thread(next, batches, None)) is not None:
                fresh = [chosen for chosen in batch if not chosen.repeated]
                if fresh:
                    await send.send(fresh)
        except anyio.BrokenResourceError:
            pass  # the player has failed, and reports it
        finally:
            batches.close()


def place_back(selection: Selection, position_s: float, back: int, only_frames: bool) -> float:
    """The place of the n-th frame before a place; of the first frame when there are fewer.

    Args:
        selection: what is played.
        position_s: the place, exclusive.
        back: how many frames back, from 1.
        only_frames: whether to ignore other messages.
    """
    begin_s, look_s = selection.filter.start_s, _FIRST_LOOK_S
    while True:
        from_s = max(begin_s, position_s - look_s)
        found = _places(selection, from_s, position_s, only_frames)
        if len(found) >= back or from_s == begin_s:
            return found[-min(back, len(found))] if found else begin_s
        look_s *= 4


def _places(selection: Selection, from_s: float, to_s: float, only_frames: bool) -> list[float]:
    found: list[float] = []
    with closing(selection.batches(from_s, lambda path, damage: None)) as batches:
        for batch in batches:
            if batch[0].position_s >= to_s:
                break
            found += [
                chosen.position_s
                for chosen in batch
                if chosen.position_s < to_s
                and not chosen.repeated
                and (kind_of_topic(chosen.message.topic) == "frame" or not only_frames)
            ]
    return found
