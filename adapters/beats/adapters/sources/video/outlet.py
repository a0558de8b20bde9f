"""Turns what FFmpeg decodes into what goes on the bus: pixels in RGB, or a camera's JPEG as it is."""

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PIL import Image

from beats.adapters.sources.video.fitting import fitted
from beats.adapters.sources.video.jpeg import whole
from beats.adapters.sources.video.settings import VideoSettings
from beats.kernel.envelope import Frame
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Publish
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.errors import PictureError, check_size
from beats.pictures.formats import identify
from beats.pictures.publishing import PixelPublisher

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

DAMAGED: Final = "damaged pictures"
_UNSPECIFIED: Final = 2
"""ITU-T H.273: the number of an unknown matrix of colours."""
_MOST_SD_LINES: Final = 576
"""The most lines of standard definition. Larger pictures are taken for BT.709 if the file does not tell."""
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    -90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    -180: Image.Transpose.ROTATE_180,
}
"""By the angle of the display matrix, counterclockwise as Pillow's."""


class Raw(NamedTuple):
    """Pixels in RGB, row by row without gaps."""

    data: bytes
    size: tuple[int, int]


class Outlet:
    """Converts and publishes the pictures of one attempt; for one thread."""

    def __init__(
        self, settings: VideoSettings, pixels: PixelPublisher, publish: Publish, reports: ThrottledLog
    ) -> None:
        import av.video.reformatter

        self._settings: Final = settings
        self._pixels: Final = pixels
        self._publish: Final = publish
        self._reports: Final = reports
        self._scaler: Final[Any] = av.video.reformatter.VideoReformatter()
        """Kept for all pictures: it reuses its tables as long as their size does not change."""

    def wait(self) -> None:
        """Wait until the pixels that were handed over are on the bus."""
        if self._pixels.is_pending(self._settings.picture):
            self._pixels.wait(self._settings.picture)

    def raw(self, frame: "VideoFrame", aspect: float) -> Raw | None:
        """The pixels of a decoded frame, in the size of the settings; None if it cannot be shown.

        Args:
            frame: as the decoder gave it.
            aspect: width of a pixel of it, divided by its height.
        """
        try:
            check_size(frame.width, frame.height, self._pixels.settings.max_pixels)
            return self._converted(frame, aspect)
        except (PictureError, ArithmeticError) as error:
            self.refuse(str(error))
            return None

    def jpeg(self, data: bytes) -> Frame | None:
        """A camera's JPEG as it is; None if it is damaged."""
        try:
            data = whole(data)
            info = identify(data, max_pixels=self._pixels.settings.max_pixels)
        except PictureError as error:
            self.refuse(str(error))
            return None
        return Frame(data, self._settings.picture, *info)

    def show(self, picture: Raw | Frame, captured_unix_ns: int) -> None:
        """Publish a picture; pixels are encoded by other threads."""
        try:
            if isinstance(picture, Frame):
                self._publish.from_thread(picture, captured_unix_ns=captured_unix_ns)
                return
            self._pixels.publish(
                picture.data,
                size=picture.size,
                mode="RGB",
                id=self._settings.picture,
                captured_unix_ns=captured_unix_ns,
                send=self._publish.from_thread,
            )
        except QueueFull as error:
            self._reports.add("refused frames", str(error), logging.ERROR)
        except PictureError as error:
            self.refuse(str(error))

    def refuse(self, why: str) -> None:
        """Report a picture that is left out."""
        self._reports.add(DAMAGED, why)

    def _converted(self, frame: "VideoFrame", aspect: float) -> Raw:
        settings = self._settings
        turn = _TURNS.get(frame.rotation)
        is_upright = turn in (None, Image.Transpose.ROTATE_180)
        seen_width, seen_height = frame.width * aspect, float(frame.height)
        if is_upright:
            target = fitted(seen_width, seen_height, settings.size, settings.fit)
        else:
            target = fitted(seen_height, seen_width, settings.size, settings.fit).turned()
        wide, high, crop = target.width, target.height, (target.crop_width, target.crop_height)
        is_hd_by_guess = frame.colorspace == _UNSPECIFIED and frame.height > _MOST_SD_LINES
        is_smaller = wide < frame.width or high < frame.height
        plane = self._scaler.reformat(
            frame,
            wide,
            high,
            "rgb24",
            src_colorspace="ITU709" if is_hd_by_guess and not frame.format.is_rgb else None,
            interpolation="AREA" if is_smaller else "BICUBIC",
        ).planes[0]
        data = _rows(memoryview(plane), plane.line_size, (wide, high), crop)
        if turn is None:
            return Raw(data, crop)
        image = Image.frombytes("RGB", crop, data).transpose(turn)
        return Raw(image.tobytes(), image.size)


def _rows(view: memoryview, line_bytes: int, size: tuple[int, int], crop: tuple[int, int]) -> bytes:
    """The middle of a picture in RGB, without the gaps that FFmpeg leaves behind each row."""
    left, top = (size[0] - crop[0]) // 2, (size[1] - crop[1]) // 2
    width_bytes = 3 * crop[0]
    if width_bytes == line_bytes:
        return bytes(view[top * line_bytes : (top + crop[1]) * line_bytes])
    first = top * line_bytes + 3 * left
    return b"".join(
        view[at : at + width_bytes] for at in range(first, first + crop[1] * line_bytes, line_bytes)
    )
