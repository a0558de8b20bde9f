"""Log lines on standard error: for a person, coloured on a terminal and plain elsewhere, or for a program.

The same in all of them: time, level, logger, message, and the traceback where there is one. What is passed as
`extra=` stays out: other packages put whole objects there.
"""

import json
import logging
import sys
import threading
from datetime import datetime
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final

from beats.cli.native import Diversion
from beats.cli.printable import printable_lines

if TYPE_CHECKING:  # a check of the settings says what is wrong without it
    from rich.console import Console

    from beats.config.settings import LogFormat

_INDENT: Final = "    "
_PLAIN: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_DIVERSION: Final = Diversion()

_log: Final = logging.getLogger("beats")


class PlainFormatter(logging.Formatter):
    """Lines for a person. Only a record begins at a line's start: further lines of its text are indented."""

    def __init__(self) -> None:
        super().__init__(_PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text that no terminal obeys, whichever client or file it came from."""
        return printable_lines(super().format(record)).replace("\n", f"\n{_INDENT}")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - its name
        """With the offset from UTC, so that logs of several machines can be laid side by side."""
        return _time(record)


class JsonFormatter(logging.Formatter):
    """One JSON object per record, on one line whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The object; always valid UTF-8, and ASCII besides, so that no locale can spoil it."""
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
    """Writes JSON lines, and nothing else even when that fails."""

    def __init__(self, console: "Console") -> None:
        super().__init__(console.file)  # the file itself, also while a live display stands in for it
        self.setFormatter(JsonFormatter())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name
        """Where it would be reported, nobody listens any more."""


def set_up(level: str, log_format: "LogFormat", console: "Console") -> None:
    """Send the log of Beats, and warnings of everything else, to a console.

    Args:
        level: least level of our own lines that are shown.
        log_format: for whom the lines are.
        console: on standard error; one that draws a live line keeps it below the log.
    """
    handler = _json_handler(console) if log_format == "json" else _human_handler(console)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    _log.setLevel(level)


def _json_handler(console: "Console") -> logging.Handler:
    """Also has everything logged that would be written to standard error past the log."""
    if console.stderr:
        _DIVERSION.begin()
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_uncaught_in_thread
    return JsonHandler(console)


def _human_handler(console: "Console") -> logging.Handler:
    _DIVERSION.end()
    if console.is_terminal:
        from beats.cli.log_screen import ScreenHandler  # only now: it loads what draws

        return ScreenHandler(console)
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    return handler


def is_json() -> bool:
    """Whether standard error is read by a program, to which everything has to be said in the log."""
    return any(isinstance(handler, JsonHandler) for handler in logging.getLogger().handlers)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a line of somebody's that does not fit its own arguments
        return f"{record.msg} (cannot be put together: {error!r})"


def _whole(text: str) -> str:
    """Text that UTF-8 has: half of a surrogate pair, as in names of files, would spoil the line for many."""
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
