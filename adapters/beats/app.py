"""The composition root, and `Stream`: Beats inside your own program."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

import anyio
from anyio import to_thread
from anyio.lowlevel import EventLoopToken, current_token

from beats.adapters.embedded import Embedded
from beats.adapters.live import Change
from beats.adapters.running import in_loop_of, in_this_loop, in_thread
from beats.adapters.snapshots import take_snapshots
from beats.kernel.abilities import Address, Listens
from beats.kernel.envelope import Control, Frame, Location, Peripheral, Tag
from beats.kernel.ports import Sink
from beats.kernel.stats import Stats


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
        self._kernel: Final = embedded.kernel
        self._token: Final = token

    @property
    def sinks(self) -> Mapping[str, SinkHandle]:
        """The sinks by name."""
        return {name: SinkHandle(name, sink) for name, sink in self._kernel.sinks.items()}

    def stats(self) -> Stats:
        """All counters; any thread may ask at any time."""
        return self._kernel.stats()

    def on_control(self, handler: Callable[[Control], object]) -> None:
        """Have `handler` called, in a thread of its own, with every valid control message of a client.

        Raises:
            ClosedError: the stream is closed.
        """
        self._embedded.dispatcher.add(handler)


class Stream(_Base):
    """A running stream whose event loop has a thread of its own; every method is for any thread."""

    @staticmethod
    def open(
        profile: str | None = None,
        config_dir: str | Path | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> "Opening":
        """Read and check a profile; `with` then runs it, `async with` runs it in your own event loop.

        The stream stays open until the block ends, also when the profile's own sources have ended.

        Args:
            profile: its name; `BEATS_PROFILE`, or `default`, when None.
            config_dir: where profiles are looked for first; `BEATS_CONFIG_DIR`, or `./config`, when None.
            overrides: settings above all files and variables, such as
                `{"sinks": {"browser": {"port": 9000}}}`.

        Raises:
            SettingsError: something is wrong with the settings; the text lists all of it.
        """
        return Opening(profile, config_dir, overrides)

    def publish_frame(self, png_data: bytes, *, captured_unix_ns: int | None = None) -> int:
        """Publish a picture and return its sequence number.

        Args:
            png_data: a whole PNG file.
            captured_unix_ns: when it was captured; now, when None.

        Raises:
            TypeError, ValueError: it is not a PNG file.
            QueueFull: a sink's queue refused it, by strategy `error` or `block`.
            ClosedError: the stream is closed.
        """
        return self._kernel.publisher.publish(Frame(png_data), captured_unix_ns=captured_unix_ns)

    def publish_peripheral(
        self,
        id: str,  # noqa: A002 - the wire's own word
        data: object,
        *,
        tags: Iterable[Tag | str] = (),
        location: Location | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """Publish an update of a knob, a sensor, a phone, and return its sequence number.

        Args:
            id: which peripheral this is.
            data: anything that JSON can hold, as well as dataclasses, enums, dates, bytes and sets; or a
                protobuf message. It must not be changed afterwards.
            tags: what kind of peripheral it is.
            location: where it is.
            captured_unix_ns: when it was captured; now, when None.

        Raises:
            TypeError, ValueError: the data cannot be encoded.
            QueueFull: a sink's queue refused it, by strategy `error` or `block`.
            ClosedError: the stream is closed.
        """
        message = _peripheral(id, data, tags, location)
        return self._kernel.publisher.publish(message, captured_unix_ns=captured_unix_ns)

    def snapshot(self) -> dict[str, Path]:
        """Have every recorder with `snapshot_s` write what it holds; the files by the sinks' names.

        Raises:
            LookupError: no sink holds anything; says what to set.
            OSError: a file cannot be written.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
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
        return in_loop_of(self._token, self._embedded.apply, overrides)

    def reload(self) -> list[Change]:
        """Read the files and variables anew, and apply what differs; otherwise as `apply`."""
        return in_loop_of(self._token, self._embedded.reload)


class AsyncStream(_Base):
    """A running stream in the event loop of the program that opened it."""

    async def publish_frame(self, png_data: bytes, *, captured_unix_ns: int | None = None) -> int:
        """As `Stream.publish_frame`; a full `block` queue suspends this coroutine and nothing else."""
        return await self._kernel.publisher.publish_async(Frame(png_data), captured_unix_ns=captured_unix_ns)

    async def publish_peripheral(
        self,
        id: str,  # noqa: A002 - the wire's own word
        data: object,
        *,
        tags: Iterable[Tag | str] = (),
        location: Location | None = None,
        captured_unix_ns: int | None = None,
    ) -> int:
        """As `Stream.publish_peripheral`; a full `block` queue suspends this coroutine and nothing else."""
        message = _peripheral(id, data, tags, location)
        return await self._kernel.publisher.publish_async(message, captured_unix_ns=captured_unix_ns)

    async def snapshot(self) -> dict[str, Path]:
        """As `Stream.snapshot`."""
        return await take_snapshots(self._kernel.sinks)

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """As `Stream.apply`."""
        return await self._embedded.apply(overrides)

    async def reload(self) -> list[Change]:
        """As `Stream.reload`."""
        return await self._embedded.reload()

    @property
    def from_threads(self) -> Stream:
        """The plain calls, for threads of the program and for code that cannot await."""
        return Stream(self._embedded, self._token)


class Opening:
    """A checked profile, ready to run: once, by `with` or by `async with`."""

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Use `Stream.open`."""
        self._embedded: Final = Embedded(profile, config_dir, overrides)
        self._exit = ExitStack()
        self._async_exit: Final = AsyncExitStack()
        self._begun = False

    def __enter__(self) -> Stream:
        """Start an event loop in a thread, and the sinks and sources in it.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        self._begin()
        with ExitStack() as stack:
            stack.callback(self._embedded.dispatcher.close)
            token = stack.enter_context(in_thread(self._embedded.kernel))
            self._exit = stack.pop_all()
        return Stream(self._embedded, token)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the sinks deliver what waits, close everything, join the thread."""
        self._exit.__exit__(kind, error, traceback)

    async def __aenter__(self) -> AsyncStream:
        """Start the sinks and sources in the running event loop.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        self._begin()
        await self._async_exit.enter_async_context(in_this_loop(self._embedded.kernel))
        return AsyncStream(self._embedded, current_token())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the sinks deliver what waits, and close everything."""
        try:
            await self._async_exit.__aexit__(kind, error, traceback)
        finally:
            # In a worker thread, since a handler may need this very loop to finish what it does.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._embedded.dispatcher.close)

    def _begin(self) -> None:
        if self._begun:
            raise RuntimeError("this stream has been opened before: call Stream.open again")
        self._begun = True


def _peripheral(
    id: str,  # noqa: A002 - the wire's own word
    data: object,
    tags: Iterable[Tag | str],
    location: Location | None,
) -> Peripheral:
    named = tuple(Tag(tag) if isinstance(tag, str) else tag for tag in tags)
    return Peripheral(id, data, named, location)
