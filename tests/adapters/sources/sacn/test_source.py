"""The source `sacn`, with the package `sacn` as the desk."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import anyio
import pytest
from PIL import Image

from tests.adapters.led.support import HOST, on_desk

# The package has no types.
Sender: Any = import_module("sacn").sACNsender
SOCKETS: Any = import_module("sacn.sending.sender_socket_udp")
FIRST = 21


@contextmanager
def desk(port: int, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Generator[Any]:
    """A sender of two universes that sends when it is told to."""
    monkeypatch.setattr(SOCKETS, "DEFAULT_PORT", port)
    sender = Sender(bind_address=HOST, bind_port=0, universeDiscovery=False, sync_universe=900)
    sender.manual_flush = True
    sender.start()
    try:
        for universe in (FIRST, FIRST + 1):
            sender.activate_output(universe)
            for name, value in options.items():
                setattr(sender[universe], name, value)
        yield sender
    finally:
        sender.stop()


def play(sender: Any, image: Image.Image) -> None:
    """Send a picture of 20 x 10 pixels, and the synchronisation packet."""
    data = image.tobytes()
    sender[FIRST].dmx_data = tuple(data[:510])
    sender[FIRST + 1].dmx_data = tuple(data[510:])
    sender.flush()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "options", [{"multicast": True}, {"destination": HOST}], ids=["multicast", "unicast"]
)
async def test_a_foreign_desk_is_seen_until_it_ends(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both universes at once; when it ends its stream, the picture goes dark long before a timeout."""
    pictures = [Image.effect_noise((20, 10), 60).convert("RGB") for _ in range(3)]
    given = {"host": "0.0.0.0", "interface": HOST, "on_loss": "black", "timeout_s": 600.0}
    async with on_desk("sacn", size=(20, 10), universe=FIRST, **given) as on_air:
        with desk(on_air.address[1], monkeypatch, **options) as sender:
            for picture in pictures:
                play(sender, picture)
                assert (await on_air.image()).tobytes() == picture.tobytes()
            for universe in (FIRST, FIRST + 1):
                sender.deactivate_output(universe)
            await on_air.until_image(Image.new("RGB", (20, 10)))


@pytest.mark.anyio
async def test_more_universes_than_a_socket_can_join_are_seen_by_multicast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux allows 20 groups for each socket; the last universe of 64 is seen."""
    given = {"host": "0.0.0.0", "interface": HOST, "peripherals": {"last": {"universe": 64, "channel": 1}}}
    async with on_desk("sacn", size=(170, 63), **given) as on_air:
        with desk(on_air.address[1], monkeypatch, multicast=True) as sender:
            sender.activate_output(64)
            sender[64].multicast = True
            sender[64].dmx_data = (7,)
            sender.flush()
            await on_air.until_value("last", 7)


@pytest.mark.anyio
async def test_without_an_interface_unicast_still_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says once what to set; it is tried again."""
    given = {"interface": "203.0.113.7", "timeout_s": 0.02, "peripherals": {"dimmer": {"channel": 5}}}
    async with on_desk("sacn", **given, universe=FIRST) as on_air:
        with desk(on_air.address[1], monkeypatch, destination=HOST) as sender:
            await anyio.sleep(0.1)
            sender[FIRST].dmx_data = (0, 0, 0, 0, 99)
            sender.flush()
            await on_air.until_value("dimmer", 99)
    said = [record.message for record in caplog.records if "multicast groups" in record.message]
    assert len(said) == 1
    assert "Set interface to the address of this machine in the network of the desk" in said[0]
