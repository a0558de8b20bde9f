"""The parent's side: starts workers, starts them again, and knows what all of them count."""

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
from beats.kernel.errors import StartError
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Stats
from beats.kit.stats_json import plain, stats_of
from beats.workers.link import Link, Message
from beats.workers.merge import Report, client_id, merge, totals_only
from beats.workers.split import Share
from beats.workers.worker import Worker

_log: Final = logging.getLogger(__name__)
_SUMMARY_S: Final = 1.0
"""How often everyone is told what everyone counts."""
_ANSWER_S: Final = 3.0
"""How long a worker may take to tell, before what it told last must do."""
_START_S: Final = 60.0
_END_S: Final = 5.0


class WorkerPool:
    """Lives in the kernel's event loop; `stats` is for any thread."""

    def __init__(
        self,
        command: Sequence[str],
        share: Share,
        served: Sequence[str],
        kernel: Kernel,
        backoff: Backoff,
        show: Callable[[int, str], object],
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            command: starts a worker, given the number of a file descriptor after it.
            share: what each is told.
            served: the sinks that they run.
            kernel: the parent's.
            backoff: the pauses before one that ended is started again.
            show: shows a line that the worker of a number has logged.
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
        """By sink, where viewers connect."""
        return self._members[0].addresses

    def stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes; of the workers as they last told them."""
        return self._merged(self._kernel.stats(clients=clients))

    async def full_stats(self) -> Stats:
        """The counters of all processes now, with every client."""
        reports = await self._ask_all(clients=True)
        return self._merged(self._kernel.stats(), reports)

    def reload(self) -> None:
        """Have all workers read the settings anew."""
        for member in self._members:
            if member.link is not None:
                member.link.send("reload")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """All workers, from when each listens until each has ended.

        Raises:
            StartError: one could not start; none is left.
        """
        async with anyio.create_task_group() as group:
            try:
                for member in self._members:
                    group.start_soon(self._keep, member)
                with anyio.fail_after(_START_S):
                    for member in self._members:
                        await member.settled.wait()
                if (failed := next((each for each in self._members if each.start_error), None)) is not None:
                    raise StartError(failed.start_error)
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
                _log.error("worker %d does not end, and is killed", member.number)
                member.process.kill()

    async def _keep(self, member: Worker) -> None:
        """Run a worker, again and again."""
        while not self._stopping:
            started_s = anyio.current_time()
            why = await self._run(member)
            member.fail(f"worker {member.number} {why} before it could serve anybody: its log is above")
            if self._stopping or member.start_error:
                return
            if anyio.current_time() - started_s > self._backoff.max_s:
                member.failures = 0
            pause_s = member.lose(why, self._backoff)
            _log.error("worker %d %s; it is started again in %g s", member.number, why, pause_s)
            await anyio.sleep(pause_s)

    async def _run(self, member: Worker) -> str:
        """One process from its start to its end; says how it ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await anyio.open_process(
                [*self._command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=None,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the parent, which ends its workers in order
            )
        self._processes += 1
        number = self._processes  # others are begun while this one waits
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
            with anyio.CancelScope(shield=True):  # short: it is dead, or is now
                if process.returncode is None:
                    process.kill()
                await process.aclose()

    def _hear(self, member: Worker, message: Message, start: Callable[..., object]) -> None:
        kind = message["kind"]
        if kind == "ready":
            member.ready({name: Address(*address) for name, address in message["addresses"].items()})
        elif kind == "failed":
            member.fail(str(message["error"]))
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
        """Put a command of a worker's client on the bus; what sources and sinks take is checked here."""
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
        """Tell all workers, again and again, what all of them count."""
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
        """Each line that a worker logs, as one of the parent's."""
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
    """How a process ended, by its exit code."""
    return f"ended (exit code {code})" if code >= 0 else f"was killed (signal {-code})"
