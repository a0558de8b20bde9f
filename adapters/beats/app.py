"""`Stream`: Beats inside your own program. What a program needs besides can be imported from here too."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from anyio.lowlevel import EventLoopToken, current_token
from typing_extensions import Buffer

from beats.config.errors import SettingsError
from beats.kernel.capabilities import Address, Listens
from beats.kernel.envelope import Control, Location, Tag
from beats.kernel.errors import ClosedError, QueueFull, StartError
from beats.kernel.ports import Sink
from beats.kernel.stats import Stats
from beats.proto.events import input_event
from beats.runtime.arguments import GivenLocation, GivenTag, captured, frame, peripheral
from beats.runtime.embedded import Embedded
from beats.runtime.live import Change
from beats.runtime.snapshots import take_snapshots
from beats.runtime.threads import in_loop_of

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
    """A running sink, as the program that embeds it sees it."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name: Final = name
        self._sink: Final = sink

    @property
    def address(self) -> Address:
        """Host and port where its clients connect.

        Raises:
            LookupError: it listens nowhere, or not yet.
        """
        address = self._sink.address if isinstance(self._sink, Listens) else None
        if address is None:
            raise LookupError(f"sink {self._name!r} does not listen on a port")
        return address


class _Base:
    def __init__(self, embedded: Embedded, token: EventLoopToken) -> None:
        """Use `Stream.open`."""
        self._embedded: Final = embedded
        self._home: Final = embedded.home
        self._kernel: Final = embedded.kernel
        self._token: Final = token

    @property
    def sinks(self) -> Mapping[str, SinkHandle]:
        """The sinks by name."""
        return {name: SinkHandle(name, sink) for name, sink in self._kernel.sinks.items()}

    def stats(self) -> Stats:
        """All counters; any thread may ask at any time, also after the end.

        Raises:
            ClosedError: the stream was opened in another process, from which this one was forked.
        """
        self._home.check()
        return self._kernel.stats()

    def on_control(self, handler: Callable[[Control], object]) -> Callable[[], None]:
        """Have `handler` called, in a thread of its own, with every valid control message of a client.

        Returns:
            What removes the handler again, when called.

        Raises:
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        return self._embedded.dispatcher.add(handler)


class Stream(_Base):
    """A running stream whose event loop has a thread of its own; every method is for any thread."""

    @staticmethod
    def open(
        profile: str | None = None,
        config_dir: str | Path | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> "Opening":
        """Read and check a profile; `with` then runs it, `async with` runs it in your own event loop.

        The stream stays open until the block ends, also when the profile's own sources have ended. Where a
        block does not fit, `Stream.open(…).start()` runs it until `Stream.close()`.

        Args:
            profile: its name; `BEATS_PROFILE`, or else `program`, when None: a browser, and no source.
            config_dir: where profiles are looked for first; `BEATS_CONFIG_DIR`, or `./config`, when None.
            overrides: settings above all files and variables, such as
                `{"sinks": {"browser": {"port": 9000}}}`.

        Raises:
            SettingsError: something is wrong with the settings; the text lists all of it.
        """
        return Opening(profile, config_dir, overrides)

    def publish_frame(self, png_data: Buffer, *, captured_unix_ns: int | None = None) -> int:
        """Publish a picture and return its sequence number.

        Args:
            png_data: a whole PNG file, in any bytes-like object; all but `bytes` are copied.
            captured_unix_ns: when it was captured; now, when None.

        Raises:
            TypeError, ValueError: it is not a PNG file.
            QueueFull: a sink's queue refused it, by strategy `error` or `block`.
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        return self._kernel.publisher.publish(frame(png_data), captured_unix_ns=captured(captured_unix_ns))

    def publish_peripheral(
        self,
        id: str,  # noqa: A002 - the wire's own word
        data: object,
        *,
        tags: Iterable[GivenTag] = (),
        location: GivenLocation | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish an update of a knob, a sensor, a phone, and return its sequence number.

        Args:
            id: which peripheral this is.
            data: anything that JSON can hold, as well as dataclasses, enums, dates, bytes, sets, and numbers
                and arrays of NumPy; or a protobuf message, of any descriptor pool. It must not be changed
                afterwards.
            tags: what kind of peripheral it is: each a `Tag`, its name, or a mapping with `name`, `variant`
                and `metadata`.
            location: where it is: a `Location`, or a mapping with `x`, `y`, `z` and `time`.
            captured_unix_ns: when it was captured; now, when None.

        Raises:
            TypeError, ValueError: something of it cannot be encoded; says what.
            QueueFull: a sink's queue refused it, by strategy `error` or `block`.
            ClosedError: the stream is closed, or was opened in another process.
        """
        self._home.check()
        message = peripheral(id, data, tags, location)
        return self._kernel.publisher.publish(message, captured_unix_ns=captured(captured_unix_ns))

    def close(self) -> None:
        """Let the sinks deliver what waits, and close everything; returns when that is done.

        The end of a `with` block does the same. A second call does nothing, nor does one in a forked child.

        Raises:
            RuntimeError: called in the event loop's own thread, which would wait for itself.
        """
        self._embedded.close(self._token)

    def snapshot(self) -> dict[str, Path]:
        """Have every recorder with `snapshot_s` write what it holds; the files by the sinks' names.

        Raises:
            LookupError: no sink holds anything; says what to set.
            OSError: a file cannot be written.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
        self._home.check()
        return in_loop_of(self._token, take_snapshots, self._kernel.sinks)

    def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """Change settings while the stream runs; returns what was done, and what could not be.

        The files are read anew too. What is the same goes on untouched, with its viewers and files.

        Args:
            overrides: settings above all others, kept besides those that were given before, such as
                `{"sinks": {"recorder": {"enabled": False}}}`.

        Raises:
            SettingsError: something is wrong with the settings; nothing has changed.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
        self._home.check()
        return in_loop_of(self._token, self._embedded.apply, overrides)

    def reload(self) -> list[Change]:
        """Read the files and variables anew, and apply what differs; otherwise as `apply`."""
        self._home.check()
        return in_loop_of(self._token, self._embedded.reload)


class AsyncStream(_Base):
    """A running stream in the event loop of the program that opened it."""

    async def publish_frame(self, png_data: Buffer, *, captured_unix_ns: int | None = None) -> int:
        """As `Stream.publish_frame`; a full `block` queue suspends this coroutine and nothing else."""
        self._home.check()
        return await self._kernel.publisher.publish_async(
            frame(png_data), captured_unix_ns=captured(captured_unix_ns)
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
        """As `Stream.publish_peripheral`; a full `block` queue suspends this coroutine and nothing else."""
        self._home.check()
        message = peripheral(id, data, tags, location)
        return await self._kernel.publisher.publish_async(
            message, captured_unix_ns=captured(captured_unix_ns)
        )

    async def close(self) -> None:
        """As `Stream.close`."""
        await self._embedded.aclose()

    async def snapshot(self) -> dict[str, Path]:
        """As `Stream.snapshot`."""
        self._home.check()
        return await take_snapshots(self._kernel.sinks)

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """As `Stream.apply`."""
        self._home.check()
        return await self._embedded.apply(overrides)

    async def reload(self) -> list[Change]:
        """As `Stream.reload`."""
        self._home.check()
        return await self._embedded.reload()

    @property
    def from_threads(self) -> Stream:
        """The plain calls, for threads of the program and for code that cannot await."""
        return Stream(self._embedded, self._token)


class Opening:
    """A checked profile, ready to run: once, by `with`, by `async with`, or by `start`."""

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Use `Stream.open`."""
        self._embedded: Final = Embedded(profile, config_dir, overrides)
        self._stream: Stream | None = None
        self._async_exit: Final = AsyncExitStack()

    def start(self) -> Stream:
        """Start an event loop in a thread, and the sinks and sources in it; `Stream.close` ends them.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        token = self._embedded.start()
        return Stream(self._embedded, token)

    def __enter__(self) -> Stream:
        """As `start`; the end of the block closes the stream."""
        self._stream = self.start()
        return self._stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the sinks deliver what waits, close everything, join the thread."""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncStream:
        """Start the sinks and sources in the running event loop.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        await self._async_exit.enter_async_context(self._embedded.here())
        return AsyncStream(self._embedded, current_token())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the sinks deliver what waits, and close everything."""
        if self._embedded.home.left:
            return  # asyncio lets no loop go on in a forked child
        await self._async_exit.__aexit__(kind, error, traceback)
