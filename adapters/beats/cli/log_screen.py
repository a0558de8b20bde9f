"""Log lines on a terminal: coloured, aligned and wrapped."""

import logging
from datetime import datetime
from typing import cast

from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text


class ScreenHandler(RichHandler):
    """Shows time of day, level and message, followed by the dimmed logger name."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console=console,
            show_path=False,
            omit_repeated_times=False,
            rich_tracebacks=False,
            markup=False,
            log_time_format=_time_of_day,
        )
        self.setFormatter(logging.Formatter("%(message)s"))

    def render_message(self, record: logging.LogRecord, message: str) -> Text:
        """The message, with the logger name at the end of its first line, as a traceback may follow."""
        first, newline, rest = message.partition("\n")
        text = cast("Text", super().render_message(record, first))
        return text.append(f"  {record.name}", "dim").append(newline + rest)


def _time_of_day(time: datetime) -> Text:
    return Text(time.isoformat(timespec="milliseconds").partition("T")[2])
