"""What becomes of the bytes that a program writes: one class for each `format`.

`read` runs in a worker thread when there is something to read, and does not block for long. What it read is
published by `publish`, in the event loop, before it is called again: so a program that is too fast is held
back by its pipe.
"""

import logging
import os
import select
from typing import Final, Protocol

from beats.adapters.sources.command.settings import CommandSettings
from beats.adapters.sources.jsonl.publishing import Line, LinePublisher
from beats.kernel.envelope import Frame
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Publish
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.cutter import Cut, PictureCutter
from beats.pictures.errors import PictureError
from beats.pictures.formats import identify
from beats.pictures.pixels import GivenMode
from beats.pictures.publishing import PixelPublisher

_LINES_BYTES: Final = 8 * 1024
"""The most bytes of one read, bounded for the same reason as `CHUNK_BYTES` of the source jsonl."""
_PICTURES_BYTES: Final = 256 * 1024
_REST_MS: Final = 20
"""How long the rest of a frame is waited for in the thread that has read its beginning."""
_MODES: Final[dict[str, GivenMode]] = {"rgb": "RGB", "bgr": "RGB", "rgba": "RGBA", "gray": "L"}


class Reader(Protocol):
    """Reads and publishes what a program writes."""

    is_understood: bool
    """Whether it has found a line, picture or frame yet, also one that is damaged."""

    @property
    def read_bytes(self) -> int:
        """How many bytes came until then."""
        ...

    def read(self, fd: int) -> bool:
        """Read the bytes that are available; False at the end."""
        ...

    async def publish(self) -> None:
        """Publish what was read, unless a thread does so."""
        ...


def reader_of(
    settings: CommandSettings, pixels: PixelPublisher, publish: Publish, reports: ThrottledLog
) -> Reader:
    """The reader of a format."""
    if settings.format == "jsonl":
        return _Lines(LinePublisher(settings.max_line_bytes, reports), publish)
    if settings.format == "pictures":
        return _Pictures(settings, pixels, publish, reports)
    return _Frames(settings, pixels, publish, reports)


def _some(fd: int, most_bytes: int) -> bytes | None:
    """What is there, nothing at the end; None if there is nothing now."""
    try:
        return os.read(fd, most_bytes)
    except BlockingIOError:
        return None


class _Lines:
    is_understood = False
    read_bytes = 0

    def __init__(self, lines: LinePublisher, publish: Publish) -> None:
        self._lines: Final = lines
        self._publish: Final = publish
        self._parsed: list[Line] = []

    def read(self, fd: int) -> bool:
        data = _some(fd, _LINES_BYTES)
        self.read_bytes += len(data or b"")
        self._parsed = self._lines.parsed(data or b"", ends=data == b"")
        self.is_understood |= bool(self._parsed)
        return data != b""

    async def publish(self) -> None:
        await self._lines.publish(self._publish, self._parsed)


class _Pictures:
    is_understood = False
    read_bytes = 0

    def __init__(
        self, settings: CommandSettings, pixels: PixelPublisher, publish: Publish, reports: ThrottledLog
    ) -> None:
        self._picture: Final = settings.picture
        self._pixels: Final = pixels
        self._publish: Final = publish
        self._reports: Final = reports
        self._cutter: Final = PictureCutter(settings.max_picture_bytes)
        self._frames: list[Frame] = []

    def read(self, fd: int) -> bool:
        data = _some(fd, _PICTURES_BYTES)
        self._frames = []
        self.read_bytes += len(data or b"")
        cut = self._cutter.feed(data or b"")
        self._take(cut)
        if data == b"":
            self._take(self._cutter.finish())
        return data != b""

    async def publish(self) -> None:
        for frame in self._frames:
            try:
                await self._publish(frame)
            except QueueFull as error:
                self._reports.add("refused pictures", str(error), logging.ERROR)
            except ValueError as error:
                self._reports.add("bad pictures", str(error))

    def _take(self, cut: Cut) -> None:
        self.is_understood |= bool(cut.faults or cut.pictures)
        for fault in cut.faults:
            self._reports.add("bad pictures", fault)
        for data in cut.pictures:
            try:
                info = identify(data, max_pixels=self._pixels.settings.max_pixels)
            except PictureError as error:
                self._reports.add("bad pictures", str(error))
            else:
                self._frames.append(Frame(data, self._picture, *info))


class _Frames:
    """The newest frame survives: the threads that encode give up older ones, and count them."""

    is_understood = False

    def __init__(
        self, settings: CommandSettings, pixels: PixelPublisher, publish: Publish, reports: ThrottledLog
    ) -> None:
        self._settings: Final = settings
        self._pixels: Final = pixels
        self._publish: Final = publish
        self._reports: Final = reports
        self._frame: Final = bytearray(settings.frame_bytes)
        self._filled = 0

    def read(self, fd: int) -> bool:
        view = memoryview(self._frame)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while self._filled < len(view):
            try:
                size = os.readv(fd, [view[self._filled :]])
            except BlockingIOError:
                if not poll.poll(_REST_MS):
                    break
                continue
            if not size:
                if self._filled:
                    text = f"the output ended within a frame, after {self._filled:,} of {len(view):,} bytes"
                    self._reports.add("bad frames", text)
                return False
            self._filled += size
        if self._filled == len(view):
            self._filled = 0
            self._offer()
        return True

    @property
    def read_bytes(self) -> int:
        """How many bytes of the first frame were read."""
        return self._filled

    async def publish(self) -> None:
        """The threads that encode do it."""

    def _offer(self) -> None:
        self.is_understood = True
        settings = self._settings
        try:
            self._pixels.publish(
                self._frame,
                size=settings.size,
                mode=_MODES[settings.mode],
                order="bgr" if settings.mode == "bgr" else "rgb",
                id=settings.picture,
                send=self._publish.from_thread,
            )
        except ValueError as error:  # more pixels than max_pixels, or too many topics
            self._reports.add("bad frames", str(error))
