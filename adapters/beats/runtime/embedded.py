"""A profile inside a program: read, checked, run, and brought to other settings while it runs."""

import atexit
import logging
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import anyio
from anyio import to_thread
from anyio.lowlevel import EventLoopToken

from beats.config.errors import SettingsError
from beats.config.layers.arguments import override_layer
from beats.config.layers.merging import merge, plain
from beats.config.layers.profiles import PROFILE_VARIABLE, wanted_folder
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.kernel.run.kernel import Kernel
from beats.kit.forks import Home
from beats.runtime.builder import InstalledAdapters
from beats.runtime.dispatcher import Dispatcher
from beats.runtime.live import Change, LiveProfile
from beats.runtime.threads import KernelThread, in_loop_of, in_this_loop
from beats.runtime.watcher import Watch

PROGRAM: Final = "program"
"""The profile of a program that names none: it publishes itself, so nothing else shall."""

_log: Final = logging.getLogger("beats.app")


class Embedded:
    """What a `Stream` stands on. `apply` and `reload` are for the kernel's event loop."""

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Read and check a profile, and put its kernel together; nothing runs yet.

        Raises:
            SettingsError: something is wrong with the settings; the text lists all of it.
        """
        named = profile is not None or os.environ.get(PROFILE_VARIABLE)
        self._profile: Final = profile if named else PROGRAM
        self._config_dir: Final = config_dir
        self._overrides: Mapping[str, object] = overrides or {}
        self._watch: Final = Watch(wanted_folder(config_dir, os.environ))
        self._live: Final = LiveProfile(self._read(self._overrides))
        self._changing: Final = anyio.Lock()
        self.kernel: Final[Kernel] = self._live.kernel
        self.dispatcher: Final = Dispatcher()
        self.kernel.bus.connect("control", self.dispatcher.put)
        self._home: Home | None = None
        self._thread: KernelThread | None = None
        self._ended: Final = anyio.Event()

    @property
    def home(self) -> Home:
        """The process that it runs in."""
        assert self._home is not None, "it has been started"
        return self._home

    def start(self) -> EventLoopToken:
        """Run in a thread with an event loop of its own; gives that loop's token.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        self._begin()
        thread = KernelThread(self.kernel, self._obey_files)
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
        """Run in the running event loop until the block ends.

        Raises:
            StartError: a sink could not start; nothing is left running.
            RuntimeError: it ran before.
        """
        self._begin()
        try:
            async with in_this_loop(self.kernel, self._ended, self._obey_files):
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._close_dispatcher()

    def close(self, token: EventLoopToken) -> None:
        """Let the sinks deliver what waits, and close everything. Nothing is done in a forked child.

        Raises:
            RuntimeError: called in the kernel's own event loop, which would wait for itself.
        """
        if self.home.left:
            return
        if self._thread is not None:
            self._close(self._thread)
        elif not self._ended.is_set():
            in_loop_of(token, self.aclose)

    async def aclose(self) -> None:
        """As `close`, in the event loop that it runs in."""
        if self.home.left:
            return
        self.kernel.stop()
        await self._ended.wait()
        await self._close_dispatcher()

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """Read the settings anew, with further ones above all others, and apply what differs.

        Raises:
            SettingsError: something is wrong with them; nothing has changed.
        """
        async with self._changing:  # so that what was read last is applied last
            layers = override_layer(self._overrides), override_layer(overrides)
            merged = cast("Mapping[str, object]", plain(merge(layers)))
            settings = await to_thread.run_sync(self._read, merged)
            self._overrides = merged
            return await self._live.apply(settings)

    async def reload(self) -> list[Change]:
        """Read the settings anew, and apply what differs.

        Raises:
            SettingsError: something is wrong with them; nothing has changed.
        """
        return await self.apply({})

    async def _obey_files(self) -> None:
        """Read the settings again when their files change, while `kernel.watch` says so."""
        await self._watch.run(self._reload)

    async def _reload(self) -> None:
        try:
            await self.reload()
        except SettingsError as error:
            _log.error("invalid settings: keeping the current ones:\n%s", error)

    def _begin(self) -> None:
        if self._home is not None:
            raise RuntimeError("this stream has been opened before: call Stream.open again")
        self._home = Home()
        kernel = self._live.profile.kernel
        if "log_level" in kernel.model_fields_set:  # else it is as the program has set it
            logging.getLogger("beats").setLevel(kernel.log_level)

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
        # In a worker thread, since a handler may need this very loop to finish what it does.
        await to_thread.run_sync(self.dispatcher.close)

    def _read(self, overrides: Mapping[str, object]) -> ProfileSettings:
        self._watch.about_to_read()
        settings = load_profile(
            InstalledAdapters(),
            profile=self._profile,
            config_dir=self._config_dir,
            environ=os.environ,
            overrides=overrides,
        )
        for warning in settings.warnings:
            _log.warning("%s", warning)
        self._watch.have_read(settings)
        # The program that embeds the kernel is a source itself, and it ends when the block ends.
        stays = settings.kernel.model_copy(update={"when_sources_end": "stay"})
        return replace(settings, kernel=stays)
