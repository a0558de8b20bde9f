"""Publishes the lines of a stream of bytes; an invalid one is reported and skipped."""

import codecs
import logging
from typing import Final, NamedTuple

import anyio.lowlevel

from beats.adapters.sources.jsonl.lines import LineCutter, RawLine, Update, parse
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Publish
from beats.kit.throttled_log import ThrottledLog

YIELD_EVERY: Final = 32
"""After this many lines, other tasks may run: well under a millisecond of work."""


class BadLine(NamedTuple):
    """An invalid line, and why."""

    number: int
    why: str


class GoodLine(NamedTuple):
    """A line to publish."""

    number: int
    update: Update


Line = GoodLine | BadLine


class LinePublisher:
    """Cuts and parses in a worker thread, publishes in the event loop."""

    def __init__(self, max_line_bytes: int, reports: ThrottledLog) -> None:
        self._max_line_bytes: Final = max_line_bytes
        self._reports: Final = reports
        self._cutter: Final = LineCutter(max_line_bytes)
        self._told = 0
        """The number of the last line that was reported before its end."""

    def parsed(self, data: bytes, *, ends: bool = False, restarts: bool = False) -> list[Line]:
        """The lines that `data` completes; for one thread at a time.

        Args:
            data: the next bytes.
            ends: whether a writer is done, so that the last line needs no newline.
            restarts: whether the next bytes are the start of a file.
        """
        lines = self._cutter.feed(data)
        if ends:
            lines += self._cutter.finish()
        parsed = [self._parsed(line) for line in lines if self._is_to_tell(line)]
        if (endless := self._cutter.endless) and endless != self._told:
            self._told = endless
            parsed.append(BadLine(endless, f"it has more than max_line_bytes = {self._max_line_bytes:,}"))
        if restarts:
            self._cutter.restart()
            self._told = 0
        return parsed

    async def publish(self, publish: Publish, lines: list[Line]) -> None:
        """Publish the good ones in order, and report the others."""
        for count, line in enumerate(lines, 1):
            if isinstance(line, BadLine):
                self._report(line)
            else:
                await self._publish(publish, line)
            if count % YIELD_EVERY == 0:
                await anyio.lowlevel.checkpoint()

    async def _publish(self, publish: Publish, line: GoodLine) -> None:
        message, captured_unix_ns = line.update
        try:
            await publish(message, captured_unix_ns=captured_unix_ns)
        except (TypeError, ValueError, RecursionError) as error:
            self._report(BadLine(line.number, str(error) or type(error).__name__))
        except QueueFull as error:
            self._reports.add("refused updates", f"line {line.number}: {error}", logging.ERROR)

    def _is_to_tell(self, line: RawLine) -> bool:
        return line.number != self._told if line.skipped_bytes else bool(line.text.strip())

    def _report(self, line: BadLine) -> None:
        self._reports.add("bad lines", f"line {line.number} is skipped: {line.why}")

    def _parsed(self, line: RawLine) -> Line:
        if line.skipped_bytes:
            why = f"{line.skipped_bytes:,} bytes are more than max_line_bytes = {self._max_line_bytes:,}"
            return BadLine(line.number, why)
        text = line.text
        if line.number == 1:
            text = text.removeprefix(codecs.BOM_UTF8)  # some programs start each text with it
        try:
            return GoodLine(line.number, parse(text))
        except ValueError as error:
            return BadLine(line.number, str(error))
