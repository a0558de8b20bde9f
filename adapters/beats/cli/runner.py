"""Runs a kernel for a command: until its end, a signal or a time limit, and shows how it goes."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio
import typer
from anyio.abc import TaskStatus
from rich.console import RenderableType
from rich.live import Live

from beats.cli import logs, streams
from beats.cli.common import Reader
from beats.cli.control import Steering
from beats.cli.house import House, house
from beats.cli.output import EXIT_FAILED, complain, err, out, say, warn
from beats.cli.status import Counted, LiveLine, table
from beats.config.settings import ProfileSettings
from beats.kernel.errors import StartError
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Stats
from beats.runtime.watcher import Watch

if TYPE_CHECKING:  # few runs have any
    from beats.workers.start import Workers

Beside = Callable[[Kernel], Coroutine[Any, Any, None]]


async def _nothing(kernel: Kernel) -> None:
    """Beside a stream that needs no more than itself."""


class Show(NamedTuple):
    """What a command has to show while it runs, and to do."""

    live: Callable[[Counted], RenderableType] = LiveLine
    """Makes what a terminal shows."""
    refresh_hz: float = 2
    """How often a terminal shows it."""
    beside: Beside = _nothing
    """Runs while the stream is on air, and is cancelled at its end."""


_PLAIN: Final = Show()


class _Outcome(NamedTuple):
    """How a run ended."""

    failure: StartError | None = None
    """Why it could not begin."""
    stats: Stats | None = None
    """The counters at the end."""


def perform(
    reader: Reader, duration_s: float | None, show: Show = _PLAIN, workers: "Workers | None" = None
) -> None:
    """Run a profile, and end the command with an exit code if something fails.

    Args:
        reader: reads what to run, now and whenever it is told to again.
        duration_s: stop after so many seconds; None for no limit.
        show: what to show and do besides.
        workers: the processes that serve the viewers; None for this one.
    """
    watch = Watch(reader.folder)
    watch.about_to_read()
    settings = reader.read_or_exit()
    watch.have_read(settings)
    logs.set_up(settings.kernel.log_level, settings.kernel.log_format, err)
    for warning in settings.warnings:
        warn(warning)
    streams.detach()  # whatever becomes of the terminal, the stream goes on
    outcome = anyio.run(_main, settings, reader, watch, duration_s, show, workers, backend="asyncio")
    if outcome.failure is not None:
        complain(str(outcome.failure))
        raise typer.Exit(EXIT_FAILED)
    if outcome.stats is not None:
        out.print(table(outcome.stats))
        if outcome.stats.failed():
            raise typer.Exit(EXIT_FAILED)


async def _main(
    settings: ProfileSettings,
    reader: Reader,
    watch: Watch,
    duration_s: float | None,
    show: Show,
    workers: "Workers | None",
) -> _Outcome:
    try:
        async with house(settings, workers) as running:
            failure = await _run(running, Steering(running, reader.read, watch), duration_s, show)
        return _Outcome(failure, running.stats())
    except StartError as error:
        return _Outcome(error)


async def _run(running: House, steering: Steering, duration_s: float | None, show: Show) -> StartError | None:
    failure: StartError | None = None
    kernel = running.kernel
    # Standard output goes by way of the live display only if both are on the terminal.
    live = Live(
        show.live(running),
        console=err,
        refresh_per_second=show.refresh_hz,
        transient=True,
        redirect_stdout=out.is_terminal,
    )
    async with anyio.create_task_group() as group:
        await group.start(steering.obey_signals, group.cancel_scope)
        if duration_s is not None:
            group.start_soon(_stop_after, kernel, duration_s)

        def then() -> None:
            group.start_soon(show.beside, kernel)
            group.start_soon(steering.obey_others)
            group.start_soon(steering.obey_files)

        try:
            await kernel.run(task_status=_OnAir(running, live, then))
        except StartError as error:
            failure = error
        finally:
            live.stop()
        group.cancel_scope.cancel()
    return failure


class _OnAir(TaskStatus[None]):
    """Tells where the stream is to be seen, once it is, and only then begins the live line below it."""

    def __init__(self, running: House, live: Live, then: Callable[[], None]) -> None:
        self._running = running
        self._live = live
        self._then = then

    def started(self, value: None = None) -> None:
        for name, address in self._running.addresses.items():
            say(f"On air: {address.url}  (sink {name}; page {address.page_url})")
        self._then()
        if err.is_terminal and not logs.is_json():
            self._live.start()


async def _stop_after(kernel: Kernel, duration_s: float) -> None:
    await anyio.sleep(duration_s)
    kernel.stop()
