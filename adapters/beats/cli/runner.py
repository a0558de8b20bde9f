"""Runs a profile for a command: until it ends, a signal comes or time is up. Shows its progress."""

import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import anyio
import typer
from anyio.abc import TaskStatus
from rich.console import Group, RenderableType
from rich.live import Live as LiveDisplay
from rich.table import Table
from rich.text import Text

from beats.cli import logs, more, streams
from beats.cli.collector import collect_seldom
from beats.cli.common import read_or_exit
from beats.cli.output import EXIT_FAILED, EXIT_SETTINGS, complain, err, out, point_to, say, warn
from beats.cli.printable import printable
from beats.cli.service_manager import ServiceManager
from beats.config.settings import KernelSettings, ProfileSettings, SinkSettings
from beats.kernel.capabilities import Address
from beats.kernel.errors import StartError
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import sole
from beats.kernel.stats import SinkStats, Stats
from beats.kit.event_loop import run
from beats.kit.units import counted
from beats.runtime.host import Host
from beats.runtime.reader import Reader
from beats.runtime.start_errors import is_by_settings
from beats.runtime.threads import WhenStarted
from beats.runtime.watcher import Watcher

if TYPE_CHECKING:  # few runs have any
    from beats.workers.start import Workers


class Counted(Protocol):
    """A kernel or a host."""

    def stats(self) -> Stats:
        """The current counters."""
        ...


class LiveLine:
    """Shows rates and totals; a live display on a terminal redraws it."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._last = counted.stats()
        self._last_s = time.monotonic()
        self._rates = "0 fps"

    def __rich__(self) -> Text:
        """The current line."""
        stats, now_s = self._counted.stats(), time.monotonic()
        if (elapsed_s := now_s - self._last_s) >= 0.4:
            fps = (stats.frames - self._last.frames) / elapsed_s
            updates = (stats.published - stats.frames - self._last.published + self._last.frames) / elapsed_s
            self._rates = f"{fps:.1f} fps · {updates:.1f} updates/s"
            self._last, self._last_s = stats, now_s
        clients = sum(sink.client_totals.connected for sink in stats.sinks if sink.client_totals)
        dropped = sum(_lost(sink) for sink in stats.sinks)
        text = Text(f"{self._rates} · {counted(clients, 'viewer')} · {dropped} dropped")
        if given_up := sum(each.items for each in stats.given_up):
            text.append(f" · {given_up} given up")
        for part in stats.failed():
            text.append(printable(f" · {part.name} failed: {part.last_error}"), style="bold red")
        return text


def table(stats: Stats) -> Group:
    """What happened to all published envelopes, by sink."""
    result = Table("sink", "state", box=None, pad_edge=False, header_style="bold")
    for heading in ("offered", "delivered", "dropped"):
        result.add_column(heading, justify="right")
    result.add_column("why")
    for sink in stats.sinks:
        queue = sink.queue
        drops: dict[str, int] = {}
        for drop in queue.drops:
            drops[drop.reason] = drops.get(drop.reason, 0) + drop.items
        why = ", ".join(f"{reason} {items}" for reason, items in drops.items())
        row = (queue.offered.items, queue.taken.items, queue.dropped.items)
        result.add_row(sink.name, sink.state, *map(str, row), why)
        if (clients := sink.client_totals) is not None:
            offered = clients.delivered.items + clients.dropped.items
            ended = [
                (clients.stalled, "stalled"),
                (clients.overflowed, "overflowed"),
                (clients.flooded, "flooded"),
                (clients.silent, "silent"),
            ]
            closed = ", ".join(f"{number} closed: {reason}" for number, reason in ended if number)
            row = (offered, clients.delivered.items, clients.dropped.items)
            result.add_row("", counted(clients.accepted, "viewer"), *map(str, row), closed)
    given_up = sum(each.items for each in stats.given_up)
    before = f"; {given_up} more were given up before that" if given_up else ""
    return Group(Text(f"published {stats.published}, of them {stats.frames} frames{before}"), result)


def _lost(sink: SinkStats) -> int:
    return sink.queue.dropped.items + (sink.client_totals.dropped.items if sink.client_totals else 0)


Beside = Callable[[Kernel], Coroutine[Any, Any, None]]

_log: Final = logging.getLogger(__name__)


async def _nothing(kernel: Kernel) -> None:
    """The default of `Show.beside`."""


class Show(NamedTuple):
    """What a command shows and does during a run."""

    live: Callable[[Counted], RenderableType] = LiveLine
    """Makes what a terminal shows."""
    refresh_hz: float = 2
    """How often a terminal is redrawn."""
    beside: Beside = _nothing
    """Runs while the stream is on air, and is cancelled at its end."""


_PLAIN: Final = Show()


class _Outcome(NamedTuple):
    """How a run ended."""

    failure: StartError | None = None
    """Why the run could not start."""
    stats: Stats | None = None
    """The counters at the end."""


def perform(
    reader: Reader, duration_s: float | None, show: Show = _PLAIN, workers: "Workers | None" = None
) -> None:
    """Run a profile, and end the command with an exit code if something fails.

    Args:
        reader: reads what to run, at the start and at each reload.
        duration_s: stop after so many seconds; None for no limit.
        show: what to show and do during the run.
        workers: the processes that serve the viewers; None for this one.
    """
    watcher = Watcher(reader)
    settings = read_or_exit(watcher)
    set_log(settings.kernel)
    for warning in settings.warnings:
        warn(warning)
    streams.detach()  # a terminal that is closed or blocked must not stop the stream
    manager = ServiceManager()
    make_host = partial(Host, watcher, settings, set_log=set_log, reloading=manager.reloading)

    async def main() -> _Outcome:
        try:
            if workers is None:
                host = make_host()
                return _Outcome(await _run(host, settings, duration_s, show, manager), host.stats())
            from beats.workers.start import worker_pool

            async with worker_pool(workers, settings, lambda part: make_host(part=part)) as host:
                failure = await _run(host, settings, duration_s, show, manager)
            return _Outcome(failure, host.stats())
        except StartError as error:
            return _Outcome(error)
        except ExceptionGroup as errors:  # each task group on the way wraps what passes through it
            if not isinstance(only := sole(errors), StartError):
                raise
            return _Outcome(only)

    outcome = run(main, event_loop=settings.kernel.event_loop)
    failed = [] if outcome.stats is None else outcome.stats.failed()
    if outcome.failure is not None:
        complain(str(outcome.failure))
        point_to(*more.of_start(outcome.failure, failed, settings, has_workers=workers is not None))
        raise typer.Exit(EXIT_SETTINGS if is_by_settings(outcome.failure) else EXIT_FAILED)
    if outcome.stats is not None:
        out.print(table(outcome.stats))
    if failed:
        point_to(*more.of_parts(failed, settings))
        raise typer.Exit(EXIT_FAILED)


def set_log(settings: KernelSettings) -> None:
    """Log on standard error, in the level and format of the settings."""
    logs.set_up(settings.log_level, settings.log_format, err)


async def _run(
    host: Host, settings: ProfileSettings, duration_s: float | None, show: Show, manager: ServiceManager
) -> StartError | None:
    """Run a host with its live line; returns why it could not start."""
    failure: StartError | None = None
    host.kernel.before_close(manager.stopping)
    # Standard output goes by way of the live display only if both are on the terminal.
    live = LiveDisplay(
        show.live(host),
        console=err,
        refresh_per_second=show.refresh_hz,
        transient=True,
        redirect_stdout=out.is_terminal,
    )
    async with anyio.create_task_group() as group:
        await group.start(obey_signals, host, group.cancel_scope)
        if duration_s is not None:
            group.start_soon(_stop_after, host, duration_s)

        log_on = logs.hold() if err.is_terminal else lambda: None

        def on_air() -> None:
            for name, address in host.addresses.items():
                _announce(name, address)
                if out.is_terminal and (sink := settings.sinks.get(name)) is not None:
                    _show_phones(sink, address.port)
            log_on()
            group.start_soon(collect_seldom)
            group.start_soon(show.beside, host.kernel)
            if err.is_terminal and not logs.is_json():
                live.start()

        def can_reload() -> None:
            manager.ready(f"on air: {', '.join(each.url for each in host.addresses.values())}")
            line = LiveLine(host)
            group.start_soon(manager.keep_told, lambda: line.__rich__().plain)

        try:
            await host.run(control=WhenStarted(can_reload), task_status=WhenStarted(on_air))
        except StartError as error:
            failure = error
        finally:
            log_on()
            live.stop()
        group.cancel_scope.cancel()
    return failure


def _announce(name: str, address: Address) -> None:
    """Say where the page is, which a person needs; after it, where a program reads the stream."""
    begin, page, end = "On air: ", address.page_url, f"  (sink {name}; stream {address.url})"
    if out.is_terminal:
        out.print(Text.assemble(begin, (printable(page), "bold green"), printable(end)), soft_wrap=True)
    else:
        say(f"{begin}{page}{end}")


def _show_phones(sink: SinkSettings, port: int) -> None:
    """Show the address of a sink's page as a QR code, if other machines can reach it."""
    from beats.cli.qr import code, page_for_phones  # only now: few runs are on a terminal and on a network

    if (page := page_for_phones(sink, port)) is not None:
        say(f"For phones on this network: {page.partition('?')[0]}")
        out.print(code(page))


