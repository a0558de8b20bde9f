"""The `beats` command."""

import atexit
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import typer

from beats.cli import completion
from beats.cli.commands import places
from beats.cli.lazy import LazyGroup, epilog
from beats.cli.output import EXIT_USAGE, exit_with, say, write
from beats.cli.streams import standard_streams
from beats.cli.usage import explaining


class Commands(LazyGroup):
    """All commands; each is imported only when it is called or listed."""

    places: ClassVar[Mapping[str, str]] = places()

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """As typer does; an error says where to read on."""
        with explaining(lambda: None):
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        """As typer does; an error says where to read on."""
        with explaining(lambda: ctx.invoked_subcommand):
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    name="beats",
    help="Streams live frames and sensor updates to any number of viewers.",
    epilog=epilog(["beats demo", "beats run --help", "beats docs", "beats --install-completion bash"]),
    invoke_without_command=True,
    add_completion=False,  # the options below replace it
    pretty_exceptions_enable=False,
)


_COMPLETION: Final = "operation#shell-completion"


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        say(f"beats {version('beats')}")
        raise typer.Exit


def _print_completion(shell: completion.Shell | None) -> None:
    if shell is not None:
        write(completion.SCRIPTS[shell])
        raise typer.Exit


def _install_completion(shell: completion.Shell | None) -> None:
    if shell is not None:
        try:
            written = completion.install(shell, Path.home())
        except RuntimeError:
            raise exit_with("the home folder is unknown: set HOME", more=_COMPLETION) from None
        except OSError as error:
            text = f"{error.filename or 'a file'}: cannot be written: {error.strerror}"
            raise exit_with(text, more=_COMPLETION) from None
        for path in written:
            say(f"wrote {path}")
        say(f"next: open a new {shell}")
        raise typer.Exit


_FIRST_STEPS: Final = """\
Beats streams live pictures and sensor readings to any number of viewers.
  beats demo                      show a demo in the browser
  beats run picture.gif           stream a picture, or a folder of them
  beats run --stdin               stream sensor readings, one JSON object per line
  beats init                      write a profile of your own
  beats --help                    list all commands; `beats docs` shows the documentation
"""


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    install_completion: Annotated[
        completion.Shell | None,
        typer.Option(
            is_eager=True,
            callback=_install_completion,
            help="Install completion of `beats` commands for a shell.",
        ),
    ] = None,
    show_completion: Annotated[
        completion.Shell | None,
        typer.Option(
            is_eager=True, callback=_print_completion, help="Print the completion script of a shell."
        ),
    ] = None,
) -> None:
    """The options of `beats` itself; without a command, what to do first."""
    if context.invoked_subcommand is None:
        write(_FIRST_STEPS)
        raise typer.Exit(EXIT_USAGE)


def main() -> None:
    """The console script."""
    # Imported modules live as long as the process. Garbage collection of them, during the imports and at the
    # end, took 35 of the 165 ms of `beats config check`.
    gc.disable()
    atexit.register(gc.freeze)
    if completion.VARIABLE in os.environ:
        completion.answer()
    try:
        with standard_streams():
            app()
    except KeyboardInterrupt:  # before or after a run, which handles signals itself
        sys.exit(130)
    finally:
        gc.enable()
