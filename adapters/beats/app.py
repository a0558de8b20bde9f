"""`Stream`: Beats inside your own program. What a program needs besides can be imported from here too."""

import atexit
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final

import anyio
from anyio import to_thread
from anyio.lowlevel import EventLoopToken, current_token
from typing_extensions import Buffer

from beats.config.errors import SettingsError
from beats.config.layers.profiles import PROFILE_VARIABLE
from beats.config.settings import ProfileSettings
from beats.kernel.capabilities import Address, Listens
from beats.kernel.envelope import Control, Location, Tag
from beats.kernel.errors import ClosedError, QueueFull, StartError
from beats.kernel.ports import Sink
from beats.kernel.stats import Stats
from beats.kit.forks import Home
from beats.proto.events import input_event
from beats.runtime.arguments import GivenLocation, GivenTag, captured, frame, peripheral
from beats.runtime.dispatcher import Dispatcher
from beats.runtime.host import Host, set_log_level
from beats.runtime.live import Change
from beats.runtime.reader import Reader
from beats.runtime.threads import KernelThread, in_loop_of, in_this_loop
from beats.runtime.watcher import Watcher

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


PROGRAM: Final = "program"
"""The profile used when the program names none: a browser sink and no source, as the program publishes."""

_log: Final = logging.getLogger(__name__)


def _stays(profile: ProfileSettings) -> ProfileSettings:
    """The profile without an end of its own: the program publishes too, and closes the stream."""
    return replace(profile, kernel=profile.kernel.model_copy(update={"when_sources_end": "stay"}))


class _Session:
    """A host that runs once, in a thread or in the program's event loop, until it is closed."""

    def __init__(self, reader: Reader) -> None:
        watcher = Watcher(reader)
        settings = watcher.read()
        for warning in settings.warnings:
            _log.warning("%s", warning)
        self.host: Final = Host(watcher, settings, part=_stays)
        self.dispatcher: Final = Dispatcher()
        self.host.kernel.bus.connect("control", self.dispatcher.put)
        self._home: Home | None = None
        self._thread: KernelThread | None = None
        self._ended: Final = anyio.Event()

    @property
    def home(self) -> Home:
        """The process in which it was started."""
        assert self._home is not None, "it has been started"
        return self._home

    def start(self) -> EventLoopToken:
        """Run in a thread with its own event loop; returns that loop's token."""
        self._begin()
        thread = KernelThread(self.host)
        try:
            token = thread.start()
        except BaseException:
            self.dispatcher.close()
            raise
        self._thread = thread
        atexit.register(self._close_forgotten)
        return token

    @asynccontextmanager
    async def here(self) -> AsyncGenerator[None]:
        """Run in the running event loop until the block ends."""
        self._begin()
        try:
            async with in_this_loop(self.host, self._ended):
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._close_dispatcher()

    def close(self, token: EventLoopToken) -> None:
        """Close from a thread; does nothing in a forked child."""
        if self.home.left:
            return
        if self._thread is not None:
            self._close(self._thread)
        elif not self._ended.is_set():
            in_loop_of(token, self.aclose)

    async def aclose(self) -> None:
        """Close in the event loop in which it runs."""
        if self.home.left:
            return
        self.host.stop()
        await self._ended.wait()
        await self._close_dispatcher()

    def _begin(self) -> None:
        if self._home is not None:
            raise RuntimeError("this stream has been opened before: call Stream.open again")
        self._home = Home()
        settings = self.host.profile.kernel
        if "log_level" in settings.model_fields_set:  # otherwise the program's own level stays
            set_log_level(settings)

    def _close(self, thread: KernelThread) -> None:
        try:
            thread.close()
        finally:
            atexit.unregister(self._close_forgotten)
            self.dispatcher.close()

    def _close_forgotten(self) -> None:
        """At the end of a program that did not close its stream."""
        if self._thread is not None and not self.home.left:
            _log.warning("the stream was open when the program ended: call close(), or use `with`")
            self._close(self._thread)

    async def _close_dispatcher(self) -> None:
        # In a worker thread, since a handler may need this event loop to finish.
        await to_thread.run_sync(self.dispatcher.close)


class _Base:
    def __init__(self, session: _Session, token: EventLoopToken) -> None:
        """Use `Stream.open`."""
        self._session: Final = session
        self._home: Final = session.home
        self._host: Final = session.host
        self._kernel: Final = session.host.kernel
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
        return self._session.dispatcher.add(handler)


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
        self._session.close(self._token)

    def snapshot(self) -> dict[str, Path]:
        """Have every recorder with `snapshot_s` write what it holds; the files by the sinks' names.

        Raises:
            LookupError: no sink holds anything; says what to set.
            OSError: a file cannot be written.
            RuntimeError: called in the event loop's own thread, which would wait for itself.
            ClosedError: the stream is closed.
        """
        self._home.check()
        return in_loop_of(self._token, self._host.snapshot)

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
        return in_loop_of(self._token, self._host.apply, overrides)

    def reload(self) -> list[Change]:
        """Read the files and variables anew, and apply what differs; otherwise as `apply`."""
        self._home.check()
        return in_loop_of(self._token, self._host.reload)


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
        """The plain calls, for threads of the program and for code that cannot await."""
        return Stream(self._session, self._token)


class Opening:
    """A checked profile, ready to run: once, by `with`, by `async with`, or by `start`."""

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Use `Stream.open`."""
        named = profile is not None or os.environ.get(PROFILE_VARIABLE)
        self._session: Final = _Session(
            Reader(profile if named else PROGRAM, config_dir, overrides=overrides)
        )
        self._stream: Stream | None = None
        self._async_exit: Final = AsyncExitStack()

    def start(self) -> Stream:
        """Start an event loop in a thread, and the sinks and sources in it; `Stream.close` ends them.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        token = self._session.start()
        return Stream(self._session, token)

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
        await self._async_exit.enter_async_context(self._session.here())
        return AsyncStream(self._session, current_token())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the sinks deliver what waits, and close everything."""
        if self._session.home.left:
            return  # asyncio lets no loop go on in a forked child
        await self._async_exit.__aexit__(kind, error, traceback)
