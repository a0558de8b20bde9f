"""Logging on standard error: coloured on a terminal, plain text elsewhere, or JSON for programs.

Each format has time, level, logger, message, and a traceback if there is one. `extra=` is left out, as
other packages pass arbitrary objects there.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from logging.handlers import MemoryHandler
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final

from beats.cli.native import Diversion
from beats.cli.printable import printable_lines

if TYPE_CHECKING:  # not needed to check settings
    from rich.console import Console

    from beats.config.settings import LogFormat

_INDENT: Final = "    "
_MOST_HELD: Final = 100
"""Records that wait, at most; with one more all of them are shown."""
_PLAIN: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_DIVERSION: Final = Diversion()

_log: Final = logging.getLogger("beats")


class PlainFormatter(logging.Formatter):
    """Plain lines. Further lines of a record are indented, so that only records begin at a line's start."""

    def __init__(self) -> None:
        super().__init__(_PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text without control characters, as parts of it come from clients and files."""
        return printable_lines(super().format(record)).replace("\n", f"\n{_INDENT}")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - its name
        """With the offset from UTC, so that logs of several machines can be compared."""
        return _time(record)


class JsonFormatter(logging.Formatter):
    """One JSON object per record, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The object in ASCII, so that it is valid in any locale."""
        fields = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: _whole(text) for name, text in fields.items()})


class JsonHandler(logging.StreamHandler[IO[str]]):
    """Writes JSON lines, and nothing else, even when that fails."""

    def __init__(self, console: "Console") -> None:
        super().__init__(console.file)  # the file itself, even while a live display replaces it
        self.setFormatter(JsonFormatter())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name
        """Standard error is gone, so there is nowhere to report it."""


def set_up(level: str, log_format: "LogFormat", console: "Console") -> None:
    """Log the records of Beats, and warnings of all other packages, to a console.

    Args:
        level: the lowest shown level of Beats' own records.
        log_format: `human` or `json`.
        console: on standard error; a live line stays below the log.
    """
    handler = _json_handler(console) if log_format == "json" else _human_handler(console)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    _log.setLevel(level)


def _json_handler(console: "Console") -> logging.Handler:
    """Also logs what would otherwise be written to standard error directly."""
    if console.stderr:
        _DIVERSION.begin()
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_uncaught_in_thread
    return JsonHandler(console)


def _human_handler(console: "Console") -> logging.Handler:
    _DIVERSION.end()
    if console.is_terminal:
        from beats.cli.log_screen import ScreenHandler  # only now: it loads rich

        return ScreenHandler(console)
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    return handler


def hold() -> Callable[[], None]:
    """Let the log wait, so that a person reads the address first; a warning does not wait.

    Returns:
        Shows what has waited, and lets the log go on; a second call does nothing.
    """
    root = logging.getLogger()
    shown = next(iter(root.handlers), None)
    if shown is None or is_json():
        return lambda: None
    waiting = MemoryHandler(_MOST_HELD, logging.WARNING, shown)
    root.handlers[:] = [waiting]

    def release() -> None:
        if waiting in root.handlers:  # otherwise a reload has made another one
            root.handlers[:] = [shown]
        waiting.close()

    return release


def is_json() -> bool:
    """Whether the log is JSON, so that nothing else may be written to standard error."""
    return any(isinstance(handler, JsonHandler) for handler in logging.getLogger().handlers)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # the arguments of the record do not fit its message
        return f"{record.msg} (cannot be put together: {error!r})"


def _whole(text: str) -> str:
    """Text that UTF-8 can encode: many readers reject half a surrogate pair, as file names may contain."""
    return text.encode("utf-8", "backslashreplace").decode()


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _log.critical("ended by an error that nothing caught: %r", error, exc_info=(kind, error, traceback))


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    error = unraisable.exc_value
    where = unraisable.err_msg or "ignored where it could not be raised"
    _log.error("%s: %r: %r", where, unraisable.object, error, exc_info=error)


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        name = args.thread.name if args.thread is not None else "?"
        error = (args.exc_type, args.exc_value, args.exc_traceback)
        _log.critical("thread %s ended by an error that nothing caught", name, exc_info=error)
