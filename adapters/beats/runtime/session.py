"""One run of a host inside a program, which starts it and closes it."""

import atexit
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import EventLoopToken

from beats.config.errors import SettingsError, nearest
from beats.config.settings import ProfileSettings
from beats.kit.forks import Home
from beats.runtime.dispatcher import Dispatcher
from beats.runtime.host import Host, set_log_level
from beats.runtime.reader import Reader
from beats.runtime.threads import KernelThread, in_loop_of, in_this_loop
from beats.runtime.watcher import Watcher

_log: Final = logging.getLogger("beats.app")  # what a program knows


def _stays(profile: ProfileSettings) -> ProfileSettings:
    """The profile without an end of its own: the program publishes too, and closes the stream."""
    return replace(profile, kernel=profile.kernel.model_copy(update={"when_sources_end": "stay"}))


_T = TypeVar("_T")


class RunningSinks(dict[str, _T]):
    """Something for each running sink, by its name."""

    def __missing__(self, name: str) -> _T:
        """Say which sinks are running."""
        near = nearest(name, self)
        hint = f"did you mean {near!r}? " if near is not None else ""
        raise KeyError(f"no sink {name!r} is running; {hint}running are: {', '.join(self) or 'none'}")


class Session:
    """A host that runs once, in a thread or in the program's event loop, until it is closed."""

    def __init__(self, reader: Reader) -> None:
        watcher = Watcher(reader)
        try:
            settings = watcher.read()
        except SettingsError as error:
            error.add_note("More: beats docs settings")
            raise
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
        thread = KernelThread(self.host, self.host.profile.kernel.event_loop)
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
        """Close the stream in the event loop in which it runs."""
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
        """Close the stream at the end of a program that did not."""
        if self._thread is not None and not self.home.left:
            _log.warning("the stream was open when the program ended: call close(), or use `with`")
            self._close(self._thread)

    async def _close_dispatcher(self) -> None:
        # In a worker thread, since a handler may need this event loop to finish.
        await to_thread.run_sync(self.dispatcher.close)
