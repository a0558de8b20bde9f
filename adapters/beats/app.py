"""`Stream`: Beats inside your own program, with everything that such a program imports.

Every method of `Stream` may be called in any thread, except where it says that it raises `RuntimeError` in
the event loop's own thread. Times named `…_unix_ns` are nanoseconds since 1970-01-01 UTC.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from anyio import to_thread
from anyio.lowlevel import EventLoopToken, current_token
from typing_extensions import Buffer

from beats.config.errors import SettingsError
from beats.config.layers.profiles import PROFILE_VARIABLE
from beats.kernel.capabilities import Address, Listens
from beats.kernel.envelope import Control, Frame, Location, Tag, topic_of
from beats.kernel.errors import ClosedError, QueueFull, StartError
from beats.kernel.ports import Sink
from beats.kernel.stats import Stats
from beats.kit.ports import PAGE, PortError
from beats.pictures.formats import PictureInfo, header_of
from beats.pictures.pixels import GivenMode, Order
from beats.proto.events import input_event
from beats.runtime.arguments import GivenLocation, GivenTag, captured, frame, peripheral
from beats.runtime.live import Change
from beats.runtime.reader import Reader
from beats.runtime.session import RunningSinks, Session
from beats.runtime.threads import in_loop_of, refuse_here

__all__ = [
    "Address",
    "AsyncStream",
    "Change",
    "ClosedError",
    "Control",
    "Location",
    "Opening",
    "QueueFull",
    "SettingsError",
    "SinkHandle",
    "StartError",
    "Stats",
    "Stream",
    "Tag",
    "input_event",
]


class SinkHandle:
    """A running sink."""

    def __init__(self, name: str, sink: Sink) -> None:
        """Use `Stream.sinks`."""
        self._name: Final = name
        self._sink: Final = sink

    @property
    def address(self) -> Address:
        """Host and port where its clients connect.

        Raises:
            LookupError: the sink does not listen, or not yet.
        """
        address = self._sink.address if isinstance(self._sink, Listens) else None
        if address is None:
            raise LookupError(f"sink {self._name!r} does not listen on a port")
        return address


PROGRAM: Final = "program"
"""The profile used when the program names none: a browser sink and no source, as the program publishes."""


class _Base:
    def __init__(self, session: Session, token: EventLoopToken) -> None:
        """Use `Stream.open`."""
        self._session: Final = session
        self._home: Final = session.home
        self._host: Final = session.host
        self._kernel: Final = session.host.kernel
        self._token: Final = token
        self._pixels: Final = session.host.pixels
        self._publisher: Final = session.host.kernel.publisher
        self._known: Final[dict[str, tuple[bytes, bytes, int, int, str, Callable[[bytes], Frame]]]] = {}
        """By id of a picture: its last frame's `Header`, pixels and topic, and what makes the next one."""

    @property
    def sinks(self) -> Mapping[str, SinkHandle]:
        """The running sinks by name; a `KeyError` for any other name says which there are."""
        return RunningSinks((name, SinkHandle(name, sink)) for name, sink in self._kernel.sinks.items())

    def stats(self) -> Stats:
        """All counters, as they are now. Works also after the end of the stream.

        Raises:
            ClosedError: this process was forked from the one that opened the stream.
        """
        self._home.check()
        return self._kernel.stats()

    def on_control(self, handler: Callable[[Control], object]) -> Callable[[], None]:
        """Call `handler` with every valid command of a client.

        Handlers run one after the other in a thread of their own, so they may take their time; when too many
        commands wait, further ones are dropped.

        Returns:
            A function that removes the handler.

        Raises:
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        return self._session.dispatcher.add(handler)


class Stream(_Base):
    """A running stream whose event loop has its own thread; every method can be called in any thread."""

    @staticmethod
    def open(
        profile: str | None = None,
        config_dir: str | Path | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> "Opening":
        """Read and check a profile. `with` then runs it in a thread, `async with` in your own event loop.

        Nothing is opened yet. The stream stays open until the block ends, even if the profile's own sources
        end before. Without a block, `Stream.open(…).start()` runs it until `Stream.close()`.

        Args:
            profile: its name. When None: `BEATS_PROFILE`, or else `program`, which has a browser sink and
                no source.
            config_dir: the folder in which profiles are looked up first. When None: `BEATS_CONFIG_DIR`, or
                `./config`.
            overrides: settings that override all files and variables, such as
                `{"sinks": {"browser": {"port": 9000}}}`.

        Raises:
            SettingsError: the settings are invalid; the message lists all problems.
        """
        return Opening(profile, config_dir, overrides)

    def publish_frame(
        self,
        data: Buffer,
        *,
        id: str = "",  # noqa: A002 - the wire's own word
        media_type: str | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish a frame and return its sequence number.

        The number starts at 1, and rises by 1 within a picture. The call waits for earlier pixels of the same
        picture (`publish_pixels`), so that it does not overtake them, and for queues with the strategy
        `block`; for nothing else.

        Args:
            data: a complete PNG, JPEG, WebP or AVIF file, in any bytes-like object; all types but `bytes` are
                copied. Its type and size are read from its header.
            id: which picture it is; empty for the main one, which viewers get that ask for nothing.
            media_type: such as `image/jpeg`, to have it checked; None for whatever the data is.
            captured_unix_ns: capture time; None for now.

        Raises:
            TypeError, ValueError: `data` is not such a file, its header is damaged, it is animated (a GIF
                too), has more than `pixels.max_pixels`, or is not of `media_type`; the text says which.
            QueueFull: a sink's queue with strategy `error` or `block` refused it; every other sink has it.
            ClosedError: the stream is closed, or was opened in another process.
        """
        pixels = self._pixels
        # As short as it can be: between two frames caches turn cold, and each call in Python takes 3 to 5 µs.
        if media_type is None and captured_unix_ns is None and not (pixels.in_use or self._home.left):
            known = self._known.get(id) if type(id) is str else None
            if known is not None and type(data) is bytes:
                start, mark, mark_at, size, topic, make = known
                if data.startswith(start) and data.startswith(mark, mark_at) and size <= pixels.max_pixels:
                    sequence = self._publisher.hand_over(topic, data, make)
                    if sequence:
                        return sequence
        self._home.check()
        message = frame(data, id, media_type, pixels.max_pixels)
        captured_unix_ns = captured(captured_unix_ns)
        if pixels.is_pending(id):
            pixels.wait(id)
        sequence = self._publisher.publish(message, captured_unix_ns=captured_unix_ns)
        self._know(message)
        return sequence

    def _know(self, message: Frame) -> None:
        """Remember how a frame that was published began: most of those after it begin in the same way."""
        header = header_of(message.data, PictureInfo(*message[2:]))
        if header is not None:
            empty = message._replace(data=b"")

            def make(data: bytes) -> Frame:
                return empty._replace(data=data)

            size = message.width * message.height
            start, mark, mark_at = header
            self._known[message.id] = start, mark, mark_at, size, topic_of(message), make

    def publish_pixels(
        self,
        pixels: object,
        *,
        size: tuple[int, int] | None = None,
        mode: GivenMode | None = None,
        id: str = "",  # noqa: A002 - the wire's own word
        order: Order = "rgb",
        captured_unix_ns: int | None = None,
    ) -> None:
        """Publish pixels: they are copied, and other threads encode and publish them.

        The settings `pixels` say how they are encoded. Nothing is returned, because the picture has no number
        yet. What happens after the call cannot raise an error in it:

        - Pictures of one id are published in the order of the calls. When pixels come faster than they can be
          encoded, the newest survive, and `Stats.given_up` counts the others with the reason `encoder`; they
          never have a number. With the setting `pixels.overflow = "block"` the call waits for an encoder
          instead, and nothing is given up.
        - A picture that cannot be encoded (WebP allows 16,383 pixels a side) is counted there as `failed`,
          and logged.
        - When a queue with the strategy `error` or `block` refuses the frame, the queue counts it as dropped,
          and it is logged.
        - `close` publishes what waits, for at most `shutdown_timeout_s`; the rest is counted as `shutdown`.

        Args:
            pixels: an array of NumPy, or anything with `__array_interface__` or the buffer protocol, of uint8
                and shape (height, width), (height, width, 1), (height, width, 3) or (height, width, 4), in
                any strides; a PIL image of any mode, whose transparency is kept if it has some (RGBA, LA, PA,
                or a colour that counts as transparent); a pygame surface; or bytes, row by row from the top
                without gaps.
            size: width and height in pixels, for bytes; everything else has its own.
            mode: `L` (grey), `RGB`, `RGBA`, or `RGBX` whose fourth channel is ignored; by the number of
                channels, when None.
            id: which picture it is; empty for the main one.
            order: `bgr` for arrays and bytes with blue first, such as OpenCV's.
            captured_unix_ns: capture time; None for now, the time of the call.

        Raises:
            TypeError, ValueError: `pixels` has none of these forms, or more than `pixels.max_pixels` pixels;
                says what was given and what is right. Or there are too many topics.
            RuntimeError: with `block`, called in the event loop's own thread, which would wait for itself:
                await it, or call it in a thread.
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        if self._host.pixels.settings.overflow == "block":
            refuse_here(self._token)
        self._host.pixels.publish(
            pixels,
            size=size,
            mode=mode,
            id=id,
            order=order,
            captured_unix_ns=captured(captured_unix_ns),
        )

    def publish_peripheral(
        self,
        id: str,  # noqa: A002 - the wire's own word
        data: object,
        *,
        tags: Iterable[GivenTag] = (),
        location: GivenLocation | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish an update of a knob, sensor, phone or the like, and return its number within its topic.

        Args:
            id: identifies the peripheral; may be empty, then tags and payload type tell it apart.
            data: any JSON value; also dataclasses, enums, dates, bytes, sets, and numbers and arrays of
                NumPy; or a protobuf message of any descriptor pool. It must not be changed afterwards.
            tags: describe the peripheral: each a `Tag`, its name, or a mapping with `name`, `variant` and
                `metadata`.
            location: a `Location`, or a mapping with `x`, `y`, `z` (units of the installation) and `time`
                (ISO 8601).
            captured_unix_ns: capture time; None for now.

        Raises:
            TypeError, ValueError: an argument cannot be encoded; says which and why, and leaves no gap in the
                numbers.
            QueueFull: a sink's queue with strategy `error` or `block` refused it; every other sink has it.
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        message = peripheral(id, data, tags, location)
        return self._kernel.publisher.publish(message, captured_unix_ns=captured(captured_unix_ns))

    def close(self) -> None:
        """Let the sinks deliver what waits, for at most `shutdown_timeout_s`, and close everything.

        Returns when that is done. The end of a `with` block does the same. A second call, or a call in a
        forked child, does nothing.

        Raises:
            RuntimeError: called in the event loop's own thread, which would wait for itself.
        """
        self._session.close(self._token)

    def snapshot(self) -> dict[str, Path]:
        """Make every recorder with `snapshot_s` write its last seconds to a file; the files by sink name.

        Raises:
            LookupError: no sink holds a snapshot; says what to set.
            OSError: a file cannot be written.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
        self._home.check()
        return in_loop_of(self._token, self._host.snapshot)

    def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """Change settings while the stream runs; returns each change, and why it failed if it did.

        Files and variables are read again too. Sinks and sources that did not change keep their viewers and
        files.

        Args:
            overrides: settings that override all others, in addition to earlier overrides, such as
                `{"sinks": {"recorder": {"enabled": False}}}`.

        Raises:
            SettingsError: the settings are invalid; nothing has changed.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
        self._home.check()
        return in_loop_of(self._token, self._host.apply, overrides)

    def reload(self) -> list[Change]:
        """Read files and variables again, and apply what changed, as `apply` does."""
        self._home.check()
        return in_loop_of(self._token, self._host.reload)


class AsyncStream(_Base):
    """A running stream in the event loop of the program that opened it.

    An `AsyncStream` has the methods of `Stream`, with the same parameters, results and errors. A full `block`
    queue suspends the coroutine that publishes, and nothing else.
    """

    async def publish_frame(
        self,
        data: Buffer,
        *,
        id: str = "",  # noqa: A002 - the wire's own word
        media_type: str | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish a frame, as `Stream.publish_frame`. A full `block` queue suspends only this coroutine."""
        self._home.check()
        pixels = self._host.pixels
        message = frame(data, id, media_type, pixels.settings.max_pixels)
        captured_unix_ns = captured(captured_unix_ns)
        if pixels.is_pending(id):
            await to_thread.run_sync(pixels.wait, id, abandon_on_cancel=True)
        return await self._kernel.publisher.publish_async(message, captured_unix_ns=captured_unix_ns)

    async def publish_pixels(
        self,
        pixels: object,
        *,
        size: tuple[int, int] | None = None,
        mode: GivenMode | None = None,
        id: str = "",  # noqa: A002 - the wire's own word
        order: Order = "rgb",
        captured_unix_ns: int | None = None,
    ) -> None:
        """Publish pixels, as `Stream.publish_pixels`. With `block`, only this coroutine waits."""
        self._home.check()
        await self._host.pixels.publish_async(
            pixels,
            size=size,
            mode=mode,
            id=id,
            order=order,
            captured_unix_ns=captured(captured_unix_ns),
        )

    async def publish_peripheral(
        self,
        id: str,  # noqa: A002 - the wire's own word
        data: object,
        *,
        tags: Iterable[GivenTag] = (),
        location: GivenLocation | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish an update, as `Stream.publish_peripheral`. A full queue suspends only this coroutine."""
        self._home.check()
        message = peripheral(id, data, tags, location)
        return await self._kernel.publisher.publish_async(
            message, captured_unix_ns=captured(captured_unix_ns)
        )

    async def close(self) -> None:
        """As `Stream.close`."""
        await self._session.aclose()

    async def snapshot(self) -> dict[str, Path]:
        """As `Stream.snapshot`."""
        self._home.check()
        return await self._host.snapshot()

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """As `Stream.apply`."""
        self._home.check()
        return await self._host.apply(overrides)

    async def reload(self) -> list[Change]:
        """As `Stream.reload`."""
        self._home.check()
        return await self._host.reload()

    @property
    def from_threads(self) -> Stream:
        """The blocking calls, for other threads and for code that cannot await."""
        return Stream(self._session, self._token)


def _brief(error: StartError) -> StartError:
    """The error without its way through our code, if the machine refused something: the text says what."""
    if isinstance(error.__cause__, OSError):
        if isinstance(error.__cause__, PortError):
            error.add_note(f"More: beats docs {PAGE}")
        error.__cause__ = None
        error.__traceback__ = None
    return error


class Opening:
    """A checked profile that can be run once: by `with`, by `async with`, or by `start`.

    `with opening as stream` runs it in a thread and closes it at the end of the block;
    `async with opening as stream` runs it in the running event loop.
    """

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Use `Stream.open`."""
        named = profile is not None or os.environ.get(PROFILE_VARIABLE)
        self._session: Final = Session(Reader(profile if named else PROGRAM, config_dir, overrides=overrides))
        self._stream: Stream | None = None
        self._async_exit: Final = AsyncExitStack()

    def start(self) -> Stream:
        """Start the sinks and sources in an event loop in a new thread; `Stream.close` ends them.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it was opened before.
        """
        try:
            token = self._session.start()
        except StartError as error:
            raise _brief(error) from error.__cause__
        return Stream(self._session, token)

    def __enter__(self) -> Stream:
        """As `start`; the end of the block closes the stream."""
        self._stream = self.start()
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the sinks deliver what waits, close everything, join the thread."""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncStream:
        """Start the sinks and sources in the running event loop.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it was opened before.
        """
        try:
            await self._async_exit.enter_async_context(self._session.here())
        except StartError as error:
            raise _brief(error) from error.__cause__
        return AsyncStream(self._session, current_token())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the sinks deliver what waits, and close everything."""
        if self._session.home.left:
            return  # asyncio does not allow the loop to go on in a forked child
        await self._async_exit.__aexit__(kind, error, traceback)
