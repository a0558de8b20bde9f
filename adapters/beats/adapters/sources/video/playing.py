"""Plays a file or generator at its own pace, and reads one picture ahead, so that each is ready in time."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from beats.adapters.sources.video.opening import Opened
from beats.adapters.sources.video.outlet import Outlet, Raw
from beats.adapters.sources.video.settings import VideoSettings
from beats.adapters.sources.video.timeline import Thinning, Timeline
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError
from beats.kernel.ports import Clock
from beats.kit.own_thread import Ending

_USUAL_FPS: Final = 25
"""The frame rate that is assumed for a file that states none."""


class _Timed(NamedTuple):
    content: Any
    """A packet with a JPEG, or a decoded frame."""
    time_ns: int | None
    """Time since the beginning of the file, as the file states it."""
    duration_ns: int


class Player:
    """Shows picture after picture against absolute deadlines, so that nothing drifts.

    No picture is left out. When the bus or the machine is behind by more than a picture's own time, the later
    ones are delayed as well, so that they do not follow in a burst. Capture times say when each was due.
    """

    def __init__(
        self, settings: VideoSettings, opened: Opened, outlet: Outlet, clock: Clock, ending: Ending
    ) -> None:
        self._settings: Final = settings
        self._opened: Final = opened
        self._outlet: Final = outlet
        self._clock: Final = clock
        self._ending: Final = ending

    def play(self) -> None:
        """Return when the last picture has had its time, or when told to end.

        Raises:
            InputError: the input holds no picture that can be shown.
        """
        start_s, begin_unix_ns = 0.0, 0
        timeline = Timeline(_usual_ns(self._opened.stream))
        has_begun = False
        for picture, position_ns in self._pictures(timeline):
            self._outlet.wait()  # a file can wait for the bus
            now_s = self._ending.now_s()
            late_s = now_s - start_s - position_ns / 1e9
            if not has_begun or late_s > (timeline.end_ns - position_ns) / 1e9:
                has_begun, start_s = True, now_s - position_ns / 1e9
                begin_unix_ns = self._clock.unix_ns() - position_ns
            elif self._ending.wait_until(start_s + position_ns / 1e9):
                return
            self._outlet.show(picture, begin_unix_ns + position_ns)
        self._ending.wait_until(start_s + timeline.end_ns / 1e9)
        self._outlet.wait()

    def _pictures(self, timeline: Timeline) -> Iterator[tuple[Raw | Frame, int]]:
        """What is shown, ready to be published, with its position on the timeline."""
        thinning = Thinning(self._settings.fps)
        stream = self._opened.stream
        aspect = float(stream.sample_aspect_ratio or 1)
        for content, time_ns, duration_ns in self._rounds():
            position_ns = timeline.place(time_ns, duration_ns)
            if not thinning.takes(position_ns):
                continue
            is_jpeg = passes_jpeg(self._settings, stream)
            outlet = self._outlet
            picture = outlet.jpeg(bytes(content)) if is_jpeg else outlet.raw(content, aspect)
            if picture is not None:
                yield picture, position_ns

    def _rounds(self) -> Iterator[_Timed]:
        """The pictures of the file; again and again if it loops."""
        settings, opened = self._settings, self._opened
        if settings.start_s:
            opened.rewind(settings.start_s)
        is_fresh = not settings.start_s
        """Whether the file was just opened, so that there must be pictures in it."""
        while not self._ending.is_set:
            count = 0
            for timed in self._round():
                if timed.time_ns is None or timed.time_ns >= settings.start_s * 1e9:
                    count += 1
                    yield timed
            if count and not settings.loop:
                return
            if count:
                opened.rewind(settings.start_s)
            elif is_fresh:
                after = f" after {settings.start_s:g} s" if settings.start_s else ""
                raise InputError(f"{settings.shown} holds no picture{after} that FFmpeg can decode")
            else:  # it was not sought in as it should be
                opened.reopen()
            is_fresh = not count

    def _round(self) -> Iterator[_Timed]:
        opened, stream = self._opened, self._opened.stream
        begin = stream.start_time or 0
        is_jpeg = passes_jpeg(self._settings, stream)
        for packet in opened.packets(self._outlet.refuse):
            if self._ending.is_set:
                return
            if is_jpeg:
                contents = [packet] if packet.size else []
            else:
                contents = opened.decoded(packet, self._outlet.refuse)
            for content in contents:
                yield _timed(content, begin)


def passes_jpeg(settings: VideoSettings, stream: Any) -> bool:
    """Whether the pictures of a stream are JPEG files that go on the bus as they are."""
    aspect = stream.sample_aspect_ratio or 1
    return settings.size is None and aspect == 1 and stream.codec_context.name == "mjpeg"


def _timed(content: Any, begin: int) -> _Timed:
    base = content.time_base
    time_ns = None if content.pts is None or base is None else round((content.pts - begin) * base * 10**9)
    return _Timed(content, time_ns, round((content.duration or 0) * base * 10**9) if base else 0)


def _usual_ns(stream: Any) -> int:
    fps = stream.average_rate or stream.guessed_rate or _USUAL_FPS
    return round(10**9 / fps)
