"""A source whose messages go through a chain of transforms, without knowing it."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio
from anyio import to_thread

from beats.config.settings import PixelSettings
from beats.kernel.envelope import Frame, Message, Sealed, frame_topic, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Clock, Publish, Source
from beats.kernel.publisher import Publisher
from beats.kernel.waker import Waker
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.errors import PictureError
from beats.pictures.pixels import GivenMode, Order, Pixels
from beats.pictures.publishing import PixelPublisher, Send
from beats.pictures.recent import RecentPixels
from beats.transforms.chain import Chain, Held, ReadyFrame, ShapedFrame

_UNPUBLISHED: Final = 0
"""Returned in place of a sequence number."""


class Outlet:
    """Where a source's messages go through its chain; counts what is left out."""

    def __init__(self, name: str, chain: Chain, publisher: Publisher, pixels: PixelPublisher) -> None:
        """Make a publisher for one source.

        Args:
            name: of the source, for the log.
            chain: its transforms.
            publisher: of the bus, which counts what is given up.
            pixels: of the bus.
        """
        self.chain: Final = chain
        self.pixels: Final = pixels
        self._publisher: Final = publisher
        self._who: Final = f"source {name!r}"
        self.reports: Final = ThrottledLog(logging.getLogger(__name__), self._who)
        self._waker: Waker | None = None
        self._changed: anyio.Event | None = None

    @property
    def clock(self) -> Clock:
        """The clock that dates held messages."""
        return self._publisher.clock

    def shaped(self, pixels: Pixels) -> Pixels:
        """Pixels in their new shape, for the threads that encode; `PictureError` names the source."""
        assert self.chain.shape is not None
        try:
            return self.chain.shape(pixels)
        except PictureError as error:
            raise PictureError(f"{self._who}: transforms: {error}") from None

    def give_up(self, topic: str, reason: str) -> None:
        """Count messages that transforms leave out."""
        self._publisher.give_up(topic, reason)

    def holds(self, topic: str, held: Held) -> bool:
        """Whether a value is held, in place of an older one if there is one."""
        every = self.chain.every
        if every is None:
            return False
        verdict = every.offer(topic, held, time.monotonic())
        if verdict == "replace":
            self.give_up(topic, "every")
        if verdict == "hold" and self._waker is not None:
            self._waker.ring(self._wake)
        return verdict != "pass"

    def is_old(self, topic: str, message: Message) -> bool:
        """Whether `on_change` leaves a message out."""
        on_change = self.chain.on_change
        if on_change is None or on_change.is_new(topic, message):
            return False
        self.give_up(topic, "on_change")
        return True

    def forget(self, topic: str) -> None:
        """A message was refused."""
        for step in (self.chain.every, self.chain.on_change):
            if step is not None:
                step.forget(topic)

    async def release(self, send: "Callable[[Held], Any]") -> None:
        """Publish held values when their time has come, until cancelled."""
        every = self.chain.every
        assert every is not None
        self._waker = Waker()
        while True:
            self._changed = anyio.Event()
            due_s = every.due_s
            with anyio.move_on_after(None if due_s is None else max(0.0, due_s - time.monotonic())):
                await self._changed.wait()
            while (taken := every.take(time.monotonic())) is not None:
                await send(taken[1])

    async def flush(self, send: "Callable[[Held], Any]") -> None:
        """Publish all held values now."""
        every = self.chain.every
        while every is not None and (taken := every.take(float("inf"))) is not None:
            await send(taken[1])

    def abandon(self) -> None:
        """Count the held values as lost."""
        every = self.chain.every
        while every is not None and (taken := every.take(float("inf"))) is not None:
            self.give_up(taken[0], "shutdown")

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()


