"""What a sink or source may do besides its work: found by its methods, and never required."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from beats.kernel.envelope import Control
from beats.kernel.stats import ClientStats, ClientTotals, Playback


def authority(host: str, port: int) -> str:
    """Host and port as in a URL: RFC 3986, section 3.2."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Address(NamedTuple):
    """Where clients connect."""

    host: str
    port: int
    encrypted: bool = False

    @property
    def url(self) -> str:
        """As a WebSocket address."""
        return f"{'wss' if self.encrypted else 'ws'}://{authority(self.host, self.port)}"

    @property
    def page_url(self) -> str:
        """As the address of a page in a browser."""
        return f"{'https' if self.encrypted else 'http'}://{authority(self.host, self.port)}/"


CommandCheck = Callable[[Mapping[str, Any]], Mapping[str, object]]
"""Makes the fields of a command from a client's message; raises ValueError, with the reason, if it cannot."""


@runtime_checkable
class Listens(Protocol):
    """A sink that listens on a port also tells where."""

    @property
    def address(self) -> Address | None:
        """None until it listens."""
        ...


@runtime_checkable
class HoldsSnapshot(Protocol):
    """A sink that holds what came last, and writes it down when told."""

    @property
    def holds_snapshot(self) -> bool:
        """Whether its settings have it do that."""
        ...

    async def snapshot(self) -> Path:
        """Write what it holds to a file and say which.

        Raises:
            LookupError: it holds nothing yet.
            OSError: the file cannot be written.
        """
        ...


@runtime_checkable
class Measures(Protocol):
    """A sink that reports metrics of its own; any thread may ask."""

    def metrics(self) -> Mapping[str, float]:
        """By name, each with its unit in it, such as `free_bytes`; what only ever rises ends in `_total`."""
        ...


@runtime_checkable
class KeepsNotes(Protocol):
    """A sink that writes down, beside the stream, what happens to it."""

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write this down soon; never waits."""
        ...


@runtime_checkable
class Adjusts(Protocol):
    """A sink that can take on some of its settings while it runs: those that its kind calls adjustable."""

    def adjust(self, settings: Any) -> None:
        """Go on with these, which differ from those before in nothing else.

        Raises:
            OSError, ValueError: a file that they name cannot be used; it goes on as before.
        """
        ...


@runtime_checkable
class TakesOver(Protocol):
    """A sink that can go on with what another was told to do, whose place it is to take."""

    def take_over(self, predecessor: object) -> None:
        """Go on with that once this sink is run; until then, and if it cannot start, the other does."""
        ...


@runtime_checkable
class ServesClients(Protocol):
    """A sink with viewers also tells of them; any thread may ask."""

    def clients(self) -> tuple[ClientStats, ...]:
        """Those that are connected."""
        ...

    def client_totals(self) -> ClientTotals:
        """All that ever were."""
        ...


@runtime_checkable
class TakesCommands(Protocol):
    """A source or sink that clients can steer also tells how; while it is there, its commands are let in."""

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """By name, the check of each command's fields."""
        ...

    def command(self, control: Control) -> None:
        """Obey one of them. Called in the event loop or in any thread; it must not wait."""
        ...


@runtime_checkable
class Plays(Protocol):
    """A source that plays something from a beginning to an end also tells where it is."""

    def playback(self) -> Playback | None:
        """Where it is; None until it knows. Any thread may ask."""
        ...
