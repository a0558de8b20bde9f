"""Reads lines as they arrive and publishes each valid one; an invalid one is reported and skipped."""

import codecs
import logging
from typing import Final, NamedTuple

import anyio.lowlevel
from anyio import to_thread

from beats.adapters.sources.jsonl.inputs import ByteInput, open_input
from beats.adapters.sources.jsonl.lines import LineCutter, RawLine, Update, parse
from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Publish
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


class Batch(NamedTuple):
    """The parsed lines of one read."""

    lines: list[GoodLine | BadLine]
    ended: bool


class JsonlSource:
    """Publishes each line of its input; can be cancelled at once while waiting for input."""

    def __init__(self, settings: JsonlSettings, context: Context, stdin_fd: int = 0) -> None:
        self._settings = settings
        self._stdin_fd = stdin_fd
        where = "standard input" if settings.path == "-" else settings.path
        self.reports = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}, {where}")
        """The faults so far, by kind."""

    async def run(self, publish: Publish) -> None:
        """Publish until the input ends.

        Raises:
            InputError: the path cannot be read.
        """
        settings = self._settings
        reader = await to_thread.run_sync(
            lambda: open_input(
                settings.path, follow=settings.follow, stdin_fd=self._stdin_fd, report=self._report_file
            )
        )
        try:
            cutter = LineCutter(settings.max_line_bytes)
            ended = False
            while not ended:
                await reader.wait()
                lines, ended = await to_thread.run_sync(_next_batch, reader, cutter, settings.max_line_bytes)
                await self._publish_all(publish, lines)
        finally:
            reader.close()
            self.reports.summarise()

    async def _publish_all(self, publish: Publish, lines: list[GoodLine | BadLine]) -> None:
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
            self.reports.add("refused updates", f"line {line.number}: {error}", logging.ERROR)

    def _report_file(self, text: str) -> None:
        self.reports.add("changes of the file", text)

    def _report(self, line: BadLine) -> None:
        self.reports.add("bad lines", f"line {line.number} is skipped: {line.why}")


def _next_batch(reader: ByteInput, cutter: LineCutter, max_line_bytes: int) -> Batch:
    """Read, cut and parse; runs in a worker thread."""
    chunk = reader.read()
    lines = cutter.feed(chunk.data)
    if chunk.then != "more":
        lines += cutter.finish()
    if chunk.then == "restart":
        cutter.restart()
    parsed = [_parsed(line, max_line_bytes) for line in lines if line.skipped_bytes or line.text.strip()]
    return Batch(parsed, chunk.then == "end")


def _parsed(line: RawLine, max_line_bytes: int) -> GoodLine | BadLine:
    if line.skipped_bytes:
        why = f"{line.skipped_bytes:,} bytes are more than max_line_bytes = {max_line_bytes:,}"
        return BadLine(line.number, why)
    text = line.text
    if line.number == 1:
        text = text.removeprefix(codecs.BOM_UTF8)  # some programs start each text with it
    try:
        return GoodLine(line.number, parse(text))
    except ValueError as error:
        return BadLine(line.number, str(error))
