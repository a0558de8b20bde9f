"""Finds a NATS server that answers."""

import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.nats import broker as broker_module
from beats.adapters.nats.broker import Broker
from beats.adapters.nats.settings import NatsSettings
from beats.kernel.errors import MissingPackageError
from tests.support.nats import NatsServer, free_port

log = logging.getLogger(__name__)
pytestmark = pytest.mark.anyio


def broker(*urls: str, **changes: Any) -> Broker:
    settings = NatsSettings.model_validate({"servers": urls, "reconnect_max_s": 0.05, **changes})
    return Broker(settings, "sink 'relay'", log)


async def test_it_finds_the_server_that_answers(server: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    """Among others that do not; its version is in the log."""
    caplog.set_level(logging.INFO)
    several = broker(f"nats://127.0.0.1:{free_port()}", server.url, f"nats://127.0.0.1:{free_port()}")
    with anyio.fail_after(20):
        connection = await several.connect()
        assert connection is not None
        await connection.close()
    assert several.link.is_connected
    assert f"connected to {server.url}, nats-server 2." in caplog.text


async def test_it_connects_to_another_server_after_a_loss(own_server: NatsServer, server: NatsServer) -> None:
    """Without trying the dead one first."""
    several = broker(own_server.url, server.url)
    with anyio.fail_after(20):
        connection = await several.connect()
        assert connection is not None
        while str(connection.server) != own_server.url:
            await connection.close()
            several.lose(connection)
            connection = await several.connect()
            assert connection is not None
        own_server.kill()
        await connection.lost.wait()
        await connection.close()
        several.lose(connection)
        connection = await several.connect()
        assert connection is not None
        assert str(connection.server) == server.url
        await connection.close()


@pytest.mark.parametrize(
    ("missing", "changes", "what"),
    [
        ("nats", {}, r"pip install 'beats\[nats\]'"),
        ("nkeys", {"credentials_file": Path("x")}, "pip install nkeys"),
    ],
)
async def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, changes: dict[str, Any], what: str
) -> None:
    """With the command to install it."""

    def find(name: str) -> object:
        return None if name == missing else log

    monkeypatch.setattr(broker_module, "find_spec", find)
    with pytest.raises(MissingPackageError, match=what):
        broker("nats://a", **changes).open()


def test_it_runs_on_asyncio_only() -> None:
    """As the library does."""

    async def main() -> None:
        with pytest.raises(RuntimeError, match="sink 'relay' runs on asyncio only"):
            broker("nats://a").open()

    anyio.run(main, backend="trio")


async def test_files_are_read(tmp_path: Path) -> None:
    """A trusted authority makes encryption a requirement."""
    (tmp_path / "token").write_text("hush\n")
    identity = broker("nats://a", token_file=tmp_path / "token").open()
    assert (identity.token, identity.tls, identity.must_encrypt) == ("hush", None, False)
    assert "relay" in identity.name
    with pytest.raises(OSError, match="tls_ca"):
        broker("nats://a", tls_ca=tmp_path / "gone").open()
