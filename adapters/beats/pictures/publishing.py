"""`PixelPublisher`: pixels in, frames on the bus; what the program and its sources share."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

from anyio import to_thread
from anyio.lowlevel import checkpoint

from beats.config.settings import PixelSettings
from beats.kernel.envelope import PNG, Frame
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.publisher import Publisher
from beats.kit.process import worker_threads
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.encoding import EncodedPicture, EncoderPool, Shot, encode_shot
from beats.pictures.errors import check_size
from beats.pictures.formats import PNG_SIGNATURE
from beats.pictures.pixels import GivenMode, Order, Pixels, copy_pixels
from beats.pictures.recent import RecentPixels

log = logging.getLogger(__name__)


class Send(Protocol):
    """Publishes a frame from a thread: `Publisher.publish`, or `from_thread` of a source's `Publish`."""

    def __call__(self, message: Frame, *, captured_unix_ns: int | None = None) -> object:
        """Publish the frame; the result is not used."""
        ...


Shape = Callable[[Pixels], Pixels]
"""Makes other pixels of some, such as a part of them; raises `PictureError` if it cannot."""


class PixelPublisher:
    """Copies pixels in the call, encodes them in threads, and publishes them from there.

    Pictures of one topic are published in the order of the calls. When no encoder is free, the newest of each
    topic waits; what was given up for it is counted by the bus, see `GivenUp`. With the setting `overflow =
    "block"` nothing is given up: the call waits. The settings of the moment hold for each picture.
    """

    def __init__(self, publisher: Publisher, settings: PixelSettings) -> None:
        """Start nothing yet.

        Args:
            publisher: of the bus.
            settings: how to encode.
        """
        self._publisher: Final = publisher
        self.recent: Final = RecentPixels()
        """The pixels that the newest frames were made of."""
        self._settings = settings
        self.max_pixels = settings.max_pixels
        """The most pixels of a picture, by the settings."""
        self.in_use = False
        """Whether it was ever given pixels."""
        self._topics: Final[dict[str, str]] = {}
        """The topics of pictures by id. Bounded by `max_topics`, because each is reserved on the bus."""
        self._is_closing = False
        self._lock: Final = threading.Lock()
        self._reports: Final = ThrottledLog(log, "pixels")
        self._pool: Final = EncoderPool[_Job, _Encoded](
            _encoded,
            workers=worker_threads(settings.workers),
            on_encoded=self._send,
            on_given_up=self._give_up,
            on_failed=self._fail,
            name="pixels",
        )

    @property
    def settings(self) -> PixelSettings:
        """The settings for the next picture."""
        return self._settings

    @settings.setter
    def settings(self, settings: PixelSettings) -> None:
        self._settings = settings
        self.max_pixels = settings.max_pixels
        self._pool.resize(worker_threads(settings.workers))

    def publish(
        self,
        pixels: object,
        *,
        size: tuple[int, int] | None = None,
        mode: GivenMode | None = None,
        id: str = "",  # noqa: A002 - the wire's own word
        order: Order = "rgb",
        captured_unix_ns: int | None = None,
        send: Send | None = None,
    ) -> None:
        """Copy pixels and return; they are encoded and published later.

        For any thread but the event loop's own, where it could wait for itself, see `publish_async`.

        Args:
            pixels: see `copy_pixels`, as for `size`, `mode` and `order`.
            size: of bytes.
            mode: of the channels.
            id: which picture they are of; empty for the main one.
            order: of the channels.
            captured_unix_ns: capture time; now when None.
            send: publishes the frame; by default the bus itself, in the name of the program. A source gives
                its `publish.from_thread`.

        Raises:
            PictureError: `pixels` has none of the forms that can be read.
            TypeError, ValueError: the id is not text, or there are too many topics.
            ClosedError: the stream is closed, or was opened in another process.
        """
        if captured_unix_ns is None:
            captured_unix_ns = self._publisher.clock.unix_ns()
        self.submit(self.copied(pixels, size, mode, order), id, captured_unix_ns, send)

    async def publish_async(
        self,
        pixels: object,
        *,
        size: tuple[int, int] | None = None,
        mode: GivenMode | None = None,
        id: str = "",  # noqa: A002 - as above
        order: Order = "rgb",
        captured_unix_ns: int | None = None,
    ) -> None:
        """As `publish`, from a coroutine of the kernel's loop: only that one waits."""
        if captured_unix_ns is None:
            captured_unix_ns = self._publisher.clock.unix_ns()
        topic, job = self._job(self.copied(pixels, size, mode, order), id, captured_unix_ns)
        while (room := self._offer(topic, job)) is not None:
            await to_thread.run_sync(room.wait, abandon_on_cancel=True)
        await checkpoint()  # a producer that never has to wait must not block the sinks

    def copied(
        self, pixels: object, size: tuple[int, int] | None, mode: GivenMode | None, order: Order
    ) -> Pixels:
        """A copy of pixels, if they are no more than the settings allow; see `copy_pixels`."""
        max_pixels = self._settings.max_pixels
        return copy_pixels(pixels, size=size, mode=mode, order=order, max_pixels=max_pixels)

    def submit(
        self,
        copied: Pixels,
        id: str,  # noqa: A002 - as above
        captured_unix_ns: int,
        send: Send | None = None,
        shape: Shape | None = None,
    ) -> None:
        """As `publish`, of pixels that nothing changes any more; `shape` is applied by the encoding thread.

        Raises:
            TypeError, ValueError, ClosedError: as `publish`.
        """
        topic, job = self._job(copied, id, captured_unix_ns, send, shape)
        while (room := self._offer(topic, job)) is not None:
            room.wait()

    def _job(
        self,
        copied: Pixels,
        id: str,  # noqa: A002 - as above
        captured_unix_ns: int,
        send: Send | None = None,
        shape: Shape | None = None,
    ) -> "tuple[str, _Job]":
        settings = self._settings
        topic = self._topics.get(id) if type(id) is str else None
        if topic is None:
            topic = self._publisher.reserve(Frame(PNG_SIGNATURE, id, PNG, *copied.size))
            self._topics[id] = topic
            self.in_use = True
        shot = Shot(copied, captured_unix_ns, settings.format, settings.quality)
        return topic, _Job(shot, id, send or self._publisher.publish, shape)

    def _offer(self, topic: str, job: "_Job") -> threading.Event | None:
        try:
            return self._pool.submit(topic, job, replace=self._settings.overflow == "latest")
        except ClosedError:
            if self._is_closing:
                raise ClosedError("the stream is closed: publish while it is open") from None
            raise

    def frame(self, pixels: Pixels, id: str = "") -> Frame:  # noqa: A002 - as above
        """Encode pixels here and now, for a source that does so ahead of time in a thread of its own.

        Raises:
            PictureError: the pixels are too many, or do not fit into the format.
        """
        settings = self._settings
        check_size(*pixels.size, settings.max_pixels)
        return _frame(encode_shot(Shot(pixels, 0, settings.format, settings.quality)), id)

    def is_pending(self, id: str) -> bool:  # noqa: A002 - as above
        """Whether pixels of this picture are not published yet: a frame published now would overtake them."""
        topic = self._topics.get(id) if type(id) is str else None
        return topic is not None and self._pool.is_busy(topic)

    def wait(self, id: str) -> None:  # noqa: A002 - as above
        """Wait, in a thread, until the pixels of this picture that were handed over are published."""
        self._pool.wait(self._topics[id])

    async def finish(self, timeout_s: float) -> None:
        """Take no more pixels, and publish those that wait: for `Kernel.before_close`."""
        if self._topics:
            await to_thread.run_sync(partial(self.close, timeout_s), abandon_on_cancel=True)
        else:  # no thread was ever started
            self.close(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Do what `finish` does, in a thread. What is not published in time is given up and counted."""
        was_closing, self._is_closing = self._is_closing, True
        self._pool.close(timeout_s)
        if not was_closing:
            self._reports.summarise()

    def _send(self, topic: str, job: "_Job", encoded: "_Encoded") -> None:
        picture, pixels = encoded
        self.recent.keep(topic, picture.data, pixels)
        try:
            job.send(_frame(picture, job.id), captured_unix_ns=job.shot.captured_unix_ns)
        except QueueFull as error:  # it is on the bus, and the queue that refused it has counted it
            with self._lock:
                self._reports.add("refused pictures", str(error), logging.ERROR)

    def _give_up(self, topic: str, job: "_Job") -> None:
        self._publisher.give_up(topic, "shutdown" if self._is_closing else "encoder")

    def _fail(self, topic: str, job: "_Job", error: BaseException) -> None:
        self._publisher.give_up(topic, "failed")


def _frame(picture: EncodedPicture, id: str) -> Frame:  # noqa: A002 - as above
    return Frame(picture.data, id, picture.media_type, picture.width, picture.height)


class _Job(NamedTuple):
    shot: Shot
    id: str
    send: Send
    shape: Shape | None


class _Encoded(NamedTuple):
    picture: EncodedPicture
    pixels: Pixels
    """What it shows."""


def _encoded(job: _Job) -> _Encoded:
    shot = job.shot if job.shape is None else job.shot._replace(pixels=job.shape(job.shot.pixels))
    return _Encoded(encode_shot(shot), shot.pixels)
