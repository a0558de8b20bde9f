"""Writes an MP4 as a stream: H.264, with each frame at its own time. Needs PyAV, the extra `video`."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from beats.kernel.errors import MissingPackageError
from beats.kit.extras import missing
from beats.pictures.encoders import decode, opaque
from beats.pictures.errors import PictureError
from beats.recordings.export.pace import Pace, Shown
from beats.recordings.export.png import FrameError, fitted

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_ENCODER: Final = "libx264"
TICKS_PER_S: Final = 90_000
"""The usual clock of video: a multiple of the usual frame rates, and fine enough for any other."""
MAX_SIDE_PX: Final = 16_384
"""Of x264."""
_BT709: Final = 1
"""ITU-T H.273: the number of BT.709 as primaries, transfer characteristics and matrix."""
_LIMITED: Final = 1
"""FFmpeg's number of the range of colours that players expect."""
_OPTIONS: Final = {
    "preset": "veryfast",  # half the time of the default for a tenth more bytes
    "crf": "18",  # hardly told from the original
    "bf": "0",  # frames in their order, so that times need no offset
}


class Mp4Writer:
    """Writes frames to a file one by one. Synchronous; `finish` completes the file."""

    converted_why: Final = "as their size differed from that of the first one"

    def __init__(self, path: Path) -> None:
        """Open a file, which may exist.

        Raises:
            MissingPackageError: PyAV is not installed, or was built without x264.
            OSError: the file cannot be written.
        """
        try:
            import av
        except ImportError:
            raise missing("--mp4", "av") from None
        if _ENCODER not in av.codecs_available:
            raise MissingPackageError(
                f"--mp4 needs {_ENCODER}, which this av lacks: pip's wheels of av have it"
            )
        self.frames = 0
        """How many frames were written."""
        self.converted = 0
        """Frames whose size differed from that of the first one."""
        self.pace: Final[Pace[VideoFrame]] = Pace(TICKS_PER_S, 1)
        self._av: Final[Any] = av  # its annotations leave types open, as those of its packets
        # `file:`, since a name with a colon would be taken for another protocol.
        self._container: Final[Any] = av.open(
            f"file:{path.absolute()}", "w", format="mp4", options={"movflags": "faststart"}
        )
        self._stream: Any = None
        self._size = 0, 0
        self._ticks: Final[dict[int, int]] = {}
        """How long each frame that is being encoded is shown, by its time."""

    def add(self, position_s: float, data: bytes) -> None:
        """Add the next frame.

        Raises:
            FrameError: it cannot be decoded, or is too large; the frame before it is shown for longer.
            OSError: the disk rejects it.
        """
        try:
            image = opaque(decode(data).image()).convert("RGB")
        except PictureError as error:
            raise FrameError(str(error)) from error
        if self._stream is None:
            self._stream = self._begin(image.size)
        elif image.size != self._size:
            self.converted += 1
        if (shown := self.pace.add(position_s, self._frame(image))) is not None:
            self._write(shown)

    def finish(self) -> None:
        """Write the last frame, and the index, which then moves to the beginning of the file.

        Raises:
            OSError: the disk rejects it.
        """
        if (shown := self.pace.finish()) is not None:
            self._write(shown)
        self._encode(None)
        with self._watched():
            self._container.close()

    def discard(self) -> None:
        """Close the file, whatever state it is in."""
        with suppress(OSError), self._watched():
            self._container.close()

    def _begin(self, size: tuple[int, int]) -> Any:
        if max(size) > MAX_SIDE_PX:
            raise FrameError(f"it has {size[0]} x {size[1]} pixels, but a side has at most {MAX_SIDE_PX}")
        self._size = size
        stream = self._container.add_stream(_ENCODER, rate=30, options=dict(_OPTIONS))
        stream.width, stream.height = _even(size)
        stream.pix_fmt = "yuv420p"  # the only one that all players know
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        stream.color_primaries = stream.color_trc = stream.colorspace = _BT709
        stream.color_range = _LIMITED
        return stream

    def _frame(self, image: Image.Image) -> "VideoFrame":
        image = fitted(image, self._size)
        if image.size != (even := _even(image.size)):  # black, to the right and below
            padded = Image.new("RGB", even)
            padded.paste(image)
            image = padded
        frame: VideoFrame = self._av.VideoFrame.from_image(image)
        return frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")

    def _write(self, shown: "Shown[VideoFrame]") -> None:
        frame, ticks = shown
        frame.pts, frame.time_base = self.pace.total_ticks - ticks, Fraction(1, TICKS_PER_S)
        self._ticks[frame.pts] = ticks
        self.frames += 1
        self._encode(frame)

    def _encode(self, frame: "VideoFrame | None") -> None:
        with self._watched():
            for packet in self._stream.encode(frame):
                packet.duration = self._ticks.pop(packet.pts)
                self._container.mux(packet)

    @contextmanager
    def _watched(self) -> Generator[None]:
        """Make all of FFmpeg's errors OSErrors, without the name of the unfinished file."""
        try:
            yield
        except self._av.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """The next even size: two pixels share a colour in each direction."""
    width, height = size
    return width + width % 2, height + height % 2
