"""One contract for every source: an input that is killed, stalled or garbled harms nobody else."""

import resource
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import pytest
from anyio import to_thread

from beats.adapters.sinks.artnet.sink import ArtNetPackets
from beats.adapters.sinks.sacn.sink import SacnPackets
from beats.runtime.registry import SOURCES
from tests.adapters import inputs
from tests.adapters.inputs import FAULTS, NAME, Factory, Fault, Ticker
from tests.adapters.led.support import artnet, sacn
from tests.support.mqtt import Mosquitto, send
from tests.support.nats import NatsServer
from tests.support.relay import Machine, on_air

pytestmark = pytest.mark.anyio

TICKS: Final = 40
"""How long the input is bad, in steps of its neighbour."""
MOST_GROWTH_BYTES: Final = 64_000_000
MOST_HELD_UP_S: Final = 2.0
"""A step takes 5 ms; a loaded machine adds some hundred."""
KINDS: Final = ("artnet", "command", "images", "jsonl", "mqtt", "nats", "osc", "sacn", "video", "websocket")
ELSEWHERE: Final[Mapping[str, str]] = {
    "demo": "has no input",
    "replay": "replay/test_source_folders.py: files that vanish and that are damaged",
    "screen": "screen/test_screen.py",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def factories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Factory]]:
    """How each kind of source gets an input; brokers are real ones, at the end of a bad line."""
    folder = tmp_path_factory.mktemp("brokers")
    with NatsServer(folder) as server, Mosquitto(folder) as broker:
        packets = inputs.wall_packets
        walls = artnet(4, 2), sacn(4, 2)
        lights = {
            "artnet": packets(walls[0], ArtNetPackets(walls[0])),
            "sacn": packets(walls[1], SacnPackets(walls[1], "test/wall")),
        }

        async def to_room() -> None:
            await to_thread.run_sync(send, broker, "room/knob", b"1")

        def from_room(port: int) -> Mapping[str, object]:
            return {"port": port, "topics": ("room/#",), "reconnect_max_s": 0.05}

        yield {
            "jsonl": inputs.jsonl,
            "images": inputs.images,
            "command": inputs.command,
            "websocket": inputs.websocket,
            "video": inputs.video,
            "nats": partial(inputs.nats, url=server.url, port=server.port),
            "mqtt": lambda stage, _: inputs.behind_a_line(stage, "mqtt", broker.port, from_room, to_room),
            "osc": lambda stage, _: inputs.datagrams(stage, "osc", inputs.osc_packets),
            "artnet": lambda stage, _: inputs.datagrams(stage, "artnet", lights["artnet"], size=(4, 2)),
            "sacn": lambda stage, _: inputs.datagrams(
                stage, "sacn", lights["sacn"], size=(4, 2), multicast=False
            ),
        }


def test_every_source_is_here_or_elsewhere() -> None:
    """So that a new one is not forgotten."""
    assert sorted([*KINDS, *ELSEWHERE]) == SOURCES.names()


def resident_bytes() -> int:
    """Memory of this process: proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_bad_input_harms_nobody(
    kind: str, fault: Fault, factories: Mapping[str, Factory], tmp_path: Path
) -> None:
    """A neighbour keeps its pace, memory stays bounded, and the source is back when its input is."""
    stage, ticker = Machine(), Ticker()
    stage.kernel.add_source("ticker", ticker)
    with anyio.fail_after(60):
        async with factories[kind](stage, tmp_path) as it, on_air(stage, fail_after_s=50):

            def published() -> int:
                return next(each.published for each in stage.kernel.stats().sources if each.name == NAME)

            async def some_more() -> None:
                before = published()
                while published() == before:
                    await it.feed()
                    await ticker.passes(3)

            await some_more()
            before_bytes, ticker.longest_s = resident_bytes(), 0.0
            await it.spoil(fault)
            await ticker.passes(TICKS)
            await it.mend()
            await some_more()
            await some_more()
            assert resident_bytes() - before_bytes < MOST_GROWTH_BYTES
            assert ticker.longest_s < MOST_HELD_UP_S
    states = {each.name: each.state for each in stage.kernel.stats().sources}
    assert states == {NAME: "stopped", "ticker": "stopped"}
