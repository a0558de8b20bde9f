"""`beats run`."""

import signal
from pathlib import Path
from typing import Annotated

import anyio
import typer
from anyio.abc import TaskStatus
from rich.live import Live

from beats.adapters.catalogues import assemble
from beats.adapters.cli import logs
from beats.adapters.cli.common import (
    EXIT_FAILED,
    EXIT_USAGE,
    ConfigOption,
    ProfileOption,
    SetOption,
    err,
    out,
    read_profile,
    warn,
)
from beats.adapters.cli.status import LiveLine, addresses, table
from beats.kernel.errors import StartError
from beats.kernel.kernel import Kernel


def run(
    picture: Annotated[
        Path | None,
        typer.Argument(
            help="A GIF, APNG, WebP or folder of pictures to stream in place of the profile's sources."
        ),
    ] = None,
    stdin: Annotated[
        bool,
        typer.Option(
            "--stdin", help="Stream peripheral updates, one JSON object a line, from standard input."
        ),
    ] = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Stop after so many seconds.")
    ] = None,
) -> None:
    """Stream until interrupted, or until the sources end.

    Exit code 0: ended well; 1: something failed; 2: wrong usage; 78: wrong settings.

    Examples: `beats run`, `beats run picture.gif`, `some-sensor | beats run --stdin`,
    `beats run --profile studio --set sinks.browser.port=9000`.
    """
    settings = read_profile(profile, config, sets, _sources(picture, stdin))
    logs.set_up(settings.kernel.log_level, err)
    for warning in settings.warnings:
        warn(warning)
    kernel = assemble(settings)
    failure = anyio.run(_main, kernel, duration, backend="asyncio")
    if failure is not None:
        err.print(str(failure), style="red", markup=False)
        raise typer.Exit(EXIT_FAILED)
    stats = kernel.stats()
    out.print(table(stats))
    if stats.failed():
        raise typer.Exit(EXIT_FAILED)


def _sources(picture: Path | None, stdin: bool) -> dict[str, object] | None:
    """The tables of the sources that the arguments name, in place of the profile's."""
    sources: dict[str, object] = {}
    if picture is not None:
        from beats.adapters.sources.images import can_read  # only now: it loads the picture library

        if (reason := can_read(picture)) is not None:
            err.print(reason, style="red", markup=False)
            raise typer.Exit(EXIT_USAGE)
        sources["picture"] = {"type": "images", "path": str(picture)}
    if stdin:
        sources["stdin"] = {"type": "jsonl", "path": "-"}
    return sources or None


async def _main(kernel: Kernel, duration_s: float | None) -> StartError | None:
    # Standard output goes by way of the live display only if both are on the terminal.
    live = Live(
        LiveLine(kernel),
        console=err,
        refresh_per_second=2,
        transient=True,
        redirect_stdout=out.is_terminal,
    )
    failure: StartError | None = None
    async with anyio.create_task_group() as group:
        await group.start(_stop_on_signals, kernel, group.cancel_scope)
        if duration_s is not None:
            group.start_soon(_stop_after, kernel, duration_s)
        try:
            await kernel.run(task_status=_OnAir(kernel, live))
        except StartError as error:
            failure = error
        finally:
            live.stop()
        group.cancel_scope.cancel()
    return failure


class _OnAir(TaskStatus[None]):
    """Tells where the stream is to be seen, once it is, and only then begins the live line below it."""

    def __init__(self, kernel: Kernel, live: Live) -> None:
        self._kernel = kernel
        self._live = live

    def started(self, value: None = None) -> None:
        for name, address in addresses(self._kernel):
            out.print(f"On air: {address}  (sink {name})", markup=False)
        if err.is_terminal:
            self._live.start()


async def _stop_on_signals(
    kernel: Kernel, scope: anyio.CancelScope, *, task_status: TaskStatus[None]
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()  # before anything is opened, and so before anything is seen of the run
        stopping = False
        async for signum in signals:
            if stopping and signum == signal.SIGINT:
                scope.cancel()
            elif not stopping:
                kernel.stop()
                stopping = True


async def _stop_after(kernel: Kernel, duration_s: float) -> None:
    await anyio.sleep(duration_s)
    kernel.stop()
