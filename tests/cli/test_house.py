"""What a command shows of what runs; with workers see tests/system/test_workers.py."""

from collections.abc import Mapping

import pytest

from beats.cli.common import Reader
from beats.cli.house import House, house
from beats.config.settings import ProfileSettings
from beats.kernel.capabilities import Address
from beats.kernel.errors import StartError
from beats.kernel.ports import Batches
from beats.runtime.live import LiveProfile
from beats.workers.start import Workers
from tests.support import quiet

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings(**sinks: Mapping[str, object]) -> ProfileSettings:
    return Reader(None, None, None, overrides=quiet(**{"browser": {"enabled": False}, **sinks})).read()


class Listening:
    """A sink that listens, or not yet."""

    def __init__(self, address: Address | None) -> None:
        self.address = address

    async def run(self, queue: Batches) -> None: ...


class Silent:
    """A sink that never listens."""

    async def run(self, queue: Batches) -> None: ...


def show(number: int, line: str) -> None: ...


def test_addresses_are_those_of_sinks_that_listen() -> None:
    """Each is a URL that a viewer can open, an IPv6 address in brackets; the others have none."""
    running = House(LiveProfile(settings()))
    running.kernel.add_sink("browser", Listening(Address("localhost", 8765)))
    running.kernel.add_sink("six", Listening(Address("::1", 1, encrypted=True)))
    running.kernel.add_sink("later", Listening(None))
    running.kernel.add_sink("null", Silent())
    urls = {name: address.url for name, address in running.addresses.items()}
    assert urls == {"browser": "ws://localhost:8765", "six": "wss://[::1]:1"}


async def test_a_house_without_workers_is_its_kernel() -> None:
    """Counters are the kernel's, and settings are applied to it."""
    async with house(settings(), None) as running:
        assert running.stats() == running.kernel.stats()
        changes = await running.apply(settings())
        assert changes == []


async def test_workers_need_viewers_to_serve() -> None:
    """A profile without a WebSocket sink has none; said in a sentence, not in a group of errors."""
    with pytest.raises(StartError, match="no websocket sink"):
        async with house(settings(void={"type": "null"}), Workers(2, None, {}, show)):
            pass
