"""The `beats` command."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from beats.adapters.cli.config import app as config
from beats.adapters.cli.export import export
from beats.adapters.cli.listing import adapters, profiles
from beats.adapters.cli.record import record, snapshot
from beats.adapters.cli.recordings import cut, info, recover
from beats.adapters.cli.replay import replay
from beats.adapters.cli.run import run

app = typer.Typer(
    name="beats",
    help="Streams live frames and sensor updates to any number of viewers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(record)
app.command()(replay)
app.command()(snapshot)
app.command()(profiles)
app.command()(adapters)
app.command()(info)
app.command()(recover)
app.command()(cut)
app.command()(export)
app.add_typer(config)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"beats {version('beats')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """What every command shares."""


def main() -> None:
    """The console script."""
    try:
        app()
    except KeyboardInterrupt:  # before or after the part that ends in order
        sys.exit(130)
