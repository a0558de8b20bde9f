"""Shows a live input: the newest picture, and never a backlog.

One thread reads, so that nothing waits in the network or the camera; another decodes. What the decoder cannot
keep up with is given up at the next picture that is complete in itself (a key frame).
"""

import threading
from collections import deque
from typing import Any, Final, NamedTuple

from beats.adapters.sources.video.opening import Opened
from beats.adapters.sources.video.outlet import Outlet
from beats.adapters.sources.video.playing import passes_jpeg
from beats.adapters.sources.video.settings import VideoSettings
from beats.adapters.sources.video.timeline import Thinning
from beats.kernel.ports import Clock
from beats.kit.own_thread import Ending

_MOST_WAITING: Final = 256
"""Packets that wait for the decoder; 8 s at 30 a second, of which it skips what it can."""
_MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
_SHOW_S: Final = 0.1
"""A picture is shown this often at least, even if newer ones wait already."""


class Skipped:
    """Counts packets that were not decoded, over all attempts."""

    def __init__(self) -> None:
        self.total = 0


class Arrived(NamedTuple):
    """A packet, and when it came."""

    packet: Any
    unix_ns: int


class PacketQueue:
    """Packets between the reader and the decoder; bounded, and able to skip ahead. For two threads."""

    def __init__(self) -> None:
        self._waiting: Final[deque[Arrived]] = deque()
        self._bytes = 0
        self._needs_key = False
        self._is_closed = False
        self._condition: Final = threading.Condition()

    def put(self, packet: Any, unix_ns: int) -> int:
        """Add a packet; those that wait are given up if it is a key frame, or if they are too many.

        Returns:
            How many are given up.
        """
        with self._condition:
            is_full = len(self._waiting) >= _MOST_WAITING or self._bytes + packet.size > _MOST_WAITING_BYTES
            skipped = 0
            if packet.is_keyframe or is_full:
                skipped = len(self._waiting)
                self._waiting.clear()
                self._bytes = 0
                self._needs_key = not packet.is_keyframe
            if self._needs_key:
                return skipped + 1
            self._waiting.append(Arrived(packet, unix_ns))
            self._bytes += packet.size
            self._condition.notify()
            return skipped

    def take(self) -> Arrived | None:
        """Wait for the next packet; None when the queue is closed, and none waits."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            arrived = self._waiting.popleft()
            self._bytes -= arrived.packet.size
            return arrived

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def close(self) -> None:
        """End `take` after the pictures that wait."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()


class LiveView:
    """Reads in the thread that calls it, and has one of its own to decode."""

    def __init__(
        self,
        settings: VideoSettings,
        opened: Opened,
        outlet: Outlet,
        clock: Clock,
        ending: Ending,
        skipped: Skipped,
    ) -> None:
        self._settings: Final = settings
        self._opened: Final = opened
        self._outlet: Final = outlet
        self._clock: Final = clock
        self._ending: Final = ending
        self._skipped: Final = skipped
        self._thinning: Final = Thinning(settings.fps)
        self._queue: Final = PacketQueue()
        self._fault: BaseException | None = None

    def watch(self) -> None:
        """Return when told to end, or when a file has ended.

        Raises:
            OSError: a live input has ended, failed or was silent for too long.
        """
        if passes_jpeg(self._settings, self._opened.stream):
            self._read(self._pass_on)
        else:
            decoder = threading.Thread(target=self._decode, name="beats-video-decoder", daemon=True)
            decoder.start()
            try:
                self._read(self._keep)
            finally:
                self._queue.close()
                decoder.join()  # what it decodes belongs to the input, which is closed now
        if self._fault is not None:
            raise self._fault

    def _read(self, take: Any) -> None:
        for packet in self._opened.packets(self._outlet.refuse):
            if self._ending.is_set or self._fault is not None:
                return
            take(packet, self._clock.unix_ns())
        kind = self._settings.kind  # a pipe may get another writer
        if kind in ("address", "device") or (kind == "file" and self._settings.path.is_fifo()):
            raise ConnectionError(f"{self._settings.shown} has ended")

    def _keep(self, packet: Any, unix_ns: int) -> None:
        self._skipped.total += self._queue.put(packet, unix_ns)

    def _pass_on(self, packet: Any, unix_ns: int) -> None:
        if not packet.size or not self._thinning.takes(unix_ns):
            return
        if (frame := self._outlet.jpeg(bytes(packet))) is not None:
            self._outlet.show(frame, unix_ns)

    def _decode(self) -> None:
        try:
            self._decode_all()
        except BaseException as error:  # the reader raises it
            self._fault = error

    def _decode_all(self) -> None:
        aspect = float(self._opened.stream.sample_aspect_ratio or 1)
        shown_ns = 0
        while (arrived := self._queue.take()) is not None:
            if self._ending.is_set:
                return
            frames = self._opened.decoded(arrived.packet, self._outlet.refuse)
            is_overdue = arrived.unix_ns - shown_ns > _SHOW_S * 1e9
            if (
                not frames
                or (len(self._queue) and not is_overdue)
                or not self._thinning.takes(arrived.unix_ns)
            ):
                continue
            if (picture := self._outlet.raw(frames[-1], aspect)) is not None:
                self._outlet.show(picture, arrived.unix_ns)
                shown_ns = arrived.unix_ns
