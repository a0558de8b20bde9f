"""`beats config`: shows, compares and checks settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from beats.cli import completers
from beats.cli.common import ConfigOption, ProfileOption, SetOption, refused
from beats.cli.output import (
    EXIT_FAILED,
    EXIT_USAGE,
    exit_with,
    say,
    say_document,
    say_toml,
    say_value,
    warn,
)
from beats.config.checks.validation import Inspected
from beats.config.errors import Problem, SettingsError, nearest
from beats.config.layers.arguments import key_parts
from beats.config.layers.profiles import profile_of
from beats.config.output.explain import Setting, below, differences, keys_of, settings_of
from beats.config.output.show import as_data, as_difference, as_lines, as_toml, origin
from beats.config.toml_text import key_text, value_text
from beats.kit import descriptors
from beats.runtime.conflicts import check as find_clashes
from beats.runtime.conflicts import connections, valid_parts
from beats.runtime.reader import Reader
from beats.runtime.registry import InstalledAdapters

config = typer.Typer(
    name="config",
    help="""Show and check the settings, each with its origin.

    Examples: `beats config check`, `beats config show --profile studio`.
    """,
    no_args_is_help=True,
    add_completion=False,
)


@config.command()
def show(
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Print the settings in effect as TOML, each with the layer it came from and the values it overrides.

    Saved as a profile, the output has the same effect, except that secrets are masked and must be set again.

    Examples: `beats config show`, `beats config show --profile studio --json`.
    """
    found, settings = _explained(profile, config, sets)
    if as_json:
        say_document(as_data(settings))
    else:
        say_toml(as_toml(found, settings))


@config.command()
def get(
    key: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="The setting, such as sinks.browser.port.",
            autocompletion=completers.setting_paths,
        ),
    ],
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
) -> None:
    """Print one value, text without quotes; for a table, a line for each key.

    Exit code 0: the value was printed, or an empty line if there is none; 1: there is no such setting.

    Examples: `beats config get sinks.browser.port`, `beats config get sinks.browser.queue`.
    """
    _, settings = _explained(profile, config, sets)
    path = key_parts(key)
    found = [] if path is None else below(settings, path)
    if path is None or not found:
        raise exit_with(f"{key}: {_why_not(path, key, settings)}")
    if found[0].path != path:
        say_toml(as_lines(found, len(path)))
        return
    value = found[0].shown(found[0].value)
    say_value("" if value is None else value if isinstance(value, str) else value_text(value))


@config.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A profile.", autocompletion=completers.profiles)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.", autocompletion=completers.profiles)],
    config: ConfigOption = None,
    sets: SetOption = None,
) -> None:
    """Print the settings that differ between two profiles, with value and layer in both.

    Exit code 0: both have the same effect; 1: they differ.

    Example: `beats config diff default studio`.
    """
    pairs = differences(_explained(a, config, sets)[1], _explained(b, config, sets)[1])
    if pairs:
        say_toml(f"--- {a}\n+++ {b}\n{as_difference(pairs)}")
        raise typer.Exit(EXIT_FAILED)


@config.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="The file of a profile, instead of --profile.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
) -> None:
    """Report every problem in the settings, and what would fail at the start, without starting anything.

    Such as two sinks on one port, two recorders on one path, a file that is missing or cannot be written, or
    a package that is not installed. The check opens no port and writes no file. It tests whether pictures,
    certificates and recordings exist, and how recordings begin, but reads no more of them.

    Exit code 0: no problems; 2: wrong usage; 78: there are problems.

    Examples: `beats config check`, `beats config check --profile studio --strict`,
    `beats config check config/wall.toml`.
    """
    if file is not None and (profile is not None or config is not None):
        raise exit_with("FILE gives the profile and its folder: leave out --profile and --config", EXIT_USAGE)
    try:
        if file is not None:
            profile, config = profile_of(file)
        reader = Reader(profile, config, sets)
        found = reader.inspect()
    except SettingsError as error:
        raise refused(error) from None
    conflicts = find_clashes(found)
    problems = [*found.problems, *conflicts.problems]
    warnings = [*found.warnings, *conflicts.warnings, *_descriptors(found)]
    if strict:
        problems += [Problem("", "", None, warning) for warning in warnings]
        warnings = []
    if problems:
        raise refused(SettingsError(problems, warnings), reader)
    for warning in warnings:
        warn(warning)
    sources, sinks = (", ".join(names) or "none" for names in (found.sources, found.sinks))
    say(f"profile {found.profile} is valid: sources {sources}; sinks {sinks}")


def _descriptors(found: Inspected) -> Iterator[str]:
    """A warning if the system allows fewer open files than the largest number of viewers needs."""
    parts = valid_parts(found)
    short = descriptors.shortage(connections(parts), descriptors.limits()[1])
    if short is not None:
        yield "; ".join(short)


@config.command()
def schema(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A file, instead of standard output.")
    ] = None,
) -> None:
    """Print a JSON Schema of profiles, with every setting of every installed adapter.

    Editors use it to complete and check a profile whose first line is `#:schema ./beats.schema.json`.

    Examples: `beats config schema`, `beats config schema --out config/beats.schema.json`.
    """
    if out is None:
        say_document(_schema())
        return
    try:
        if not _may_replace(out):
            raise exit_with(f"{out}: exists and is not a JSON Schema, so it is kept: give another name")
        out.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise exit_with(f"{out}: cannot be written: {error.strerror}") from None
    say(f"wrote {out}")


def _may_replace(path: Path) -> bool:
    """Whether a path is free, or its file is empty or was written by this command."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        begin = file.read(100)
    return not begin or b'"$schema"' in begin


def _why_not(path: tuple[str, ...] | None, key: str, settings: Sequence[Setting]) -> str:
    off = below(settings, (*path[:2], "enabled")) if path is not None and len(path) > 2 else []
    if off and off[0].value is False:
        return f"has no effect: {key_text(*off[0].path[:2])} is switched off ({origin(off[0])})"
    meant = nearest(key, keys_of(settings))
    return "no such setting" + (f"; did you mean '{meant}'?" if meant else "")


def schema_text() -> str:
    """The JSON Schema of profiles, as text for a file."""
    import json

    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


def _schema() -> dict[str, object]:
    from beats.config.output.json_schema import profile_schema

    return profile_schema(InstalledAdapters())


def _explained(
    profile: str | None, config: Path | None, sets: list[str] | None
) -> tuple[Inspected, list[Setting]]:
    reader = Reader(profile, config, sets)
    try:
        found = reader.inspect()
        return found, settings_of(found)
    except SettingsError as error:
        raise refused(error, reader) from None
