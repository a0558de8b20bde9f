"""The layer of environment variables: `BEATS_SINKS__BROWSER__PORT=9000` sets `sinks.browser.port`.

A variable matches the names in the files without regard to letter case, and its `_` matches `-` too, which
no variable can contain. Names that no file contains are created in lower case. Adapters can declare aliases,
short variables that act on every adapter of a type. Values stay text until the type is known (see `casting`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from beats.config.errors import Problem, nearest
from beats.config.layers.merging import Layer, Level, Node, Table, Text, child, nested
from beats.config.layers.profiles import CONFIG_DIR_VARIABLE, PROFILE_VARIABLE
from beats.config.schema import SECTIONS, expected_at, members

PREFIX: Final = "BEATS_"
SEPARATOR: Final = "__"
_NO_SETTINGS: Final = (PROFILE_VARIABLE, CONFIG_DIR_VARIABLE, "BEATS_TOKEN", "BEATS_NATS_URL")
"""Read elsewhere: `beats top` and `beats tap` present the token to a server, and shipped profiles reference
the address of a NATS server."""


class _AmbiguousError(ValueError):
    """A variable matches several names in the layers below."""


class Variables(NamedTuple):
    """The variables that begin with `BEATS_`."""

    layers: list[Layer]
    """One for each variable that names a setting; the more specific variable is the higher layer."""
    others: list[str]
    """Variables that name no setting: aliases, or mistakes."""
    problems: list[Problem]
    """Variables that match more than one setting."""


def read_variables(environ: Mapping[str, str], lower: Table) -> Variables:
    """Sort the variables that begin with `BEATS_`; `lower` holds the layers below."""
    layers: list[Layer] = []
    others: list[str] = []
    problems: list[Problem] = []
    # Sorted by depth, so that …__QUEUE__SIZE overrides …__QUEUE whatever the order of the environment.
    for name in sorted(environ, key=lambda name: (name.count(SEPARATOR), name)):
        if not name.startswith(PREFIX) or name in _NO_SETTINGS:
            continue
        parts = name.removeprefix(PREFIX).split(SEPARATOR)
        if len(parts) == 1 or not all(parts) or parts[0].lower() not in SECTIONS:
            others.append(name)
            continue
        try:
            tree = nested(_spell(parts, lower), Text(environ[name], name))
        except _AmbiguousError as error:
            problems.append(Problem(name, "", None, str(error)))
        else:
            layers.append(Layer(Level.VARIABLE, name, tree))
    return Variables(layers, others, problems)


def alias_layers(
    aliases: Mapping[str, str], model: Any, environ: Mapping[str, str], *path: str
) -> list[Layer]:
    """A layer for each alias that is set, under a path such as `sinks.browser`.

    Args:
        aliases: the variables, each with the key below the path that it sets.
        model: the settings at the path. For a setting that is text, a blank variable counts as not set.
        environ: the environment variables.
        path: the place of the adapter.
    """
    keys = {name: key.split(".") for name, key in aliases.items() if name in environ}
    return [
        Layer(Level.SHORT_VARIABLE, name, nested((*path, *key), Text(environ[name], name)))
        for name, key in keys.items()
        if environ[name].strip() or str not in members(expected_at(model, key))
    ]


def key_of_word(word: str, aliases: Mapping[str, str]) -> str | None:
    """The key that an alias sets, by the words at its end: `bind_host` means `host` in a sink `websocket`.

    Args:
        word: what was written in place of a key.
        aliases: the variables, each with the key that it sets.
    """
    end = "_" + word.replace("-", "_").upper()
    keys = {key for name, key in aliases.items() if name.endswith(end)}
    return keys.pop() if len(keys) == 1 else None


def unknown_warning(name: str, aliases: Iterable[str], known_paths: Iterable[tuple[str, ...]]) -> str:
    """Warn of a variable that has no effect, with the most similar one that has."""
    known = [*aliases, *_NO_SETTINGS, *(variable_name(path) for path in known_paths)]
    squeezed = {_squeeze(candidate): candidate for candidate in known}
    meant = squeezed.get(_squeeze(name)) or nearest(name, known, cutoff=0.7)
    return f"{name}: unknown variable, ignored" + (f"; did you mean {meant}?" if meant else "")


def variable_name(path: Iterable[str]) -> str:
    """The variable that sets a key."""
    return PREFIX + SEPARATOR.join(part.replace("-", "_").upper() for part in path)


def _spell(parts: Iterable[str], lower: Node | None) -> Iterator[str]:
    """Each part as the layers below spell it, else in lower case."""
    for part in parts:
        names = list(lower.children) if isinstance(lower, Table) else []
        plain = part.lower()
        alike = [name for name in names if name.lower().replace("-", "_") == plain.replace("-", "_")]
        spelt = plain if plain in names or not alike else alike[0]
        if spelt != plain and len(alike) > 1:
            raise _AmbiguousError(f"could mean any of {', '.join(alike)}; set it in a file or with --set")
        yield spelt
        lower = child(lower, spelt)


def _squeeze(name: str) -> str:
    return re.sub("_+", "_", name).upper()