class TransformedPublish:
    """A source's `publish` that goes through the chain. It returns 0 for what is held or left out."""

    def __init__(self, outlet: Outlet, publish: Publish) -> None:
        self._outlet: Final = outlet
        self._chain: Final = outlet.chain
        self._publish: Final = publish

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a coroutine."""
        message, held = self._begun(message, captured_unix_ns)
        return _UNPUBLISHED if held is None else await self._finish(message, held)

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Publish what was on a bus before; what is left out makes no gap in its numbers."""
        message, held = self._begun(sealed.message, sealed.captured_unix_ns or None, sealed)
        return _UNPUBLISHED if held is None else await self._finish(message, held, renumber=renumber)

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a thread."""
        message, held = self._begun(message, captured_unix_ns)
        if held is None:
            return _UNPUBLISHED
        topic = topic_of(message)
        try:
            if self._is_to_shape(message):
                assert isinstance(message, Frame)
                message = self._chain.reshaped(message, self._outlet.pixels.settings)
            if self._outlet.is_old(topic, message):
                return _UNPUBLISHED
            return self._publish.from_thread(message, captured_unix_ns=captured_unix_ns)
        except (TypeError, ValueError):
            self._outlet.forget(topic)
            raise

    async def late(self, held: Held) -> None:
        """Publish what was held; nobody else reports its errors."""
        try:
            if held.submit is not None:
                await to_thread.run_sync(held.submit)  # it may wait for an encoder
            else:
                await self._finish(held.message, held)
        except (TypeError, ValueError, QueueFull) as error:
            self._outlet.reports.add("refused messages", str(error), logging.ERROR)

    def _begun(
        self, message: Message, captured_unix_ns: int | None, sealed: Sealed | None = None
    ) -> tuple[Message, Held | None]:
        """The message with its labels, and None if it is held."""
        if isinstance(message, ReadyFrame):
            return message, Held(captured_unix_ns, message)
        before, message = message, self._chain.relabelled(message)
        if message is not before:
            sealed = None
        if self._chain.every is not None and captured_unix_ns is None:
            captured_unix_ns = self._outlet.clock.unix_ns()
        held = Held(captured_unix_ns, message, sealed)
        return message, None if self._outlet.holds(topic_of(message), held) else held

    async def _finish(self, message: Message, held: Held, *, renumber: bool = False) -> int:
        topic, sealed = topic_of(message), held.sealed
        try:
            if self._is_to_shape(message):
                assert isinstance(message, Frame)
                try:
                    message = await to_thread.run_sync(
                        self._chain.reshaped, message, self._outlet.pixels.settings
                    )
                except anyio.get_cancelled_exc_class():
                    self._outlet.give_up(topic, "shutdown")
                    raise
                sealed = None
            if self._outlet.is_old(topic, message):
                return _UNPUBLISHED
            if sealed is not None:
                return await self._publish.forward(sealed, renumber=renumber or self._chain.leaves_out)
            return await self._publish(message, captured_unix_ns=held.captured_unix_ns)
        except (TypeError, ValueError):
            self._outlet.forget(topic)
            raise

    def _is_to_shape(self, message: Message) -> bool:
        return (
            self._chain.shape is not None
            and isinstance(message, Frame)
            and not isinstance(message, ShapedFrame)
        )


class TransformedPixels:
    """A `PixelPublisher` for one source, whose pixels go through the chain before they are encoded."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet: Final = outlet
        self._chain: Final = outlet.chain
        self._pixels: Final = outlet.pixels

    @property
    def settings(self) -> PixelSettings:
        """As that of `PixelPublisher`."""
        return self._pixels.settings

    @property
    def recent(self) -> RecentPixels:
        """As that of `PixelPublisher`."""
        return self._pixels.recent

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
        """As that of `PixelPublisher`; what is held is copied as well."""
        if captured_unix_ns is None:
            captured_unix_ns = self._outlet.clock.unix_ns()
        copied = self._pixels.copied(pixels, size, mode, order)
        name = self._renamed(id)
        submit = partial(
            self._pixels.submit,
            copied,
            name,
            captured_unix_ns,
            None if send is None else partial(_send_ready, send),
            None if self._chain.shape is None else self._outlet.shaped,
        )
        topic = frame_topic(name)
        if not self._outlet.holds(topic, Held(captured_unix_ns, Frame(b"", name), submit=submit)):
            try:
                submit()
            except (TypeError, ValueError):
                self._outlet.forget(topic)
                raise

    def frame(self, pixels: Pixels, id: str = "") -> Frame:  # noqa: A002 - as above
        """As that of `PixelPublisher`, in its new shape."""
        if self._chain.shape is None:
            return self._pixels.frame(pixels, id)
        return ShapedFrame(*self._pixels.frame(self._chain.shape(pixels), id))

    def is_pending(self, id: str) -> bool:  # noqa: A002 - as above
        """As that of `PixelPublisher`."""
        return self._pixels.is_pending(self._renamed(id))

    def wait(self, id: str) -> None:  # noqa: A002 - as above
        """As that of `PixelPublisher`."""
        self._pixels.wait(self._renamed(id))

    def _renamed(self, id: str) -> str:  # noqa: A002 - as above
        return self._chain.relabelled(Frame(b"", id)).id


def _send_ready(send: Send, message: Frame, *, captured_unix_ns: int | None = None) -> object:
    return send(ReadyFrame(*message), captured_unix_ns=captured_unix_ns)


class TransformedSource:
    """Runs a source with a `publish` that goes through the chain."""

    def __init__(self, source: Source, outlet: Outlet) -> None:
        self.source: Final[Any] = source
        self._outlet: Final = outlet

    async def run(self, publish: Publish) -> None:
        """Run it. At its end, what is held is published, or counted if the source was cancelled."""
        outlet, through = self._outlet, TransformedPublish(self._outlet, publish)
        if outlet.chain.every is None:
            await self.source.run(through)
            return
        async with anyio.create_task_group() as group:
            group.start_soon(outlet.release, through.late)
            try:
                try:
                    await self.source.run(through)
                except Exception:
                    await outlet.flush(through.late)
                    raise
                await outlet.flush(through.late)
            finally:
                outlet.abandon()
                group.cancel_scope.cancel()


def transformed(source: Source, outlet: Outlet) -> Source:
    """A source with all capabilities of another one (`beats.kernel.capabilities`), behind a chain."""
    kind = type(source)
    names = [name for name in dir(kind) if not name.startswith("_") and name != "run"]
    passed = {name: property(partial(_passed, name)) for name in names}
    made: Source = type(f"Transformed{kind.__name__}", (TransformedSource,), passed)(source, outlet)
    return made


def _passed(name: str, transformed: TransformedSource) -> object:
    return getattr(transformed.source, name)
