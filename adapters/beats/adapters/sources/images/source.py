"""The timeline of pictures: which one is on air, and until when."""

import logging
from collections.abc import Callable, Generator, Iterator
from typing import Annotated, Final, Protocol

import anyio
from anyio import to_thread
from pydantic import Field

from beats.adapters.reports import Reports
from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.reading import Picture, Reader
from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.envelope import Frame
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Publish

STILL_S: Final = 1.0
"""How long a picture that is not part of an animation is shown, unless `fps` says otherwise."""

Side = Annotated[int, Field(ge=1, le=8192)]


class Offload(Protocol):
    """Runs a function where it does not stall the event loop."""

    async def __call__(self, function: Callable[[], Picture | None], /) -> Picture | None:
        """The function's result."""
        ...


class ImagesSource:
    """Shows each picture for its time, against absolute deadlines, so that a film does not drift.

    No picture is left out. When one is late by more than its own time (decoding is too slow, the machine
    slept), the rest of the film moves with it rather than follow in a burst.
    """

    def __init__(self, settings: ImagesSettings, context: Context, offload: Offload | None = None) -> None:
        self._settings = settings
        self._offload: Offload = offload or _in_a_thread
        self._reports = Reports(logging.getLogger(__name__), f"source {context.name!r}")

    async def run(self, publish: Publish) -> None:
        """Publish until the last picture had its time, or, when looping, until cancelled.

        Raises:
            InputError: nothing can be read at the path.
        """
        settings = self._settings
        reader = Reader(settings.path, Shape(settings.scale, settings.size), self._report)
        pictures = film(reader.pictures, loop=settings.loop, cache_bytes=settings.cache_bytes)
        deadline: float | None = None
        try:
            while (picture := await self._offload(lambda: next(pictures, None))) is not None:
                if deadline is None:
                    deadline = anyio.current_time()
                await anyio.sleep_until(deadline)
                await self._offer(publish, picture)
                shown_s = 1 / settings.fps if settings.fps else picture.duration_s or STILL_S
                deadline = max(deadline + shown_s, anyio.current_time())
            if deadline is not None:
                await anyio.sleep_until(deadline)
        finally:
            pictures.close()

    async def _offer(self, publish: Publish, picture: Picture) -> None:
        try:
            await publish(Frame(picture.png))
        except QueueFull as error:
            self._reports.add("refused frames", str(error), logging.ERROR)

    def _report(self, text: str) -> None:
        self._reports.add("files with faults", text)


def film(
    read: Callable[[], Iterator[Picture]], *, loop: bool, cache_bytes: int
) -> Generator[Picture, None, None]:
    """All pictures, pass after pass: from memory when one whole pass fits, read again when not."""
    kept: list[Picture] | None = []
    size = 0
    for picture in read():
        size += len(picture.png)
        if kept is not None and size <= cache_bytes:
            kept.append(picture)
        else:
            kept = None
        yield picture
    while loop:
        yield from read() if kept is None else kept


async def _in_a_thread(function: Callable[[], Picture | None]) -> Picture | None:
    return await to_thread.run_sync(function)
