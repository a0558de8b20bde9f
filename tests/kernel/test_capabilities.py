from collections.abc import Mapping
from pathlib import Path

from beats.kernel.capabilities import (
    Address,
    CommandCheck,
    HoldsSnapshot,
    Listens,
    Measures,
    Plays,
    ServesClients,
    TakesCommands,
    TakesOver,
)
from beats.kernel.envelope import Control
from beats.kernel.ports import Publish
from beats.kernel.stats import ClientStats, ClientTotals, Playback
from tests.kernel.support import NO_CLIENTS, CallingSource, CollectingSink


class Viewed(CollectingSink):
    def clients(self) -> tuple[ClientStats, ...]:
        return ()

    def client_totals(self) -> ClientTotals:
        return NO_CLIENTS


class Listening(CollectingSink):
    address: Address | None = None


class Snapping(CollectingSink):
    holds_snapshot = True

    async def snapshot(self) -> Path:
        return Path("last.mcap")


class Replay(CallingSource):
    commands: Mapping[str, CommandCheck] = {"pause": dict}

    def command(self, control: Control) -> None: ...

    def playback(self) -> Playback | None: ...


class Measuring(CollectingSink):
    def metrics(self) -> Mapping[str, float]:
        return {}


class Succeeding(CollectingSink):
    def take_over(self, predecessor: object) -> None: ...


async def run_nothing(publish: Publish) -> None: ...


def test_a_sink_serves_clients_when_it_can_tell_of_them() -> None:
    """The kernel finds out by the two methods, not by a base class."""
    assert isinstance(Viewed(), ServesClients)
    assert not isinstance(CollectingSink(), ServesClients)


def test_a_sink_listens_when_it_can_tell_where() -> None:
    """The kernel's user asks for the address, which is None until the sink listens."""
    assert isinstance(Listening(), Listens)
    assert not isinstance(CollectingSink(), Listens)


def test_a_sink_holds_a_snapshot_when_it_can_write_one() -> None:
    """The kernel's user asks it to, whatever else the sink does."""
    assert isinstance(Snapping(), HoldsSnapshot)
    assert not isinstance(CollectingSink(), HoldsSnapshot)


def test_a_source_takes_commands_and_plays_when_it_says_so() -> None:
    """Each is a component of its own, found by its methods; a plain source has neither."""
    assert isinstance(Replay(run_nothing), TakesCommands)
    assert isinstance(Replay(run_nothing), Plays)
    assert not isinstance(CallingSource(run_nothing), TakesCommands | Plays)


def test_a_sink_has_metrics_when_it_reports_them() -> None:
    """They are in its counters then."""
    assert isinstance(Measuring(), Measures)
    assert not isinstance(CollectingSink(), Measures)


def test_an_address_is_one_of_the_stream_and_one_of_its_page() -> None:
    """An IPv6 address stands in brackets in both: RFC 3986, section 3.2.2."""
    plain, encrypted = Address("::1", 1), Address("wall.local", 2, encrypted=True)
    assert (plain.url, plain.page_url) == ("ws://[::1]:1", "http://[::1]:1/")
    assert (encrypted.url, encrypted.page_url) == ("wss://wall.local:2", "https://wall.local:2/")


def test_a_sink_takes_over_when_it_can_be_told_from_whom() -> None:
    """Most begin afresh."""
    assert isinstance(Succeeding(), TakesOver)
    assert not isinstance(CollectingSink(), TakesOver)
