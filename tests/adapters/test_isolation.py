"""One contract for every sink on a network: a peer that is frozen, slow or resetting harms nobody else."""

import io
import os
import resource
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from PIL import Image
from websockets.asyncio.client import connect

from beats.kernel.envelope import PNG, Frame
from beats.pictures.encoders import transcode
from tests.adapters.peers import (
    FAULTS,
    QUEUE_BYTES,
    Factory,
    Fault,
    Stage,
    behind_a_link,
    datagrams,
    viewer,
)
from tests.adapters.sinks.websocket.support import exact, receive
from tests.support.mqtt import Mosquitto
from tests.support.nats import NatsServer

pytestmark = pytest.mark.anyio

STEPS: Final = 120
SIDE: Final = 256
UPDATE: Final = "x" * 20_000
STALL_S: Final = 5.0
"""A step takes milliseconds; one that waits for the peer takes for ever."""
MOST_GROWTH_BYTES: Final = 16 * QUEUE_BYTES
"""Far less than the 26 MB that are published."""
WALLS: Final = ("artnet", "ddp", "sacn")
KINDS: Final = ("websocket", "mjpeg", "foxglove", "nats", "mqtt", *WALLS)
_WANTED: Final = b'{"op":"subscribe","subscriptions":[{"id":1,"channelId":1},{"id":2,"channelId":2}]}'
SUBSCRIBE: Final = bytes([0x81, 0x80 | len(_WANTED)]) + bytes(4) + _WANTED
"""To frames and updates, in Foxglove's protocol: a text frame whose mask changes nothing."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def factories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Factory]]:
    """How each kind of sink gets a bad peer; brokers are real ones, at the end of a bad line."""
    folder = tmp_path_factory.mktemp("brokers")
    with NatsServer(folder) as nats, Mosquitto(folder) as mosquitto:

        def to_nats(port: int) -> Mapping[str, Any]:
            few = {"last_value_max_bytes": 1 << 20, "reconnect_max_s": 0.02}
            return {"servers": (f"nats://127.0.0.1:{port}",), **few}

        def to_mosquitto(port: int) -> Mapping[str, Any]:
            return {"port": port, "pictures": True, "fps": 60, "reconnect_max_s": 0.02}

        yield {
            "websocket": partial(viewer, hello=upgrade()),
            "nats": partial(behind_a_link, kind="nats", port=nats.port, settings=to_nats),
            "mqtt": partial(behind_a_link, kind="mqtt", port=mosquitto.port, settings=to_mosquitto),
            "mjpeg": partial(viewer, hello=b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
            "foxglove": partial(viewer, hello=upgrade("foxglove.sdk.v1"), wish=SUBSCRIBE),
            **{kind: partial(datagrams, kind=kind, size=(64, 64)) for kind in WALLS},
        }


def upgrade(protocol: str = "") -> bytes:
    """What a viewer sends first."""
    wanted = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{wanted}\r\n"
    ).encode()


def noise() -> Frame:
    """A real picture of about 200 kB."""
    file = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), os.urandom(3 * SIDE * SIDE)).save(file, "PNG", compress_level=0)
    transcode(file.getvalue(), PNG)  # what it imports, and keeps for the next picture, is no peer's doing
    return Frame(file.getvalue())


def resident_bytes() -> int:
    """Memory of this process: proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_bad_peer_harms_nobody(kind: str, fault: Fault, factories: Mapping[str, Factory]) -> None:
    """A healthy viewer gets every envelope before the next one is published, so nothing waits for the peer.

    What is published for the peer waits within bounds or is counted: nothing is lost without being counted.
    """
    stage, frame = Stage(), noise()
    with anyio.fail_after(60):
        async with factories[kind](stage, fault) as peer, anyio.create_task_group() as group:
            await group.start(stage.kernel.run)
            stage.publish(frame, UPDATE)
            async with connect(f"ws://127.0.0.1:{stage.port}", max_size=None) as neighbour:
                await peer.begin()
                for _ in range(2):
                    await receive(neighbour)
                before_bytes = resident_bytes()
                for number in range(2, STEPS + 1):
                    stage.publish(frame, f"{number}{UPDATE}")
                    with anyio.fail_after(STALL_S):
                        came = [await receive(neighbour) for _ in range(2)]
                    assert [(each.topic, each.sequence) for each in came] == [
                        ("frame", number),
                        ("peripheral/knob", number),
                    ]
                    await peer.step()
                    assert all(map(exact, stage.queues()))
                assert resident_bytes() - before_bytes < MOST_GROWTH_BYTES
                assert all(queue.waiting.bytes <= 2 * QUEUE_BYTES for queue in stage.queues())
                assert fault != "frozen" or kind in WALLS or peer.lost() > 0
            group.cancel_scope.cancel()
    for sink in stage.kernel.stats().sinks:
        assert exact(sink.queue)
        assert sink.queue.offered.items == 2 * STEPS
        assert sink.last_error == ""
