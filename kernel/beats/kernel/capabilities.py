"""Optional abilities of sinks and sources, recognised by their methods."""

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
        """The address for WebSocket clients."""
        return f"{'wss' if self.encrypted else 'ws'}://{authority(self.host, self.port)}"

    @property
    def page_url(self) -> str:
        """The address of the page, for browsers."""
        return f"{'https' if self.encrypted else 'http'}://{authority(self.host, self.port)}/"


CommandCheck = Callable[[Mapping[str, Any]], Mapping[str, object]]
"""Returns the fields of a command in a client's message; a ValueError says what is wrong."""


@runtime_checkable
class Listens(Protocol):
    """A sink that listens on a port."""

    @property
    def address(self) -> Address | None:
        """Where clients connect; None until it listens."""
        ...


@runtime_checkable
class HoldsSnapshot(Protocol):
    """A sink that holds what came last in memory, and writes it to a file on request."""

    @property
    def holds_snapshot(self) -> bool:
        """Whether it is set to hold the last seconds."""
        ...

    async def snapshot(self) -> Path:
        """Write the envelopes that the sink holds in memory to a file, and return the file's path.

        Raises:
            LookupError: the sink holds nothing yet.
            OSError: the file cannot be written.
        """
        ...


@runtime_checkable
class Measures(Protocol):
    """A sink or source that reports metrics of its own; any thread may ask."""

    def metrics(self) -> Mapping[str, float]:
        """The metrics by name, which holds the unit, such as `free_bytes`; names of counters end in `_total`.

        `SinkKind.metrics` and `SourceKind.metrics` say what each of them means.
        """
        ...


@runtime_checkable
class KeepsNotes(Protocol):
    """A sink that records notes beside the stream."""

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Record a note soon; never waits."""
        ...


@runtime_checkable
class Adjusts(Protocol):
    """A sink that can change some settings while it runs: those that `SinkKind.adjustable` names."""

    def adjust(self, settings: Any) -> None:
        """Use new settings, which differ from the old ones in nothing else.

        Raises:
            OSError, ValueError: a file that they name cannot be used; the old settings stay.
        """
        ...


@runtime_checkable
class TakesOver(Protocol):
    """A sink that can continue what its predecessor was commanded to do."""

    def take_over(self, predecessor: object) -> None:
        """Continue once this sink runs; until then, and if it cannot start, the predecessor does."""
        ...


@runtime_checkable
class ServesClients(Protocol):
    """A sink with viewers; any thread may ask for their counters."""

    def clients(self) -> tuple[ClientStats, ...]:
        """The viewers that are connected."""
        ...

    def client_totals(self) -> ClientTotals:
        """The sums over all viewers since the start."""
        ...


@runtime_checkable
class TakesCommands(Protocol):
    """A source or sink that takes commands of clients; they are accepted while it is there."""

    @property
    def commands(self) -> Mapping[str, CommandCheck]:
        """The check of each command's fields, by the command's name."""
        ...

    def command(self, control: Control) -> None:
        """Carry out one of the commands. Called in the event loop or in any thread; must not wait."""
        ...


@runtime_checkable
class Plays(Protocol):
    """A source that plays something with a beginning and an end."""

    def playback(self) -> Playback | None:
        """The position of the playback; None until it is known. Any thread may call this."""
        ...
