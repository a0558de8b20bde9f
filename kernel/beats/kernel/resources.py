"""What a sink or source needs for itself alone, or has to find, said before anything is opened.

The settings of an adapter tell it by a method `resources` (`NeedsResources`), so that a check finds two
sinks on one port, or a missing file, without knowing any adapter. Each resource names the setting that it
comes from, as a key below the adapter's table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable


class Port(NamedTuple):
    """A TCP port to listen on."""

    key: str
    host: str
    """Name or address to listen on."""
    port: int
    """0 takes a free one, and so never conflicts."""
    is_shared: bool = False
    """Whether others that share it, too, may listen there."""


class Input(NamedTuple):
    """Something to read."""

    key: str
    path: Path
    """As it is opened: what the user may abbreviate is spelt out."""
    kind: Literal["file", "folder", "any"] = "file"
    endings: tuple[str, ...] = ()
    """A folder has to hold a file whose name ends with one of these; any will do when there are none."""
    may_come: bool = False
    """Whether it is waited for: that it is missing may be meant."""
    is_deep: bool = False
    """Whether files in the folders below it count, too."""


class Output(NamedTuple):
    """A file to write, which nobody else may write."""

    key: str
    path: Path
    """Its name; of names that are made up when the time comes, the same one for the same settings."""
    is_new: bool = False
    """Whether there must be no file of this name yet."""


class Package(NamedTuple):
    """A Python package that these settings need, and others do not."""

    key: str
    module: str
    """The name to import."""
    install: str
    """The name to give to `pip install`."""


class Doubt(NamedTuple):
    """What works, and may not be meant."""

    key: str
    text: str
    """What happens, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """All that one sink or source needs."""

    ports: tuple[Port, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    packages: tuple[Package, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    connections: int = 0
    """The most connections that it has open at once; each takes one of the files that a process may open."""


@runtime_checkable
class NeedsResources(Protocol):
    """Settings that say what their sink or source needs to start. Without the method it needs nothing."""

    def resources(self, profile: str) -> Resources:
        """What it needs under a profile of this name; no I/O."""
        ...
