"""The parent's side: starts workers, restarts them, and adds up what all of them count."""

import logging
import socket
import subprocess
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from beats.kernel.capabilities import Address
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.errors import SettingsStartError, StartError
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Stats
from beats.kit.stats_json import plain, stats_of
from beats.workers.link import Link, Message
from beats.workers.merge import Report, added, client_id, ended, merge, totals_only
from beats.workers.split import Share


class Worker:
    """One worker over all its restarts, as its parent knows it.

    Lives in the parent's event loop; `report` and `gone` can be read in any thread.
    """

    def __init__(self, number: int) -> None:
        """A worker without a process yet."""
        self.number: Final = number
        self.process: Process | None = None
        self.link: Link | None = None
        self.processes = 0
        """The number of its process, counted over all workers and restarts."""
        self.settled: Final = anyio.Event()
        """Set when the worker listens for the first time, or has failed to."""
        self.heard = anyio.Event()
        """Set when the last message of the worker's process has been read."""
        self.start_error: StartError | None = None
        self.addresses: Mapping[str, Address] = {}
        self.failures = self.restarts = 0
        self.report = Report(number, 0, None, "it has not started yet")
        """The last counters of the worker."""
        self.gone: Stats | None = None
        """The counters of its ended processes."""
        self._number = 0
        self._answers: Final[dict[int, Report | None]] = {}
        """Answers by the number of the question; None until then."""
        self._more = anyio.Event()

    def begin(self, process: Process, link: Link, number: int) -> None:
        """Take a new process."""
        self.process, self.link, self.processes = process, link, number
        self.heard = anyio.Event()

    def ready(self, addresses: Mapping[str, Address]) -> None:
        """The worker listens."""
        self.addresses = addresses
        self.settled.set()

    def fail(self, error: StartError) -> None:
        """The worker could not start."""
        if not self.settled.is_set():
            self.start_error = error
            self.settled.set()

    def told(self, stats: Stats, number: int | None) -> None:
        """The worker has sent its counters, possibly as an answer."""
        self.report = Report(self.number, self.processes, stats)
        if number in self._answers:
            self._answers[number] = self.report
            self._wake()

    async def ask(self, clients: bool, timeout_s: float) -> Report:
        """Ask the worker for its counters; without an answer in time, returns the last ones."""
        if self.link is None:
            return self.report
        self._number += 1
        number = self._number
        self._answers[number] = None
        try:
            self.link.send("ask", number=number, clients=clients)
            with anyio.move_on_after(timeout_s):
                while self._answers[number] is None and self._runs:
                    await self._more.wait()
            return self._answers[number] or self.report
        finally:
            del self._answers[number]

    def end(self) -> None:
        """Note that the worker's process has ended."""
        self.link = None
        self._wake()

    def lose(self, why: str, backoff: Backoff) -> float:
        """Keep the counters of an ended process; returns the pause in seconds before the next start."""
        if self.report.stats is not None:
            last = ended(self.report.stats)
            self.gone = last if self.gone is None else added(self.gone, last)
        self.report = Report(self.number, self.processes, None, why)
        self.failures += 1
        self.restarts += 1
        return backoff.delay_s(self.failures)

    @property
    def _runs(self) -> bool:
        return self.link is not None

    def _wake(self) -> None:
        self._more.set()
        self._more = anyio.Event()


_log: Final = logging.getLogger(__name__)
_SUMMARY_S: Final = 1.0
"""Interval at which workers are sent the counters of all."""
_ANSWER_S: Final = 3.0
"""Longest wait for the counters of a worker; after that its last ones are used."""
_START_S: Final = 60.0
_END_S: Final = 5.0


