"""The settings of the source `video`."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, field_serializer, model_validator

from beats.config.settings import SourceSettings
from beats.kernel.resources import Input, Resources, Server, picture_claim
from beats.kit.connecting import Seconds
from beats.kit.extras import package
from beats.kit.paths import expanded

Side = Annotated[int, Field(ge=1, le=8192)]
Kind = Literal["file", "address", "device", "generator"]
Fit = Literal["contain", "cover", "fill"]

_DEVICES: Final = frozenset(
    (
        "avfoundation",
        "bktr",
        "decklink",
        "dshow",
        "fbdev",
        "gdigrab",
        "iec61883",
        "kmsgrab",
        "v4l2",
        "x11grab",
    )
)
"""FFmpeg's input devices for pictures: https://ffmpeg.org/ffmpeg-devices.html#Input-Devices."""
_FILE: Final = "file://"
_GENERATOR: Final = "lavfi:"
_LIVE_SCHEMES: Final = frozenset(("rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"))
_PORTS: Final = {"http": 80, "https": 443, "rtmp": 1935, "rtmps": 443, "rtsp": 554, "rtsps": 322}
"""Of addresses without a port, by their scheme; only these are TCP servers to connect to."""


class VideoSettings(SourceSettings):
    """A moving picture from whatever FFmpeg can read."""

    input: Annotated[str, Field(min_length=1)]
    """A file; an address such as rtsp://HOST/PATH or http://HOST/PATH; a camera such as /dev/video0; or a
    generator such as lavfi:testsrc=size=1280x720:rate=30."""
    format: Annotated[str, Field(pattern="^[a-zA-Z0-9_]+$")] | None = None
    """FFmpeg's name of the input's format or device, such as v4l2, for one that it cannot find out.
    /dev/video… is v4l2 without it."""
    options: dict[str, str | int | float] = {}  # noqa: RUF012 - pydantic copies it
    """FFmpeg's own options of the input, such as { input_format = "mjpeg", video_size = "1280x720" } for a
    camera."""
    picture: str = ""
    """Id of the picture; empty for the main one."""
    fps: Annotated[float, Field(ge=0.01, le=240)] | None = None
    """Most pictures per second; the others are left out. None: all."""
    size: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    """[width, height] in pixels to scale to, see `fit`. None: as in the input."""
    fit: Fit = "contain"
    """How pictures get to `size`. contain: as large as fits into it, one side may be shorter; cover: fills
    it, what hangs over is cut off; fill: stretched to it."""
    pace: Literal["own", "live"] | None = None
    """own shows each picture at its own time, and leaves none out; live shows the newest as it arrives. None:
    own for files and generators, live for cameras and for addresses that do not tell a duration."""
    loop: bool = False
    """Start again at the end of a file, without a pause."""
    start_s: Annotated[float, Field(ge=0)] = 0.0
    """Where in a file to start, in seconds, also in each further round of a loop."""
    silence_timeout_s: Seconds = 5.0
    """Seconds without data after which an address counts as cut off, and is opened again."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.kind == "address":
            try:
                has_host = bool(self._url.hostname) and self._url.port != 0
            except ValueError:
                has_host = False
            if not has_host:
                raise ValueError("input must be an address of the form SCHEME://HOST:PORT/PATH")
        for name in ("loop", "start_s"):
            if self.is_live and getattr(self, name):
                raise ValueError(f"{name} is for files: this input is live, and has neither start nor end")
        return self

    @field_serializer("input")
    def _without_password(self, value: str) -> str:
        return self.shown

    @property
    def kind(self) -> Kind:
        """What the input is."""
        if self.ffmpeg_format == "lavfi":
            return "generator"
        if self.ffmpeg_format in _DEVICES:
            return "device"
        return "address" if "://" in self.input and not self.input.startswith(_FILE) else "file"

    @property
    def ffmpeg_format(self) -> str | None:
        """The format, with the one that the input stands for."""
        if self.format is None and self.input.startswith(_GENERATOR):
            return "lavfi"
        return self.format or ("v4l2" if self.input.startswith("/dev/video") else None)

    @property
    def is_live(self) -> bool | None:
        """Whether pictures are shown as they arrive; None if that depends on whether it tells a duration."""
        if self.pace is not None:
            return self.pace == "live"
        if self.kind == "address":
            return True if self._url.scheme in _LIVE_SCHEMES else None
        return self.kind == "device"

    @property
    def graph(self) -> str:
        """The description of a generator, as FFmpeg names it."""
        return self.input.removeprefix(_GENERATOR)

    @property
    def path(self) -> Path:
        """The path of a file or device."""
        return expanded(
            unquote(self.input.removeprefix("file://")) if "file://" in self.input else self.input
        )

    @property
    def shown(self) -> str:
        """The input without a password, for logs."""
        if self.kind != "address" or "@" not in self._url.netloc:
            return self.input
        return self._url._replace(netloc=self._url.netloc.rpartition("@")[2]).geturl()

    @property
    def _url(self) -> SplitResult:
        return urlsplit(self.input)

    def resources(self, profile: str) -> Resources:
        """PyAV, and the file or device; the other machine may start later."""
        inputs: tuple[Input, ...] = ()
        servers: tuple[Server, ...] = ()
        if self.kind == "file":
            inputs = (Input("input", self.path),)
        elif self.kind == "device" and self.input.startswith("/"):
            inputs = (Input("input", self.path, "device"),)
        elif self.kind == "address" and self._url.scheme in _PORTS:
            port = self._url.port or _PORTS[self._url.scheme]
            servers = (Server("input", self._url.hostname or "", port),)
        return Resources(
            inputs=inputs,
            servers=servers,
            packages=(package("type", "av"),),
            claims=(picture_claim("picture", self.picture),),
        )
