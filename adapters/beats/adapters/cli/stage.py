"""Runs a kernel for a command: until its end, a signal or a time limit, and shows how it goes."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

import anyio
import typer
from anyio.abc import TaskStatus
from rich.console import RenderableType
from rich.live import Live

from beats.adapters.cli import logs
from beats.adapters.cli.common import EXIT_FAILED, Reader, complain, err, out, warn
from beats.adapters.cli.status import LiveLine, addresses, table
from beats.adapters.cli.steering import Steering
from beats.adapters.live import LiveProfile
from beats.kernel.errors import StartError
from beats.kernel.kernel import Kernel

Beside = Callable[[Kernel], Coroutine[Any, Any, None]]


async def _nothing(kernel: Kernel) -> None:
    """Beside a stream that needs no more than itself."""


class Show(NamedTuple):
    """What a command has to show while it runs, and to do."""

    live: Callable[[Kernel], RenderableType] = LiveLine
    """Makes what a terminal shows."""
    refresh_hz: float = 2
    """How often a terminal shows it."""
    beside: Beside = _nothing
    """Runs while the stream is on air, and is cancelled at its end."""


_PLAIN: Final = Show()


def perform(reader: Reader, duration_s: float | None, show: Show = _PLAIN) -> None:
    """Run a profile, and end the command with an exit code if something fails.

    Args:
        reader: reads what to run, now and whenever it is told to again.
        duration_s: stop after so many seconds; None for no limit.
        show: what to show and do besides.
    """
    settings = reader.read_or_exit()
    logs.set_up(settings.kernel.log_level, settings.kernel.log_format, err)
    for warning in settings.warnings:
        warn(warning)
    profile = LiveProfile(settings)
    kernel = profile.kernel
    # Standard output goes by way of the live display only if both are on the terminal.
    live = Live(
        show.live(kernel),
        console=err,
        refresh_per_second=show.refresh_hz,
        transient=True,
        redirect_stdout=out.is_terminal,
    )
    steering = Steering(profile, reader.read, reader.folder)
    failure = anyio.run(_main, steering, duration_s, live, show.beside, backend="asyncio")
    if failure is not None:
        complain(str(failure))
        raise typer.Exit(EXIT_FAILED)
    stats = kernel.stats()
    out.print(table(stats))
    if stats.failed():
        raise typer.Exit(EXIT_FAILED)


async def _main(
    steering: Steering, duration_s: float | None, live: Live, beside: Beside
) -> StartError | None:
    failure: StartError | None = None
    kernel = steering.kernel
    async with anyio.create_task_group() as group:
        await group.start(steering.obey_signals, group.cancel_scope)
        if duration_s is not None:
            group.start_soon(_stop_after, kernel, duration_s)

        def then() -> None:
            group.start_soon(beside, kernel)
            group.start_soon(steering.obey_others)
            group.start_soon(steering.obey_files)

        try:
            await kernel.run(task_status=_OnAir(kernel, live, then))
        except StartError as error:
            failure = error
        finally:
            live.stop()
        group.cancel_scope.cancel()
    return failure


class _OnAir(TaskStatus[None]):
    """Tells where the stream is to be seen, once it is, and only then begins the live line below it."""

    def __init__(self, kernel: Kernel, live: Live, then: Callable[[], None]) -> None:
        self._kernel = kernel
        self._live = live
        self._then = then

    def started(self, value: None = None) -> None:
        for name, address in addresses(self._kernel):
            out.print(f"On air: {address}  (sink {name})", markup=False)
        self._then()
        if err.is_terminal and not logs.is_json():
            self._live.start()


async def _stop_after(kernel: Kernel, duration_s: float) -> None:
    await anyio.sleep(duration_s)
    kernel.stop()
