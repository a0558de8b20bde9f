"""What the commands share: reading a profile, and saying what is wrong with it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from beats.adapters.catalogues import InstalledAdapters
from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_SETTINGS: Final = 78
"""EX_CONFIG of sysexits.h."""

ProfileOption = Annotated[
    str | None, typer.Option("--profile", "-p", help="Name of the profile; BEATS_PROFILE, or `default`.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Folder of profiles; BEATS_CONFIG_DIR, or ./config.", show_default=False
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="One setting, above all files and variables."),
]

out: Final = Console(highlight=False, soft_wrap=True)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def read_profile(
    profile: str | None,
    config_dir: Path | None,
    sets: Sequence[str] | None,
    replace_sources: Mapping[str, object] | None = None,
) -> ProfileSettings:
    """The checked settings; ends the command with code 78 and all that is wrong on standard error."""
    try:
        return load_profile(
            InstalledAdapters(),
            profile=profile,
            config_dir=config_dir,
            environ=os.environ,
            sets=sets or (),
            replace_sources=replace_sources,
        )
    except SettingsError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(EXIT_SETTINGS) from None
