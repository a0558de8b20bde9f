"""What reaches a running command from outside: signals, this user's other commands, changes of its files."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Final

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from beats.cli import logs
from beats.cli.house import House
from beats.cli.output import err
from beats.config.errors import SettingsError
from beats.config.settings import ProfileSettings
from beats.kernel.run.kernel import Kernel
from beats.runtime import control_socket as instance
from beats.runtime.live import summary
from beats.runtime.snapshots import take_snapshots
from beats.runtime.watcher import Watch

_log: Final = logging.getLogger(__name__)


class Steering:
    """Of one run; lives in its event loop."""

    def __init__(self, running: House, read: Callable[[], ProfileSettings], watch: Watch) -> None:
        """Take what can be steered.

        Args:
            running: what runs.
            read: reads the settings.
            watch: of their files, which knows what was read.
        """
        self._running: Final = running
        self._read: Final = read
        self._watch: Final = watch
        self._lock: Final = anyio.Lock()

    @property
    def kernel(self) -> Kernel:
        """What runs."""
        return self._running.kernel

    async def obey_signals(self, scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
        """SIGINT and SIGTERM end the stream in order, a second SIGINT at once, by cancelling `scope`.

        SIGUSR1 takes a snapshot. SIGHUP tells a process that has a terminal that the terminal is gone, which
        ends the stream in order; a process without one is a service and reads its settings again. `nohup` has
        SIGHUP ignored, and so it stays.
        """
        wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            wanted.append(signal.SIGHUP)
        reloads = not _has_terminal()
        with anyio.open_signal_receiver(*wanted) as signals:
            task_status.started()  # before anything is opened, and so before anything is seen of the run
            stopping = False
            async with anyio.create_task_group() as group:
                async for signum in signals:
                    if signum == signal.SIGUSR1:
                        group.start_soon(self._snapshot)  # the disk may be slow, and an end be wanted
                    elif signum == signal.SIGHUP and reloads:
                        group.start_soon(self._reload)
                    elif stopping and signum == signal.SIGINT:
                        scope.cancel()
                    elif not stopping:
                        if signum == signal.SIGHUP:
                            _log.info("the terminal was closed: ending")
                        self.kernel.stop()
                        stopping = True

    async def obey_others(self) -> None:
        """Answer `beats reload` and `beats snapshot`."""
        await instance.serve({"snapshot": self._take_snapshots, "reload": self.reload})

    async def obey_files(self) -> None:
        """Read the settings anew when a file of theirs changes, while `kernel.watch` says so."""
        await self._watch.run(self.reload)

    async def reload(self) -> instance.Answer:
        """Read the settings again and apply what differs; if anything is wrong with them, change nothing.

        One call at a time, so that what was read last is applied last.
        """
        async with self._lock:
            return await self._read_and_apply()

    async def _read_and_apply(self) -> instance.Answer:
        await to_thread.run_sync(self._watch.about_to_read)
        try:
            settings = await to_thread.run_sync(self._read)
        except SettingsError as error:
            _log.error("the settings are wrong, and those from before go on:\n%s", error)
            return {"refused": str(error)}
        for warning in settings.warnings:
            _log.warning("%s", warning)
        await to_thread.run_sync(self._watch.have_read, settings)
        changes = await self._running.apply(settings)
        if logs.is_json() != (settings.kernel.log_format == "json"):
            logs.set_up(settings.kernel.log_level, settings.kernel.log_format, err)
        if not changes:
            _log.info("the settings were read anew, and are as before")
        return summary(changes)

    async def _reload(self) -> None:
        try:
            await self.reload()
        except Exception:  # whatever it is, the stream goes on
            _log.exception("reloading the settings failed")

    async def _take_snapshots(self) -> instance.Answer:
        return {name: str(path) for name, path in (await take_snapshots(self.kernel.sinks)).items()}

    async def _snapshot(self) -> None:
        try:
            written = await take_snapshots(self.kernel.sinks)
        except (LookupError, OSError) as error:
            _log.error("no snapshot: %s", error)
        except Exception:  # whatever it is, the stream goes on
            _log.exception("no snapshot")
        else:
            for name, path in written.items():
                _log.info("snapshot of sink %r: %s", name, path)


def _has_terminal() -> bool:
    """Whether the process belongs to a terminal, which tells it by SIGHUP that it was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
