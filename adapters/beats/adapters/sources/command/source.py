"""Runs the program, and publishes what it writes."""

import logging
import os
import signal
from collections.abc import Mapping
from typing import Final

import anyio
from anyio import to_thread

from beats.adapters.sources.command.process import Program
from beats.adapters.sources.command.readers import Reader, reader_of
from beats.adapters.sources.command.settings import CommandSettings
from beats.adapters.sources.jsonl.lines import LineCutter, RawLine
from beats.kernel.errors import InputError
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher

MESSAGE_BYTES: Final = 500
"""The most of a line of standard error that is shown."""
PUZZLED_S: Final = 10.0
"""When nothing that the program writes is a line or a picture for so long, the log says so."""
_UNITS: Final = {"jsonl": "a line", "pictures": "a picture", "pixels": "a whole frame"}
_MESSAGES_BYTES: Final = 16 * 1024
_MESSAGES_PAUSE_S: Final = 0.02
"""Pause between two reads of standard error: its pipe then holds back a program that floods it."""
_LAST_READS: Final = 8
"""After its end: more than its pipe holds. A child that goes on writing is not waited for."""


class CommandSource:
    """Runs the program once; the kernel restarts it when `run` raises."""

    def __init__(self, settings: CommandSettings, context: Context) -> None:
        self._settings: Final = settings
        self._pixels: Final = context.service(PixelPublisher)
        self.reports: Final = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")
        """The faults so far, and what the program wrote to its standard error."""
        self._messages = LineCutter(MESSAGE_BYTES)
        self._message = ""
        self._is_running = False

    def metrics(self) -> Mapping[str, float]:
        """What it wrote that could not be used, and whether it runs."""
        counts = self.reports.counts
        return {
            "running": float(self._is_running),
            "invalid_total": float(counts["bad lines"] + counts["bad pictures"] + counts["bad frames"]),
            "refused_total": float(counts["refused updates"] + counts["refused pictures"]),
            "messages_total": float(counts["messages of the program"]),
        }

    async def run(self, publish: Publish) -> None:
        """Publish until the program ends; it and its children have ended when this returns.

        Raises:
            OSError: the program cannot be started.
            ChildProcessError: it has ended, and `restart` wants it to run again.
            InputError: it has failed, and `restart` is `never`.
        """
        settings = self._settings
        env = {name: value.get_secret_value() for name, value in settings.env.items()}
        self._message, self._messages = "", LineCutter(MESSAGE_BYTES)
        try:
            program = await Program.start(settings.run, settings.cwd, env)
        except OSError as error:
            if settings.restart == "never":
                raise InputError(str(error)) from error
            raise
        self._is_running = True
        try:
            code = await self._attend(program, publish)
        finally:
            await program.end()
            self._is_running = False
            self.reports.summarise()
        self._judge(code)

    async def _attend(self, program: Program, publish: Publish) -> int:
        """Publish and log until the program has ended; returns its exit code."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._show_messages, program)
            await self._publish_all(program, publish)
            await program.wait()
            group.cancel_scope.cancel()
        for _ in range(_LAST_READS):
            if not self._show(program):
                break
        self._show_lines(self._messages.finish())
        return await program.wait()

    async def _publish_all(self, program: Program, publish: Publish) -> None:
        reader = reader_of(self._settings, self._pixels, publish, self.reports)
        goes_on = True
        async with anyio.create_task_group() as group:
            group.start_soon(self._doubt, reader)
            while goes_on:
                await anyio.wait_readable(program.stdout)
                goes_on = await to_thread.run_sync(reader.read, program.stdout)
                await reader.publish()
            group.cancel_scope.cancel()

    async def _doubt(self, reader: Reader) -> None:
        """Log once that what the program writes may be of another format."""
        while not reader.is_understood:
            await anyio.sleep(PUZZLED_S)
            if reader.read_bytes and not reader.is_understood:
                kind = self._settings.format
                text = f"{reader.read_bytes:,} bytes so far without {_UNITS[kind]}: is its format {kind!r}?"
                self.reports.add("unclear outputs", text)
                return

    async def _show_messages(self, program: Program) -> None:
        """Log what the program writes to its standard error."""
        while True:
            await anyio.wait_readable(program.stderr)
            if not self._show(program):
                return
            await anyio.sleep(_MESSAGES_PAUSE_S)

    def _show(self, program: Program) -> bool:
        """Log the text that is available now; False at the end."""
        try:
            data = os.read(program.stderr, _MESSAGES_BYTES)
        except BlockingIOError:
            return True
        self._show_lines(self._messages.feed(data.replace(b"\r", b"\n")))  # ffmpeg's progress ends with \r
        return bool(data)

    def _show_lines(self, lines: list[RawLine]) -> None:
        for line in lines:
            text = line.text.decode(errors="backslashreplace").strip()
            if text or line.skipped_bytes:
                self._message = _printable(text) or f"(a line of {line.skipped_bytes:,} bytes)"
                self.reports.add("messages of the program", self._message, logging.INFO)

    def _judge(self, code: int) -> None:
        """Raise unless the program may end so."""
        if code == 0 and self._settings.restart != "always":
            return
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        text = f"{self._settings.run[0]!r} ended {how}" + (f": {self._message}" if self._message else "")
        if code and self._settings.restart == "never":
            raise InputError(text)
        raise ChildProcessError(text)


def _printable(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in text)
