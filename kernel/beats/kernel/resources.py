"""What a sink or source needs to start: ports, files, servers and packages, known before anything is opened.

The settings of an adapter return it from a method `resources` (see `NeedsResources`), so that a check finds
two sinks on one port, or a missing file, without knowing the adapters. Each resource names its setting, as a
key below the adapter's table.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable


class Port(NamedTuple):
    """A port to listen on."""

    key: str
    host: str
    """Name or address to listen on."""
    port: int
    """0 takes a free one and never conflicts."""
    is_shared: bool = False
    """Whether other sinks that share it may listen there too."""
    protocol: Literal["tcp", "udp"] = "tcp"


class Input(NamedTuple):
    """A file, folder or device to read."""

    key: str
    path: Path
    """The path that is opened, with `~` expanded."""
    kind: Literal["file", "folder", "any", "device"] = "file"
    """`any` is a file or folder, `device` one of the machine's, such as a camera."""
    endings: tuple[str, ...] = ()
    """A folder must hold a file whose name ends with one of these; empty: any file."""
    may_come: bool = False
    """Whether the source waits for it if it is missing."""
    is_deep: bool = False
    """Whether files in subfolders count."""
    begins_with: bytes = b""
    """How a file of this format begins; empty: in any way."""
    may_be_empty: bool = False
    """Whether a file of this format may also hold nothing, as after a power cut."""
    is_called: str = "file"
    """What a file of this format is called in messages, such as `recording`."""


class Output(NamedTuple):
    """A file that no other sink may write."""

    key: str
    path: Path
    """Path of the file. If its name has a time or number, an example that depends only on the settings."""
    is_new: bool = False
    """Whether no file of this name may exist yet."""


class Claim(NamedTuple):
    """What only one sink or source may write: a picture's id, addresses of a device, topics of a server."""

    key: str
    what: str
    """Names it in messages, as `the picture 'wall'`; claims with other names never conflict."""
    numbers: range | None = None
    """Which numbers are claimed, if the thing has numbers, such as channels."""
    is_shareable: bool = False
    """Whether two may claim the same thing; that works, but may be a mistake."""


def picture_claim(key: str, id: str = "") -> Claim:  # noqa: A002 - the wire's own word
    """The claim of a source on the picture that it shows; empty for the main one."""
    return Claim(key, f"the picture {id!r}" if id else "the main picture", is_shareable=True)


class Server(NamedTuple):
    """A port, mostly of another machine, to connect or send to; it may start later."""

    key: str
    host: str
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"


class Package(NamedTuple):
    """A Python package that only these settings need."""

    key: str
    module: str
    """The name to import."""
    install: str
    """What to give to `pip install`: a name, or a name with an extra such as `beats[video]`."""

    @property
    def lacking(self) -> str:
        """What to say after the name of what needs it, when it is not installed."""
        return f"needs the package {self.module!r}, which is not installed: {pip_install(self.install)}"


def pip_install(requirement: str) -> str:
    """The command that installs a package."""
    return f"pip install {shlex.quote(requirement)}"


class Program(NamedTuple):
    """A program to run."""

    key: str
    name: str
    """The program, which is looked for in PATH unless this is a path."""
    folder: Path | None = None
    """The folder in which the program runs, and where a relative path to it begins."""
    path: str | None = None
    """PATH for the program; None: that of this process."""


class Doubt(NamedTuple):
    """Something that works but may be a mistake."""

    key: str
    text: str
    """What happens, and how to avoid it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What one sink or source needs."""

    ports: tuple[Port, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    claims: tuple[Claim, ...] = ()
    servers: tuple[Server, ...] = ()
    packages: tuple[Package, ...] = ()
    programs: tuple[Program, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    connections: int = 0
    """The most connections that it has open at once; each counts as an open file of the process."""


@runtime_checkable
class NeedsResources(Protocol):
    """Settings that say what their sink or source needs to start. Without the method it needs nothing."""

    def resources(self, profile: str) -> Resources:
        """What the sink or source needs under a profile of this name; no I/O."""
        ...
