"""Videos that PyAV writes, and a source in virtual time."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import anyio
import av
from PIL import Image

from beats.adapters.sources.video import VideoSettings
from beats.adapters.sources.video.source import VideoSource
from beats.kernel.envelope import Message
from beats.kernel.testing import FixedClock, PublishRecorder
from beats.kernel.waker import Waker
from beats.kit.own_thread import Ending
from tests.adapters.sources.support import context, pixel_publisher

SIZE: Final = (64, 48)
STEP_NS: Final = 1_000_000_000 // 25


def shade(number: int) -> tuple[int, int, int]:
    """The colour of picture n, which survives a lossy codec."""
    return (20 + 40 * (number % 6), 128, 255 - 40 * (number % 6))


def plain(numbers: Iterable[int], size: tuple[int, int] = SIZE) -> list[Image.Image]:
    """A picture of one colour for each number."""
    return [Image.new("RGB", size, shade(number)) for number in numbers]


def frame_of(picture: Image.Image) -> Any:
    """As PyAV has it, which leaves its types open."""
    library: Any = av
    return library.VideoFrame.from_image(picture)


def write(
    target: Any, pictures: list[Image.Image], codec: str = "libx264", aspect: int = 1, **options: Any
) -> None:
    """Write a video of 25 pictures a second to a path or file.

    `aspect` is the width of a pixel divided by its height; `format` names the container.
    """
    container: Any = av.open(target if hasattr(target, "write") else str(target), "w", **options)
    stream = container.add_stream(codec, rate=25)
    stream.width, stream.height = pictures[0].size
    stream.codec_context.sample_aspect_ratio = Fraction(aspect)
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if codec == "libx264":  # a key frame now and then, as a camera sends them; no delay
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5"}
    for number, picture in enumerate(pictures):
        frame = frame_of(picture)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()


def video(folder: Path, name: str = "film.mp4", count: int = 10, **options: Any) -> Path:
    """A film whose picture n has the colour `shade(n)`."""
    path = folder / name
    write(path, plain(range(count)), **options)
    return path


class VirtualEnding(Ending):
    """Time that passes only by waiting for it, also for its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Final = FixedClock(0)

    def now_s(self) -> float:
        return self.clock.now_ns / 1e9

    def wait_until(self, time_s: float) -> bool:
        self.clock.now_ns = max(self.clock.now_ns, round(time_s * 1e9))
        return self.is_set


class Recorder(PublishRecorder):
    """What a source publishes from its threads."""

    def __init__(self, on_publish: Callable[[int], object] = lambda count: None) -> None:
        """`on_publish` is called in the thread that publishes, with the number of messages until then."""
        super().__init__()
        self._on_publish: Final = on_publish
        self._waker: Waker | None = None
        self._wanted = 0
        self._came = anyio.Event()

    async def come(self, count: int) -> None:
        """Wait for so many messages."""
        self._waker, self._wanted = Waker(), count
        if len(self.published) < count:
            await self._came.wait()

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        sequence = super().from_thread(message, captured_unix_ns=captured_unix_ns)
        self._on_publish(len(self.published))
        if self._waker is not None and len(self.published) >= self._wanted:
            self._waker.ring(self._came.set)
        return sequence

    def steps_ns(self) -> list[int]:
        """Between the capture times of one picture and the next."""
        times = [item.captured_unix_ns or 0 for item in self.published]
        return [after - before for before, after in itertools.pairwise(times)]


def source(ending: VirtualEnding | None = None, *, max_pixels: int = 10**6, **settings: Any) -> VideoSource:
    """One that has its pictures encoded as PNG; in virtual time, for one attempt, if it is given some."""
    given = {"type": "video", **settings}
    given["input"] = str(given["input"])
    about = context("cam", pixel_publisher(max_pixels=max_pixels))
    if ending is None:
        return VideoSource(VideoSettings.model_validate(given), about)
    about = replace(about, clock=ending.clock)
    return VideoSource(VideoSettings.model_validate(given), about, lambda: ending)


def play(recorder: Recorder | None = None, **settings: Any) -> Recorder:
    """Play a video to its end, in virtual time."""
    played = recorder or Recorder()
    anyio.run(source(VirtualEnding(), **settings).run, played)
    return played


def first(count: int, **settings: Any) -> Recorder:
    """Play so many pictures, and end."""
    played = Recorder()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(source(VirtualEnding(), **settings).run, played)
            await played.come(count)
            group.cancel_scope.cancel()

    anyio.run(main)
    return played
