"""Reads lines as they arrive and publishes each valid one; an invalid one is reported and skipped."""

import logging

from anyio import to_thread

from beats.adapters.sources.jsonl.inputs import ByteInput, open_input
from beats.adapters.sources.jsonl.publishing import Line, LinePublisher
from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog


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
            publisher = LinePublisher(settings.max_line_bytes, self.reports)
            ended = False
            while not ended:
                await reader.wait()
                lines, ended = await to_thread.run_sync(_next_lines, reader, publisher)
                await publisher.publish(publish, lines)
        finally:
            reader.close()
            self.reports.summarise()

    def _report_file(self, text: str) -> None:
        self.reports.add("changes of the file", text)


def _next_lines(reader: ByteInput, publisher: LinePublisher) -> tuple[list[Line], bool]:
    """Read, cut and parse; runs in a worker thread. Also tells whether the input has ended."""
    chunk = reader.read()
    lines = publisher.parsed(chunk.data, ends=chunk.then != "more", restarts=chunk.then == "restart")
    return lines, chunk.then == "end"
