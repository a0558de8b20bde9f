"""Prints lines, values and documents on standard output, and errors on standard error."""

import codecs
import json
import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from beats.cli import documentation, logs
from beats.cli.printable import printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console

    out: Console
    err: Console

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_SETTINGS: Final = 78
"""EX_CONFIG of sysexits.h."""

_MOST_PAGES: Final = 3

_log: Final = logging.getLogger("beats")


if not TYPE_CHECKING:

    def __getattr__(name: str) -> "Console":
        """Create `out` and `err` when first used: importing rich takes longer than `beats config check`."""
        if name not in ("out", "err"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from beats.cli.console import SafeConsole

        console = globals()[name] = SafeConsole(stderr=name == "err")
        return console


def say(text: str) -> None:
    """Print one line on standard output, with control characters escaped."""
    write(printable(text) + "\n")


def say_value(text: str) -> None:
    """Print a value unchanged for a program, and with control characters escaped on a terminal."""
    write((printable_lines(text) if sys.stdout.isatty() else text) + "\n")


def say_document(value: object) -> None:
    """Print a value as JSON in ASCII, which every encoding has and which has no control characters."""
    write(json.dumps(value, indent=2) + "\n")


def say_toml(text: str) -> None:
    """Print TOML: in UTF-8, or in ASCII with escapes if standard output has another encoding."""
    if codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8":
        text = "".join(each if each.isascii() else f"\\U{ord(each):08X}" for each in text)
    write(text)


def write(text: str) -> None:
    """Write to standard output, and flush."""
    sys.stdout.write(text)
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print a warning on standard error; log it if the log is JSON."""
    if logs.is_json():
        _log.warning("%s", text)
    else:
        _tell(f"warning: {printable(text)}", "yellow")


def complain(text: str) -> None:
    """Print an error on standard error; log it if the log is JSON."""
    if logs.is_json():
        _log.error("%s", text)
    else:
        _tell(printable(text), "red")


def point_to(*places: str) -> None:
    """Name the pages of the documentation that help with a failure, after its text; not in a JSON log.

    Args:
        places: pages for `beats docs`, such as `queues#tuning`, URLs or commands; empty ones count for
            nothing.
    """
    named = [documentation.command(place) for place in dict.fromkeys(places) if place]
    if named and not logs.is_json():
        _tell(f"More: {', '.join(named[:_MOST_PAGES])}")


class Failed(typer.Exit):
    """Ends a command that has said what was wrong; the page that helps is named at the end."""

    def __init__(self, code: int = EXIT_FAILED, *, more: str = "") -> None:
        """End with this exit code.

        Args:
            code: the exit code.
            more: the page that helps, as for `point_to`; by default the one about the command.
        """
        super().__init__(code)
        self.more: Final = more


def exit_with(text: str, code: int = EXIT_FAILED, *, more: str = "") -> Failed:
    """Print an error on standard error; returns the exception that ends the command with an exit code.

    Args:
        text: what was wrong, and what would be right.
        code: the exit code.
        more: the page that helps, as for `Failed`.
    """
    complain(text)
    return Failed(code, more=more)


def can_ask() -> bool:
    """Whether a person reads what is printed and can answer."""
    from beats.cli.output import err

    return sys.stdin is not None and sys.stdin.isatty() and err.is_terminal and not logs.is_json()


def confirm(question: str) -> bool:
    """Ask a person, who agrees with Enter."""
    _tell(f"{printable(question)} [Y/n] ", end="")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def show_line(worker: int, line: str) -> None:
    """Print a line of a worker's log on standard error."""
    _tell(line if logs.is_json() else f"worker {worker}: {line}")


def _tell(text: str, style: str | None = None, end: str = "\n") -> None:
    from beats.cli.output import err

    err.print(text, style=style, markup=False, end=end)


@contextmanager
def progress(title: str, total: float) -> Generator[Callable[[float], object]]:
    """Show a progress bar on standard error during the block.

    Args:
        title: what is being done.
        total: the value at which it is done, in any unit.

    Yields:
        A function to call with the current value.
    """
    from beats.cli.output import err

    if not err.is_terminal:
        yield lambda done: None
        return
    from rich.progress import Progress  # lazy: most commands do not need it

    # Standard output is not redirected: it may be another file.
    with Progress(console=err, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
