from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from beats.kernel.capabilities import (
    Address,
    HoldsSnapshot,
    Listens,
    Measures,
    Plays,
    ServesClients,
    TakesCommands,
    TakesOver,
)
from beats.kernel.ports import Publish
from tests.kernel.support import CallingSource, CollectingSink


class Able(CollectingSink):
    """A sink with every capability."""

    address: Address | None = None
    holds_snapshot = True
    commands: Mapping[str, Any] = {"pause": dict}

    async def snapshot(self) -> Path:
        return Path("last.mcap")

    def clients(self) -> object: ...
    def client_totals(self) -> object: ...
    def command(self, control: object) -> None: ...
    def playback(self) -> None: ...
    def metrics(self) -> Mapping[str, float]:
        return {}

    def take_over(self, predecessor: object) -> None: ...


async def run_nothing(publish: Publish) -> None: ...


@pytest.mark.parametrize(
    "capability",
    [HoldsSnapshot, Listens, Measures, Plays, ServesClients, TakesCommands, TakesOver],
    ids=lambda capability: capability.__name__,
)
def test_a_capability_is_recognised_by_its_methods(capability: Any) -> None:
    """There is no base class, and none is required."""
    assert isinstance(Able(), capability)
    assert not isinstance(CollectingSink(), capability)
    assert not isinstance(CallingSource(run_nothing), capability)


def test_an_address_is_one_of_the_stream_and_one_of_its_page() -> None:
    """An IPv6 address stands in brackets in both: RFC 3986, section 3.2.2."""
    plain, encrypted = Address("::1", 1), Address("wall.local", 2, encrypted=True)
    assert (plain.url, plain.page_url) == ("ws://[::1]:1", "http://[::1]:1/")
    assert (encrypted.url, encrypted.page_url) == ("wss://wall.local:2", "https://wall.local:2/")
