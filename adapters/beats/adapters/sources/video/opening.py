"""Opens an input with PyAV, and says in our words what was wrong with it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from beats.adapters.sources.video.settings import VideoSettings
from beats.kernel.errors import InputError
from beats.kit.extras import missing
from beats.pictures.errors import PictureError, check_size

_ANALYSE_US: Final = 1_000_000
"""How much of a stream from the network FFmpeg reads to find out what it is, in µs; 5 s by default."""

_MOST_ERRNO: Final = 4095
"""The largest error number of an operating system; FFmpeg's own errors have larger ones."""


class Opened:
    """An open input with its video stream, for one thread. PyAV's objects have no types."""

    def __init__(self, settings: VideoSettings, max_pixels: int) -> None:
        """Open the input; `max_pixels` is the most that a picture may have.

        Raises:
            InputError: it can never be shown: no such file or generator, no video, unknown format, too large.
            OSError: the input cannot be opened now; names it.
            MissingPackageError: PyAV is not installed.
        """
        self._settings: Final = settings
        self._max_pixels: Final = max_pixels
        self._av: Final = _library()
        self._container: Any = None
        self.stream: Any = None
        """The first video stream."""
        self.reopen()

    @property
    def is_live(self) -> bool:
        """Whether pictures are shown as they arrive."""
        found = self._settings.is_live
        return not self._container.duration if found is None else found

    def reopen(self) -> None:
        """Begin at the beginning; raises as `__init__`."""
        self.close()
        settings = self._settings
        with self._explained(is_opening=True):
            self._container = self._av.open(
                self._name(),
                format=settings.ffmpeg_format,
                options=self._options(),
                timeout=settings.silence_timeout_s if settings.kind == "address" else None,
            )
        streams = self._container.streams.video
        if not streams:
            self.close()
            raise InputError(f"{settings.shown} holds no video: name an input with moving pictures")
        self.stream = streams[0]
        width, height = self.stream.width, self.stream.height
        if width and height:  # before a decoder makes room for it
            try:
                check_size(width, height, self._max_pixels)
            except PictureError as error:
                self.close()
                raise InputError(f"{settings.shown}: {error}") from None

    def rewind(self, start_s: float) -> None:
        """Go back to where a round of a loop starts, or somewhat before; raises as `__init__`."""
        begin_us = self._container.start_time or 0
        try:
            # A second earlier: some formats land behind the key frame that is needed.
            self._container.seek(begin_us + int((start_s - 1) * 1e6))
        except (self._av.FFmpegError, OSError):  # it cannot be sought in
            self.reopen()

    def packets(self, refuse: Callable[[str], object]) -> Iterator[Any]:
        """The packets of the stream from here; the last one is empty, for the decoder.

        Args:
            refuse: told where a file is damaged so that it ends here.

        Raises:
            OSError: the input has failed, or was silent for too long.
        """
        with self._explained():
            try:
                yield from self._container.demux(self.stream)
            except self._av.error.InvalidDataError as error:
                if self._settings.kind != "file":
                    raise
                refuse(f"{self._settings.shown} ends early: {error.strerror}")

    def decoded(self, packet: Any, refuse: Callable[[str], object]) -> list[Any]:
        """The frames that a packet completes; `refuse` is told of damaged ones."""
        try:
            frames: list[Any] = packet.decode()
        except self._av.error.EOFError:  # the decoder has been told of the end before
            return []
        except self._av.FFmpegError as error:
            refuse(f"a picture is damaged: {error.strerror}")
            return []
        return frames

    def close(self) -> None:
        """Close the input, if it is not closed yet."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _name(self) -> str:
        settings = self._settings
        if settings.kind == "file":
            if not settings.path.exists():
                raise InputError(f"{settings.path} does not exist: name a file with moving pictures")
            # `file:`, since a name with a colon would be taken for another protocol.
            return f"file:{settings.path.absolute()}"
        if settings.kind == "device" and settings.input.startswith("/"):
            path = settings.path
            if path.exists() and not path.is_char_device():
                raise InputError(f"{path} is not a device: name one, such as /dev/video0")
            return str(path)
        return settings.graph if settings.kind == "generator" else settings.input

    def _options(self) -> dict[str, str]:
        options = {}
        if self._settings.kind == "address":
            # Most cameras sign their certificates themselves; FFmpeg 9 checks them unless it is told not to.
            options = {"analyzeduration": str(_ANALYSE_US), "tls_verify": "0"}
            if self._settings.input.startswith("rtsp"):
                options["rtsp_flags"] = "prefer_tcp"  # pictures that lack a lost datagram are damaged
        return options | {name: str(value) for name, value in self._settings.options.items()}

    @contextmanager
    def _explained(self, *, is_opening: bool = False) -> Generator[None]:
        """Turn FFmpeg's errors into ours; its own hold the address with its password."""
        settings = self._settings
        name = settings.shown
        try:
            yield
        except self._av.error.ExitError as error:
            raise TimeoutError(f"{name}: no data for {settings.silence_timeout_s:g} s") from error
        except self._av.FFmpegError as error:
            why = f"{name}: {error.strerror}"
            if isinstance(error, PermissionError | FileNotFoundError) and settings.kind == "file":
                raise InputError(f"{name} cannot be read: {error.strerror}") from error
            if is_opening and settings.kind == "generator":
                raise InputError(
                    f"{why}: name a generator of FFmpeg's, such as lavfi:testsrc=size=640x360:rate=30"
                ) from error
            if is_opening and settings.kind == "file" and isinstance(error, ValueError):
                raise InputError(f"{why}: FFmpeg cannot read it; it may be cut off, or no video") from error
            if (error.errno or 0) > _MOST_ERRNO:
                raise OSError(why) from error
            raise OSError(error.errno, why) from error
        except ValueError as error:  # no such format
            if not is_opening:
                raise
            raise InputError(
                f"format is {settings.ffmpeg_format!r}, which PyAV's FFmpeg does not have: {error}"
            ) from error


def _library() -> Any:
    try:
        import av
    except ImportError:
        raise missing("the source video", "av") from None
    return av
