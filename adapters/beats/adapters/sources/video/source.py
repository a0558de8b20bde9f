"""Runs a video in a thread of its own."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from beats.adapters.sources.video.live import LiveView, Skipped
from beats.adapters.sources.video.opening import Opened
from beats.adapters.sources.video.outlet import DAMAGED, Outlet
from beats.adapters.sources.video.playing import Player
from beats.adapters.sources.video.settings import VideoSettings
from beats.kernel.errors import ClosedError
from beats.kernel.ports import Context, Publish
from beats.kit.own_thread import Ending, OwnThread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher

log = logging.getLogger(__name__)


class VideoSource:
    """Publishes the pictures of one input. The kernel starts it again when a live input fails or ends."""

    def __init__(
        self, settings: VideoSettings, context: Context, make_ending: Callable[[], Ending] = Ending
    ) -> None:
        self._settings: Final = settings
        self._clock: Final = context.clock
        self._pixels: Final = context.service(PixelPublisher)
        self._thread: Final = OwnThread(f"video-{context.name}", make_ending)
        self._skipped: Final = Skipped()
        self._reports: Final = ThrottledLog(log, f"source {context.name!r}")

    def metrics(self) -> Mapping[str, float]:
        """Pictures that were damaged, and packets of a live input that were not decoded to catch up."""
        return {"damaged_total": self._reports.counts[DAMAGED], "skipped_total": self._skipped.total}

    async def run(self, publish: Publish) -> None:
        """Publish until a file has ended, or until cancelled.

        Raises:
            InputError: the input can never be shown.
            OSError: it cannot be opened or read now.
        """
        await self._thread.run(partial(self._show, publish))

    def _show(self, publish: Publish, ending: Ending) -> None:
        opened = Opened(self._settings, self._pixels.settings.max_pixels)
        try:
            outlet = Outlet(self._settings, self._pixels, publish, self._reports)
            if opened.is_live:
                LiveView(self._settings, opened, outlet, self._clock, ending, self._skipped).watch()
            else:
                # Threads for each picture would hold it back: only a file is decoded ahead.
                opened.stream.thread_type = "AUTO"
                Player(self._settings, opened, outlet, self._clock, ending).play()
        except ClosedError:
            if not ending.is_set:  # if it is, the stream was closed while a picture was on its way
                raise
        finally:
            opened.close()
            self._reports.summarise()