async def _stop_after(host: Host, duration_s: float) -> None:
    await anyio.sleep(duration_s)
    host.stop()


async def obey_signals(host: Host, scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    """Obey signals until cancelled.

    SIGINT and SIGTERM end the stream in order; a second SIGINT ends it at once, by cancelling `scope`.
    SIGUSR1 takes a snapshot. SIGHUP ends a process that has a terminal in order, which was closed; a
    process without one is a service and reloads its settings. An ignored SIGHUP, as under `nohup`, stays so.
    """
    wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    reloads = not _has_terminal()
    with anyio.open_signal_receiver(*wanted) as signals:
        task_status.started()  # before anything is opened, so that every visible part of a run ends in order
        stopping = False
        async with anyio.create_task_group() as group:
            async for signum in signals:
                if signum == signal.SIGUSR1:
                    group.start_soon(_snapshot, host)  # a slow disk must not delay an end
                elif signum == signal.SIGHUP and reloads:
                    group.start_soon(_reload, host)
                elif stopping and signum == signal.SIGINT:
                    scope.cancel()
                elif not stopping:
                    if signum == signal.SIGHUP:
                        _log.info("the terminal was closed: ending")
                    host.stop()
                    stopping = True


async def _reload(host: Host) -> None:
    try:
        await host.try_reload()
    except Exception:  # the stream goes on
        _log.exception("reloading the settings failed")


async def _snapshot(host: Host) -> None:
    try:
        written = await host.snapshot()
    except (LookupError, OSError) as error:
        _log.error("no snapshot: %s", error)
    except Exception:  # the stream goes on
        _log.exception("no snapshot")
    else:
        for name, path in written.items():
            _log.info("snapshot of sink %r: %s", name, path)


def _has_terminal() -> bool:
    """Whether the process has a controlling terminal, which sends SIGHUP when it is closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
