"""Ends the error of any command with the page that helps, and words wrong usage as wrong settings are."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import typer

from beats.cli.output import Failed, complain, point_to

_UsageError: Final[Any] = typer.BadParameter.__base__
"""typer exports only this one of those that derive from it."""


@contextmanager
def explaining(command: Callable[[], str | None]) -> Generator[None]:
    """Name the page about a command, if the block fails and names none of its own.

    Args:
        command: the name of the command that was called, once it is known.
    """
    try:
        yield
    except Failed as failed:
        point_to(failed.more or _page(command()))
        raise
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it is the help itself; typer does not export it
            raise
        complain(_wording(error))
        called = f"beats {command() or ''}".strip() if error.ctx is None else error.ctx.command_path
        point_to(f"{called} --help", _page(command()))
        raise typer.Exit(error.exit_code) from None


def _page(command: str | None) -> str:
    from beats.cli.more import of_command  # only now, as below: `beats --version` needs none of it

    return of_command(command)


def _wording(error: Any) -> str:
    from pydantic import ValidationError

    from beats.config.checks.messages import allowed
    from beats.config.errors import shown

    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error.format_message())
    detail = cause.errors(include_url=False)[0]
    hint = error.param.get_error_hint().strip("'")
    # A value that is none of several choices is in the text already.
    value = "" if detail["type"] == "value_error" else f" is {shown(detail['input'])}"
    return f"{hint}{value}: {allowed(detail)}"
