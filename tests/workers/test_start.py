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


def settings(**sinks: Mapping[str, object]) -> ProfileSettings:
    return Reader(None, None, None, overrides=quiet(**sinks)).read()


def show(number: int, line: str) -> None: ...


def not_installed(module: str) -> None: ...


async def begun(profile: ProfileSettings) -> None:
    watcher = Watcher(Reader())
    async with worker_pool(Workers(2, None, {}, show), profile, lambda part: Host(watcher, part(profile))):
        raise AssertionError("it has begun")


async def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile without an enabled WebSocket sink is told so; a missing package is named."""
    with pytest.raises(StartError, match="'default' has no websocket sink"):
        await begun(settings(browser={"enabled": False}, void={"type": "null"}))
    monkeypatch.setattr(start, "find_spec", not_installed)
    with pytest.raises(StartError, match=r"pip install 'beats\[nats\]'"):
        await begun(settings())


def sink(**changes: object) -> WebSocketSettings:
    return WebSocketSettings.model_validate({"type": "websocket", "host": "127.0.0.1", "port": 0, **changes})


def test_a_port_is_held_for_those_who_share_it() -> None:
    """One that shares the port can listen there and gets the connections; others can only afterwards."""
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
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", ports["other"]))


@pytest.mark.parametrize(
    ("host", "why"),
    [("127.0.0.1", r"'browser'.* port {port} .*choose another"), ("no-such-host.invalid", "no-such-host")],
)
def test_what_cannot_be_reserved_is_told_with_its_sink(host: str, why: str) -> None:
    """A port that is taken, a host without an address: before any process is started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=why.format(port=port)):  # noqa: SIM117
            with reserved({"browser": sink(host=host, port=port)}):
                pass


def test_all_addresses_of_a_host_share_one_port() -> None:
    """`localhost` may have two, and `::` is those of both families, as the workers will listen there."""
    with reserved({"browser": sink(host="localhost")}) as ports:
        assert ports["browser"] > 0
    with reserved({"browser": sink(host="::")}) as ports:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as alone, pytest.raises(OSError, match="in use"):
                alone.bind((host, ports["browser"]))
