"""Publishes pictures, each for its time."""

import logging
from collections.abc import Generator
from typing import Final

import anyio

from beats.adapters.sources.images.decode import Enlargement
from beats.adapters.sources.images.listing import File
from beats.adapters.sources.images.settings import ImagesSettings
from beats.adapters.sources.images.slideshow import Slide, Slideshow
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError, QueueFull
from beats.kernel.ports import Context, Publish
from beats.kit.offload import Offload, in_a_thread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher

STILL_S: Final = 1.0
"""How long a still picture is shown, unless `fps` is set."""
SETTLE_S: Final = 0.2
"""How long files must stay unchanged before they are read: some programs write a file in several steps."""
SETTLE_LOOKS: Final = 5
"""After this many checks, files that keep changing are read anyway."""

_Slides = Generator[Slide | None]


class _TheEnd(Exception):  # noqa: N818 - not an error
    """There is no further picture."""


class ImagesSource:
    """Shows each picture for its time, against absolute deadlines, so that an animation does not drift.

    No picture is left out. If one is late by more than its own time (slow decoding, a machine that slept),
    the later ones are delayed as well, so that they do not follow in a burst.
    """

    def __init__(self, settings: ImagesSettings, context: Context, offload: Offload = in_a_thread) -> None:
        self._settings = settings
        self._offload: Final = offload
        self._pixels: Final = context.service(PixelPublisher)
        self._reports = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")

    async def run(self, publish: Publish) -> None:
        """Publish until the last picture has had its time or, when looping, until cancelled.

        Raises:
            InputError: the path holds nothing readable.
        """
        settings = self._settings
        self._changed = anyio.Event()
        is_watched = settings.loop and settings.refresh_s > 0
        slideshow = Slideshow(
            settings.path,
            Enlargement(settings.scale, settings.size),
            self._pixels,
            self._report,
            loop=settings.loop,
            cache_bytes=settings.cache_bytes,
            is_watched=is_watched,
        )
        fault: InputError | None = None
        slides = slideshow.slides()
        try:
            async with anyio.create_task_group() as group:
                if is_watched:
                    group.start_soon(self._watch, slideshow)
                try:
                    await self._show(slideshow, slides, publish)
                except InputError as error:
                    fault = error  # raised below, not wrapped in the task group's exception group
                group.cancel_scope.cancel()
        finally:
            slides.close()
        if fault is not None:
            raise fault

    async def _show(self, slideshow: Slideshow, slides: _Slides, publish: Publish) -> None:
        deadline = anyio.current_time()
        on_air: File | None = None
        while True:
            try:
                slide = await self._offload(_next, slides)
            except _TheEnd:
                await anyio.sleep_until(deadline)
                return
            if on_air is None:
                deadline = anyio.current_time()
            if slide is None:  # the files were removed; others may come
                await anyio.sleep(self._settings.refresh_s)
                on_air = None
                continue
            if not await self._is_due(slideshow, on_air, deadline):
                deadline = anyio.current_time()
            if slide.file not in slideshow.listing:  # it was read ahead, and has changed since
                continue
            on_air, picture = slide.file, slide.picture
            await self._offer(publish, picture.frame)
            shown_s = 1 / self._settings.fps if self._settings.fps else picture.duration_s or STILL_S
            deadline = max(deadline + shown_s, anyio.current_time())

    async def _is_due(self, slideshow: Slideshow, on_air: File | None, deadline: float) -> bool:
        """Wait until a picture has had its time; False as soon as its file is removed or changed."""
        while True:
            changed = self._changed
            with anyio.CancelScope(deadline=deadline):
                await changed.wait()
            if not changed.is_set():
                return True
            self._changed = anyio.Event()
            if on_air is not None and on_air not in slideshow.listing:
                return False

    async def _watch(self, slideshow: Slideshow) -> None:
        """Check the files regularly; take changes once the files have settled."""
        refresh_s = self._settings.refresh_s
        while True:
            await anyio.sleep(refresh_s)
            found = await self._offload(slideshow.look)
            if found is None or found == slideshow.listing:
                continue
            for _ in range(SETTLE_LOOKS):
                await anyio.sleep(min(refresh_s, SETTLE_S))
                before, found = found, await self._offload(slideshow.look)
                if found == before:
                    break
            if found is not None:
                slideshow.listing = found
                self._changed.set()

    async def _offer(self, publish: Publish, frame: Frame) -> None:
        try:
            await publish(frame)
        except QueueFull as error:
            self._reports.add("refused frames", str(error), logging.ERROR)

    def _report(self, text: str) -> None:
        self._reports.add("files with faults", text)


def _next(slides: _Slides) -> Slide | None:
    try:
        return next(slides)
    except StopIteration:  # it cannot pass through a coroutine
        raise _TheEnd from None
