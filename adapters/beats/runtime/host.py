"""Runs a kernel and everything that belongs to it: settings, control socket, log level, snapshots.

The command, `Stream` and each worker have one host each.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from beats.config.errors import SettingsError
from beats.config.settings import KernelSettings, ProfileSettings
from beats.kernel.capabilities import Address, HoldsSnapshot, Listens
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Stats
from beats.pictures.publishing import PixelPublisher
from beats.runtime import control_socket
from beats.runtime.builder import RuntimeView
from beats.runtime.control_socket import Answer
from beats.runtime.live import Change, LiveProfile, summary
from beats.runtime.threads import WhenStarted
from beats.runtime.watcher import Watcher

Part = Callable[[ProfileSettings], ProfileSettings]
"""Which part of a profile one host runs."""

_log: Final = logging.getLogger(__name__)


class Peer(Protocol):
    """Other processes of the same run, such as a pool of workers."""

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where they listen, by sink name."""
        ...

    def stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes, including the host's own."""
        ...

    def reload(self) -> None:
        """Tell them to reload their settings."""
        ...


def whole(profile: ProfileSettings) -> ProfileSettings:
    """The whole profile."""
    return profile


def set_log_level(settings: KernelSettings) -> None:
    """Set the level of Beats' loggers, and leave handlers alone."""
    logging.getLogger("beats").setLevel(settings.log_level)


class Host:
    """Lives in the kernel's event loop; `stats`, `addresses` and `stop` work in any thread."""

    def __init__(
        self,
        watcher: Watcher,
        settings: ProfileSettings,
        *,
        part: Part = whole,
        view: RuntimeView | None = None,
        set_log: Callable[[KernelSettings], object] = set_log_level,
        reloading: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Build a kernel; nothing runs yet.

        Args:
            watcher: reads the settings again.
            settings: what it has just read.
            part: selects what of the settings this host runs.
            view: what sinks see of the run, when it has more processes than this one.
            set_log: called when the settings of the log change.
            reloading: makes a context that is entered while settings are read again and applied.
        """
        self._watcher: Final = watcher
        self._part: Final = part
        self._set_log: Final = set_log
        self._reloading: Final = reloading
        self.peer: Peer | None = None
        """Other processes of the run."""
        self._live: Final = LiveProfile(part(settings), view, self.stats)
        self._changing: Final = anyio.Lock()
        self.kernel: Final[Kernel] = self._live.kernel
        self.pixels: Final[PixelPublisher] = self._live.pixels

    @property
    def profile(self) -> ProfileSettings:
        """The settings in effect."""
        return self._live.profile

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where clients connect, by sink name."""
        own = {
            name: sink.address
            for name, sink in self.kernel.sinks.items()
            if isinstance(sink, Listens) and sink.address is not None
        }
        return {**({} if self.peer is None else self.peer.addresses), **own}

    def stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes of the run."""
        return (self.kernel if self.peer is None else self.peer).stats(clients=clients)

    def stop(self) -> None:
        """Ask for an orderly end; returns at once."""
        self.kernel.stop()

    async def run(
        self,
        *,
        control: TaskStatus[None] | None = None,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the kernel until it ends, and reload changed files while `kernel.watch` is set.

        Args:
            control: also answer `beats reload` and `beats snapshot`; its `started` is called when they can
                find this run.
            task_status: its `started` is called when the kernel has started.

        Raises:
            StartError: a sink could not start; nothing is left running.
        """
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            def started() -> None:
                _log.info("event loop: %s", self.kernel.stats(clients=False).event_loop)
                group.start_soon(self._watcher.run, self.try_reload)
                if control is not None:
                    commands = {"snapshot": self._answer_snapshot, "reload": self.try_reload}
                    group.start_soon(partial(control_socket.serve, commands, task_status=control))
                task_status.started()

            try:
                await self.kernel.run(task_status=WhenStarted(started))
            except Exception as error:
                failure = error  # raised below, not wrapped in the task group's exception group
            finally:
                self.pixels.close(0)  # needed if the kernel was cancelled, or did not start
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def reload(self) -> list[Change]:
        """Read the settings again and apply what changed.

        Raises:
            SettingsError: the settings are invalid; nothing has changed.
        """
        return await self.apply({})

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """Read the settings again with further overrides, and apply what changed.

        Raises:
            SettingsError: the settings are invalid; nothing has changed.
        """
        async with self._changing:  # one at a time: the settings read last are applied last
            with self._reloading():
                reader = self._watcher.reader.overridden(overrides)
                settings = await to_thread.run_sync(self._watcher.read, reader)
                for warning in settings.warnings:
                    _log.warning("%s", warning)
                before, after = self.profile.kernel, settings.kernel
                if (before.log_level, before.log_format) != (after.log_level, after.log_format):
                    self._set_log(after)
                changes = await self._live.apply(self._part(settings))
                if self.peer is not None:
                    self.peer.reload()
                    changes.append(Change("workers told to reload"))
        if not changes:
            _log.info("settings reloaded: no changes")
        return changes

    async def try_reload(self) -> Answer:
        """Reload, but log invalid settings instead of raising. Returns what to answer a client."""
        try:
            return summary(await self.reload())
        except SettingsError as error:
            _log.error("invalid settings: keeping the current ones:\n%s", error)
            return {"refused": str(error)}

    async def snapshot(self) -> dict[str, Path]:
        """Have every sink that keeps the last seconds write them to a file; the files by sink name.

        Raises:
            LookupError: no sink keeps anything; says what to set.
            OSError: a file cannot be written.
        """
        holders = {
            name: sink
            for name, sink in self.kernel.sinks.items()
            if isinstance(sink, HoldsSnapshot) and sink.holds_snapshot
        }
        if not holders:
            raise LookupError(
                "no sink holds a snapshot: set snapshot_s, in seconds, on a sink of type recorder"
            )
        return {name: await sink.snapshot() for name, sink in holders.items()}

    async def _answer_snapshot(self) -> Answer:
        return {name: str(path) for name, path in (await self.snapshot()).items()}
