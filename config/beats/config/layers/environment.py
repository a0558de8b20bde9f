"""The layer of environment variables: `BEATS_SINKS__BROWSER__PORT=9000` sets `sinks.browser.port`.

Variables are matched to what the files name without regard to letter case, and `_` stands for `-` too,
which no variable's name can hold; what the files do not name is created, in lower case. Values stay text
until the schema says what is expected (see `casting`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from beats.config.errors import Problem, nearest
from beats.config.layers.merging import Layer, Level, Node, Table, Text, child
from beats.config.layers.profiles import CONFIG_DIR_VARIABLE, PROFILE_VARIABLE
from beats.config.schema import SECTIONS
from beats.config.settings import HostName, QueueSettings, Settings

PREFIX: Final = "BEATS_"
SEPARATOR: Final = "__"
SHORT_TYPE: Final = "websocket"
SHORT_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "BEATS_STREAM_QUEUE_SIZE": ("queue", "size"),
    "BEATS_STREAM_QUEUE_OVERFLOW": ("queue", "overflow"),
    "BEATS_WEBSOCKET_BIND_HOST": ("host",),
    "BEATS_WEBSOCKET_ENABLED": ("enabled",),
    "BEATS_WEBSOCKET_HOST": ("public_host",),
    "BEATS_WEBSOCKET_PORT": ("port",),
}
"""The variables that act on every sink of the type `websocket`, and the key that each one sets there."""
_HOSTS: Final = ("BEATS_WEBSOCKET_BIND_HOST", "BEATS_WEBSOCKET_HOST")
"""Short variables that count as not set when they are blank."""
_OTHERS: Final = (PROFILE_VARIABLE, CONFIG_DIR_VARIABLE, "BEATS_TOKEN", "BEATS_NATS_URL")
"""No settings: `beats top` and `beats tap` present the token to a server, and shipped profiles refer to the
address of a NATS server."""


class ShortSettings(Settings):
    """What the short variables may say; checked even when no sink is of their type."""

    enabled: bool = True
    """Whether the sinks run."""
    host: HostName = "localhost"
    """Address that the server listens on."""
    public_host: HostName = "localhost"
    """Name that clients are told to connect to."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """TCP port; 0 takes a free one."""
    queue: QueueSettings = QueueSettings()
    """The sink's queue."""


class _AmbiguousError(ValueError):
    """A variable's name fits several names in the layers below."""


class Variables(NamedTuple):
    """What the environment says."""

    layers: list[Layer]
    """One for each variable that names a setting; the more precise variable is the higher layer."""
    unknown: list[str]
    """Variables that begin as ours do and mean nothing."""
    problems: list[Problem]
    """Variables that could mean more than one setting."""


def read_variables(environ: Mapping[str, str], lower: Table) -> Variables:
    """Sort the variables that begin with `BEATS_`; `lower` holds what the layers below name."""
    layers: list[Layer] = []
    unknown: list[str] = []
    problems: list[Problem] = []
    # Sorted by depth, so that …__QUEUE__SIZE changes what …__QUEUE gives, in whichever order they come.
    for name in sorted(environ, key=lambda name: (name.count(SEPARATOR), name)):
        if not name.startswith(PREFIX) or name in SHORT_VARIABLES or name in _OTHERS:
            continue
        if not (parts := _parts(name)):
            unknown.append(name)
            continue
        try:
            tree = nested(_spell(parts, lower), Text(environ[name], name))
        except _AmbiguousError as error:
            problems.append(Problem(name, "", None, str(error)))
        else:
            layers.append(Layer(Level.VARIABLE, name, tree))
    return Variables(layers, unknown, problems)


def short_layers(environ: Mapping[str, str], *path: str) -> list[Layer]:
    """One layer for each short variable that is set, under a path such as `sinks.browser`."""
    return [
        Layer(Level.SHORT_VARIABLE, name, nested((*path, *key), Text(environ[name], name)))
        for name, key in SHORT_VARIABLES.items()
        if name in environ and (name not in _HOSTS or environ[name].strip())
    ]


def unknown_warning(name: str, known_paths: Iterable[tuple[str, ...]]) -> str:
    """Say that a variable means nothing, and which one was probably meant."""
    known = [*SHORT_VARIABLES, *_OTHERS, *(variable_name(path) for path in known_paths)]
    squeezed = {_squeeze(candidate): candidate for candidate in known}
    meant = squeezed.get(_squeeze(name)) or nearest(name, known, cutoff=0.7)
    return f"{name}: unknown variable, ignored" + (f"; did you mean {meant}?" if meant else "")


def variable_name(path: Iterable[str]) -> str:
    """The variable that sets a key."""
    return PREFIX + SEPARATOR.join(part.replace("-", "_").upper() for part in path)


def nested(path: Iterable[str], value: object) -> dict[str, object]:
    """A table that holds one value at a path."""
    for key in reversed(tuple(path)):
        value = {key: value}
    assert isinstance(value, dict), "a path has at least one key"
    return value  # pyright: ignore[reportUnknownVariableType]  # a dict of what was just built


def _parts(name: str) -> list[str]:
    parts = name.removeprefix(PREFIX).split(SEPARATOR)
    is_setting = len(parts) > 1 and all(parts) and parts[0].lower() in SECTIONS
    return parts if is_setting else []


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
