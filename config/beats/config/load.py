"""Loads a profile: reads its layers from files, variables and arguments, and checks and freezes the result.

Layers, lowest first: the shipped `default.toml`, the profiles that the profile extends, its own file,
`local.toml`, environment variables, `--set`. Tables merge key by key, anything else is replaced.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from beats.config.checks.validation import Inspected, Raw, Validation
from beats.config.errors import Problem, SettingsError
from beats.config.layers.arguments import override_layer, set_layers, source_layer
from beats.config.layers.assembly import parse_tables, replace_sources
from beats.config.layers.environment import read_variables
from beats.config.layers.files import read_layer
from beats.config.layers.merging import Layer, Level, merge
from beats.config.layers.profiles import DEFAULT, SHIPPED, ProfileFiles, choose, profile_layers
from beats.config.layers.references import referenced_variables, resolve
from beats.config.schema import Adapters
from beats.config.settings import ProfileSettings


def load_profile(
    adapters: Adapters,
    *,
    profile: str | None = None,
    config_dir: Path | str | None = None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    replace_sources: Mapping[str, object] | None = None,
) -> ProfileSettings:
    """Read, merge and check all settings of a run. Opens nothing but the files of the profile.

    Args:
        adapters: finds the typed settings of each adapter.
        profile: its name; by default `BEATS_PROFILE`, or `default` when that is not set.
        config_dir: the folder of profiles; by default `BEATS_CONFIG_DIR`, or `./config` when that is not set.
        environ: the environment variables.
        overrides: typed values as a nested mapping, at the height of `--set`.
        sets: texts of the form `PATH=VALUE`; they override `overrides`.
        replace_sources: sources by name that replace those of the files.

    Raises:
        SettingsError: holds every problem; if a file cannot be read, only those of the files, because the
            rest means little without them.
    """
    found = inspect_profile(
        adapters,
        profile=profile,
        config_dir=config_dir,
        environ=environ,
        overrides=overrides,
        sets=sets,
        replace_sources=replace_sources,
    )
    return found.settings()


def inspect_profile(
    adapters: Adapters,
    *,
    profile: str | None = None,
    config_dir: Path | str | None = None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    replace_sources: Mapping[str, object] | None = None,
) -> Inspected:
    """Load a profile as `load_profile` does, with the origin of each value, and also when something is wrong.

    Raises:
        SettingsError: there is no such profile, or a file cannot be read.
    """
    raw = read_layers(profile, config_dir, environ, overrides, sets, replace_sources)
    return Validation(adapters, raw).inspect()


def read_layers(
    profile: str | None,
    config_dir: Path | str | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    sources: Mapping[str, object] | None = None,
) -> Raw:
    """Read all layers, lowest first, each with its origin; see `load_profile`.

    Raises:
        SettingsError: there is no such profile, or a file cannot be read.
    """
    files = choose(profile, config_dir, environ)
    layers = _read_files(files)
    referenced = referenced_variables(layers)
    given = [*layers, *([] if sources is None else [source_layer(sources)])]
    variables = read_variables(environ, merge(given))
    from_sets, problems = set_layers(sets)
    layers += variables.layers
    layers += [] if overrides is None else [override_layer(overrides)]
    layers += from_sets
    layers, unset = resolve([parse_tables(layer) for layer in layers], environ)
    warnings: list[str] = []
    if sources is not None:
        layers, warnings = replace_sources(layers, source_layer(sources))
    problems = [*variables.problems, *problems, *unset]
    return Raw(files.name, layers, environ, variables.others, referenced, problems, warnings)


def _read_files(files: ProfileFiles) -> list[Layer]:
    problems: list[Problem] = []
    layers: list[Layer] = []
    readers: list[Callable[[], list[Layer]]] = [
        lambda: [read_layer(Level.SHIPPED, SHIPPED / f"{DEFAULT}.toml")],
        lambda: profile_layers(files),
        lambda: [read_layer(Level.LOCAL, files.local)] if files.local is not None else [],
    ]
    for reader in readers:
        try:
            layers += reader()
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return layers
