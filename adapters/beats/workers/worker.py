"""One worker as its parent knows it, over all its restarts."""

from collections.abc import Mapping
from typing import Final

import anyio
from anyio.abc import Process

from beats.kernel.capabilities import Address
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Stats
from beats.workers.link import Link
from beats.workers.merge import Report, added, ended


class Worker:
    """Lives in the parent's event loop; `report` and `gone` are for any thread."""

    def __init__(self, number: int) -> None:
        """Begin without a process."""
        self.number: Final = number
        self.process: Process | None = None
        self.link: Link | None = None
        self.processes = 0
        """Which process of the run it is, counted over all workers."""
        self.settled: Final = anyio.Event()
        """Set when it has listened for the first time, or could not."""
        self.heard = anyio.Event()
        """Set when all that its process had to say was heard."""
        self.start_error = ""
        self.addresses: Mapping[str, Address] = {}
        self.failures = self.restarts = 0
        self.report = Report(number, 0, None, "it has not started yet")
        """What it last told."""
        self.gone: Stats | None = None
        """What its processes that have ended had counted."""
        self._number = 0
        self._answers: Final[dict[int, Report | None]] = {}
        """What was answered, by question; None until then."""
        self._more = anyio.Event()

    def begin(self, process: Process, link: Link, number: int) -> None:
        """It has a process."""
        self.process, self.link, self.processes = process, link, number
        self.heard = anyio.Event()

    def ready(self, addresses: Mapping[str, Address]) -> None:
        """It listens."""
        self.addresses = addresses
        self.settled.set()

    def fail(self, error: str) -> None:
        """It could not start."""
        if not self.settled.is_set():
            self.start_error = error
            self.settled.set()

    def told(self, stats: Stats, number: int | None) -> None:
        """It told its counters, perhaps because it was asked."""
        self.report = Report(self.number, self.processes, stats)
        if number in self._answers:
            self._answers[number] = self.report
            self._wake()

    async def ask(self, clients: bool, timeout_s: float) -> Report:
        """Have it tell its counters; whoever does not in time has told what it told before."""
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
        """Its process has ended."""
        self.link = None
        self._wake()

    def lose(self, why: str, backoff: Backoff) -> float:
        """Keep what the process had counted; the pause in seconds before the next one."""
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
