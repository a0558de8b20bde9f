"""The front door: a profile's layers from files, variables and arguments, checked and frozen.

Layers, lowest first: the shipped `default.toml`, the profiles that the profile extends, its own file,
`local.toml`, environment variables, `--set`. Tables merge key by key, anything else is replaced. This is the
only module that uses dynaconf.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

# dynaconf ships no type information.
from dynaconf.base import Settings as DynaconfSettings  # pyright: ignore[reportMissingTypeStubs]
from dynaconf.loaders.base import BaseLoader  # pyright: ignore[reportMissingTypeStubs]

from beats.config.checks.assembly import open_tables, replace_sources
from beats.config.checks.lines import lines_of
from beats.config.checks.validation import Inspected, Raw, Validation
from beats.config.errors import Problem, SettingsError
from beats.config.layers.arguments import override_layer, set_layers, source_layer
from beats.config.layers.environment import read_variables
from beats.config.layers.extends import profile_layers
from beats.config.layers.files import IrregularFileError, not_utf8, open_regular
from beats.config.layers.merging import Layer, Level, merge
from beats.config.layers.profiles import DEFAULT, SHIPPED, Chosen, choose
from beats.config.layers.references import named, resolve
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
    """Read, merge and check everything that a run needs to know. Opens nothing but the files.

    Args:
        adapters: finds the typed settings of each adapter.
        profile: its name; `BEATS_PROFILE` when None, and `default` when that is not set either.
        config_dir: the folder of profiles; `BEATS_CONFIG_DIR` when None, and `./config` when not set.
        environ: the environment variables.
        overrides: typed values as a nested mapping, at the height of `--set`.
        sets: texts of the form `PATH=VALUE`; they lie above `overrides`.
        replace_sources: tables by name that take the place of all sources that the files name.

    Raises:
        SettingsError: holds everything that is wrong, unless a file cannot be read: then what is wrong
            with the files, for without them the rest means little.
    """
    raw = read_layers(profile, config_dir, environ, overrides, sets, replace_sources)
    return Validation(adapters, raw).run()


def inspect_profile(
    adapters: Adapters,
    *,
    profile: str | None = None,
    config_dir: Path | str | None = None,
    environ: Mapping[str, str],
    sets: Sequence[str] = (),
) -> Inspected:
    """What `load_profile` finds, with where each value came from, also when something is wrong.

    Raises:
        SettingsError: there is no such profile, or a file cannot be read.
    """
    return Validation(adapters, read_layers(profile, config_dir, environ, sets=sets)).inspect()


def read_layers(
    profile: str | None,
    config_dir: Path | str | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    sources: Mapping[str, object] | None = None,
) -> Raw:
    """All layers, lowest first, each with where it came from; see `load_profile`.

    Raises:
        SettingsError: there is no such profile, or a file cannot be read.
    """
    chosen = choose(profile, config_dir, environ)
    layers = _read_files(chosen)
    given = [*layers, *([] if sources is None else [source_layer(sources)])]
    variables = read_variables(environ, merge(given))
    unknown = [name for name in variables.unknown if name not in named(layers)]
    from_sets, problems = set_layers(sets)
    layers += variables.layers
    layers += [] if overrides is None else [override_layer(overrides)]
    layers += from_sets
    layers, unset = resolve([open_tables(layer) for layer in layers], environ)
    problems += unset
    warnings: list[str] = []
    if sources is not None:
        layers, warnings = replace_sources(layers, source_layer(sources))
    return Raw(chosen.name, layers, environ, unknown, [*variables.problems, *problems], warnings)


def _dynaconf_content(path: Path, read: Callable[[IO[bytes]], list[dict[str, Any]]]) -> dict[str, object]:
    """What dynaconf reads from a file, taken before it changes any of it.

    A `Dynaconf(settings_files=[path])` was tried first. It cannot give a file's plain content, whatever
    options are set: top-level keys become upper case, so that `[Sinks]` overwrites `[sinks]`; the keys
    `dynaconf_merge` and `dynaconf_include` vanish and have effects; a `dynaconf_hooks.py` beside the file is
    run; and variables such as `INCLUDES_FOR_DYNACONF` load more files. So its loader reads the file for
    an object that loads nothing itself, and the data is taken from between the two.
    """
    inert = DynaconfSettings(dynaconf_skip_loaders=True, dynaconf_skip_validators=True)
    loader: Any = BaseLoader(
        obj=inert,
        env="main",
        identifier="toml",
        extensions=(path.suffix,),
        file_reader=read,
        string_reader=tomllib.loads,
        opener_params={"mode": "rb", "opener": open_regular},
    )
    data: dict[str, list[dict[str, object]]] = loader.get_source_data([str(path)])
    if str(path) not in data:
        raise OSError("it went away while it was read")
    return data[str(path)][0]


class _Whole:
    """Reads a file for dynaconf, and keeps its text."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, file: IO[bytes]) -> list[dict[str, Any]]:
        """The content in a list, for dynaconf takes an empty file for one that is not there."""
        self.text = file.read().decode("utf-8-sig")  # some editors begin every text with a byte order mark
        return [tomllib.loads(self.text)]


def _read_files(chosen: Chosen) -> list[Layer]:
    problems: list[Problem] = []
    layers: list[Layer] = []
    readers: list[Callable[[], list[Layer]]] = [
        lambda: [read_layer(Level.SHIPPED, SHIPPED / f"{DEFAULT}.toml")],
        lambda: profile_layers(chosen, read_layer),
        lambda: [read_layer(Level.LOCAL, chosen.local)] if chosen.local is not None else [],
    ]
    for reader in readers:
        try:
            layers += reader()
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return layers


def read_layer(level: Level, path: Path) -> Layer:
    """A TOML file as a layer that knows its lines.

    Raises:
        SettingsError: it cannot be read, or is not TOML.
    """
    whole = _Whole()
    try:
        with open(path, "rb", opener=open_regular):
            pass  # dynaconf would turn the reason into a Python warning, or pass over it in silence
        tree = _dynaconf_content(path, whole)
    except UnicodeDecodeError as error:
        problem = Problem(str(path), "", None, not_utf8(error))
    except IrregularFileError as error:
        problem = Problem(str(path), "", None, f"{error}: write the settings into one")
    except OSError as error:
        problem = Problem(str(path), "", None, f"cannot be read: {error.strerror or error}")
    except RecursionError:
        problem = Problem(str(path), "", None, "is nested too deeply")
    except ValueError as error:
        problem = _syntax_problem(path, str(error))
    else:
        return Layer(level, str(path), tree, lines_of(whole.text, tree))
    raise SettingsError([problem])


def _syntax_problem(path: Path, message: str) -> Problem:
    """The parser ends its message with the line and the column, if it knows them."""
    at = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if at is None:
        return Problem(str(path), "", None, f"is not valid TOML: {message}")
    place = f"{path}:{at[1]}"
    return Problem(place, "", None, f"is not valid TOML: {message[: at.start()]} (column {at[2]})")
