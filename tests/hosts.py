"""Hosts on one machine, in the ways that it has: namespaces where it may make them, and proxies anywhere."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from tests import namespaces, proxy
from tests.line import Line
from tests.support import Program


class Host(Protocol):
    """A machine of its own as far as its network goes."""

    @property
    def address(self) -> str:
        """Where its programs listen."""
        ...

    @property
    def line(self) -> Line:
        """What connects it to all others."""
        ...

    def start(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], stdin: int | None = None
    ) -> Program:
        """Start a program on it; a context manager."""
        ...

    def way_to(self, other: Any, port: int) -> tuple[str, int]:
        """The address and port under which it reaches a port of another host of the same kind."""
        ...

    def pull_the_plug(self) -> None:
        """Take its own end of the line down."""
        ...

    def plug_in(self) -> None:
        """Take it up again."""
        ...


Maker = Callable[..., AbstractContextManager[Mapping[str, Host]]]
"""Makes hosts of lines, each by its name."""

MAKERS: Final[Mapping[str, Maker]] = (
    {"namespaces": namespaces.hosts, "proxy": proxy.hosts}
    if namespaces.available()
    else {"proxy": proxy.hosts}
)
"""What this machine has, the best first."""
