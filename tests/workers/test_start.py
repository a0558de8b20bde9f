"""Starting the worker pool."""

import socket
from collections.abc import Mapping

import pytest

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import ProfileSettings
from beats.kernel.errors import StartError
from beats.runtime.host import Host
from beats.runtime.reader import Reader
from beats.runtime.watcher import Watcher
from beats.workers import start
from beats.workers.start import Workers, reserved, worker_pool
from tests.support import quiet

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings(**sinks: Mapping[str, object]) -> ProfileSettings:
    return Reader(None, None, None, overrides=quiet(**sinks)).read()


def show(number: int, line: str) -> None: ...


def not_installed(module: str) -> None: ...


async def begun(profile: ProfileSettings) -> None:
    watcher = Watcher(Reader())
    async with worker_pool(Workers(2, None, {}, show), profile, lambda part: Host(watcher, part(profile))):
        raise AssertionError("it has begun")


async def test_without_viewers_there_is_nothing_to_share() -> None:
    """A profile without an enabled WebSocket sink is told what it lacks."""
    with pytest.raises(StartError, match="'default' has no websocket sink"):
        await begun(settings(browser={"enabled": False}, void={"type": "null"}))


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""
    monkeypatch.setattr(start, "find_spec", not_installed)
    with pytest.raises(StartError, match=r"pip install 'beats\[nats\]'"):
        await begun(settings())


def sink(**changes: object) -> WebSocketSettings:
    return WebSocketSettings.model_validate({"type": "websocket", "host": "127.0.0.1", "port": 0, **changes})


def test_a_port_is_held_for_those_who_share_it() -> None:
    """A process that shares the port can listen there and gets the connections; others cannot."""
    with reserved({"browser": sink(), "other": sink()}) as ports, socket.socket() as shares:
        assert ports["browser"] != ports["other"]
        address = ("127.0.0.1", ports["browser"])
        with socket.socket() as alone, pytest.raises(OSError, match="in use"):
            alone.bind(address)
        shares.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shares.bind(address)
        shares.listen()
        with socket.create_connection(address, 5):
            accepted, _ = shares.accept()
            accepted.close()


def test_a_port_is_free_again_afterwards() -> None:
    """The reservation leaves nothing."""
    with reserved({"browser": sink()}) as ports:
        pass
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", ports["browser"]))


def test_a_port_that_is_taken_is_told_with_its_sink() -> None:
    """Before any process is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=rf"'browser'.* port {port} .*choose another"):  # noqa: SIM117
            with reserved({"browser": sink(port=port)}):
                pass


def test_all_addresses_of_a_host_share_one_port() -> None:
    """`localhost` may have two."""
    with reserved({"browser": sink(host="localhost")}) as ports:
        assert ports["browser"] > 0


def test_all_addresses_are_those_of_both_families() -> None:
    """As the workers will listen there."""
    with reserved({"browser": sink(host="::")}) as ports:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as alone, pytest.raises(OSError, match="in use"):
                alone.bind((host, ports["browser"]))


def test_a_host_without_an_address_is_told() -> None:
    """With its name and its sink."""
    with pytest.raises(StartError, match="no-such-host"):  # noqa: SIM117
        with reserved({"browser": sink(host="no-such-host.invalid")}):
            pass