class WorkerPool:
    """Lives in the kernel's event loop; `stats` can be called in any thread."""

    def __init__(
        self,
        command: Sequence[str],
        share: Share,
        served: Sequence[str],
        kernel: Kernel,
        backoff: Backoff,
        show: Callable[[int, str], object],
    ) -> None:
        """Nothing is started yet.

        Args:
            command: starts a worker, with the number of a file descriptor appended.
            share: sent to each worker.
            served: the sinks that workers run.
            kernel: the parent's.
            backoff: the pauses before restarts.
            show: shows a line of the log of the worker with a number.
        """
        self._command: Final = command
        self._share: Final = share
        self._served: Final = tuple(served)
        self._kernel: Final = kernel
        self._backoff: Final = backoff
        self._show: Final = show
        self._members: Final = [Worker(number) for number in range(1, share.workers + 1)]
        self._processes = 0
        self._stopping = False

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where viewers connect, by sink."""
        return self._members[0].addresses

    def stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes; those of workers as last received."""
        return self._merged(self._kernel.stats(clients=clients))

    async def full_stats(self) -> Stats:
        """The current counters of all processes, with every client."""
        reports = await self._ask_all(clients=True)
        return self._merged(self._kernel.stats(), reports)

    def reload(self) -> None:
        """Tell all workers to reload the settings."""
        for member in self._members:
            if member.link is not None:
                member.link.send("reload")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all workers; the block begins when each listens, and afterwards all have ended.

        Raises:
            StartError: a worker could not start; none is left running.
        """
        async with anyio.create_task_group() as group:
            try:
                for member in self._members:
                    group.start_soon(self._keep, member)
                with anyio.fail_after(_START_S):
                    for member in self._members:
                        await member.settled.wait()
                if (
                    failed := next((each.start_error for each in self._members if each.start_error), None)
                ) is not None:
                    raise failed
                group.start_soon(self._tell)
                yield
            finally:
                self._stopping = True
                with anyio.CancelScope(shield=True):
                    await self._end()
                group.cancel_scope.cancel()

    async def _end(self) -> None:
        for member in self._members:
            if member.link is not None:
                member.link.send("stop")
        with anyio.move_on_after(self._kernel.options.shutdown_timeout_s + _END_S):
            for member in self._members:
                if member.process is not None:
                    await member.process.wait()
                    await member.heard.wait()
        for member in self._members:
            if member.process is not None and member.process.returncode is None:
                _log.error("worker %d does not end: killing it", member.number)
                member.process.kill()

    async def _keep(self, member: Worker) -> None:
        """Run a worker, and restart it whenever it ends."""
        while not self._stopping:
            started_s = anyio.current_time()
            why = await self._run(member)
            member.fail(StartError(f"worker {member.number} {why} before it was ready: see its log above"))
            if self._stopping or member.start_error:
                return
            if anyio.current_time() - started_s > self._backoff.max_s:
                member.failures = 0
            pause_s = member.lose(why, self._backoff)
            _log.error("worker %d %s; restart in %g s", member.number, why, pause_s)
            await anyio.sleep(pause_s)

    async def _run(self, member: Worker) -> str:
        """Run one process from start to end; returns how it ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await anyio.open_process(
                [*self._command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=None,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C must reach only the parent, which ends its workers
            )
        self._processes += 1
        number = self._processes  # other workers start during the waits below
        link = await Link.over(ours)
        member.begin(process, link, number)
        try:
            link.send("start", number=member.number, **self._share._asdict())
            async with anyio.create_task_group() as group:
                group.start_soon(self._show_log, member.number, process)
                async for message in link.messages():
                    self._hear(member, message, group.start_soon)
            member.heard.set()
            return _how(await process.wait())
        finally:
            link.close()
            member.end()
            with anyio.CancelScope(shield=True):  # short: the process is dead or killed
                if process.returncode is None:
                    process.kill()
                await process.aclose()

    def _hear(self, member: Worker, message: Message, start: Callable[..., object]) -> None:
        kind = message["kind"]
        if kind == "ready":
            member.ready({name: Address(*address) for name, address in message["addresses"].items()})
        elif kind == "failed":
            failure = SettingsStartError if message["by_settings"] else StartError
            member.fail(failure(message["error"]))
        elif kind in ("stats", "ended"):
            member.told(stats_of(message["stats"]), message.get("number"))
        elif kind == "ask":
            start(self._answer, member, message["number"])
        elif kind == "control":
            self._obey(member, message)

    async def _answer(self, member: Worker, number: int) -> None:
        stats = await self.full_stats()
        if member.link is not None:
            member.link.send("stats", number=number, stats=plain(stats))

    def _obey(self, member: Worker, message: Message) -> None:
        """Check a command from a worker's client, and put it on the bus."""
        sink, number, remote = message["client"]
        command, fields = str(message["command"]), message["fields"]
        try:
            if (check := self._kernel.commands.get(command)) is not None:
                fields = check(fields)
        except ValueError as error:
            _log.debug("command %r of client %s ignored: %s", command, remote, error)
            return
        client = ClientIdentity(sink, client_id(member.processes, number), remote)
        self._kernel.bus.send_control(Control(command, fields, client))

    async def _tell(self) -> None:
        """Send the counters of all processes to all workers, periodically."""
        while True:
            await self._ask_all(clients=False)
            stats = plain(totals_only(self.stats(clients=False)))
            for member in self._members:
                if member.link is not None:
                    member.link.send("summary", stats=stats, commands=list(self._kernel.commands))
            await anyio.sleep(_SUMMARY_S)

    async def _ask_all(self, *, clients: bool) -> list[Report]:
        reports: dict[int, Report] = {}

        async def ask(member: Worker) -> None:
            reports[member.number] = await member.ask(clients, _ANSWER_S)

        async with anyio.create_task_group() as group:
            for member in self._members:
                group.start_soon(ask, member)
        return [reports[member.number] for member in self._members]

    def _merged(self, parent: Stats, reports: Sequence[Report] | None = None) -> Stats:
        reports = reports or [member.report for member in self._members]
        gone = [member.gone for member in self._members if member.gone is not None]
        return merge(parent, reports, self._served, gone, sum(member.restarts for member in self._members))

    async def _show_log(self, number: int, process: Process) -> None:
        """Show each line of a worker's log."""
        if process.stderr is None:
            return
        rest = ""
        async for text in TextReceiveStream(process.stderr, errors="replace"):
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                self._show(number, line)
        if rest:
            self._show(number, rest)


def _how(code: int) -> str:
    """How a process ended, from its exit code."""
    return f"ended (exit code {code})" if code >= 0 else f"was killed (signal {-code})"
