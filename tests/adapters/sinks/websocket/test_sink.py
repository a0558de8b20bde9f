"""The sink as viewers see it, over real sockets."""

import logging
import threading
import time
from collections import defaultdict
from contextlib import suppress
from itertools import pairwise

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import ClientConnection, connect

from beats.adapters.sinks.websocket import WebSocketSettings, WebSocketSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Control, Envelope
from beats.kernel.errors import StartError
from beats.kernel.ports import Batches, Context
from beats.kernel.queue import SinkQueue
from beats.proto.codec import Decoded, StreamCodec
from tests.adapters.sinks.websocket.support import (
    RawClient,
    exact,
    on_air,
    settings,
    stalled_client,
    until,
)

pytestmark = pytest.mark.anyio
CODEC = StreamCodec()
ROOMY = {"size": 1_000_000, "max_bytes": 1 << 30}


async def receive(viewer: ClientConnection) -> Decoded:
    message = await viewer.recv()
    assert isinstance(message, bytes)
    return CODEC.decode(message)


async def test_every_viewer_gets_every_envelope_byte_equal_and_in_order() -> None:
    """What the sink sends are the encoded bytes of the envelopes, the same for everyone."""
    sent: list[bytes] = []
    async with on_air() as running:
        for kind in ("frame", "peripheral"):
            running.kernel.bus.connect(kind, lambda item: sent.append(item.encoded))
        async with connect(running.url) as one, connect(running.url) as two:
            await until(lambda: running.totals.connected == 2)
            for index in range(50):
                running.frame(200 + index)
                running.knob({"rotation": index})
            assert [await one.recv() for _ in range(100)] == sent
            assert [await two.recv() for _ in range(100)] == sent


async def test_a_late_joiner_gets_the_state_first() -> None:
    """The latest frame, then the latest update of each peripheral as first seen, then the live stream."""
    async with on_air() as running:
        for value in (1, 2):
            running.knob(value, "b")
            running.knob(value, "a")
            running.frame()
        await until(lambda: running.kernel.stats().sinks[0].queue.taken.items == 6)
        async with connect(running.url) as viewer:
            seen = [await receive(viewer) for _ in range(3)]
            running.knob(3, "a")
            seen.append(await receive(viewer))
        expected = [("frame", 2), ("peripheral/b", 2), ("peripheral/a", 2), ("peripheral/a", 3)]
        assert [(item.topic, item.sequence) for item in seen] == expected


async def test_a_late_joiner_misses_and_doubles_nothing_at_full_speed() -> None:
    """Between the snapshot and the live stream there is no gap, however fast the producers are."""
    stop = threading.Event()
    async with on_air(settings(queue=ROOMY)) as running:

        def produce() -> None:
            value = 0
            while not stop.is_set():
                value += 1
                running.knob(value, f"knob-{value % 3}")
                if value % 10 == 0:
                    running.frame()
                    time.sleep(0)  # lends the interpreter to the viewers, which share it in this test

        async def join() -> None:
            last: dict[str, int] = {}
            # It leaves with unread messages before the close frame: no use in waiting for that one.
            async with connect(running.url, close_timeout=0.1) as viewer:
                for _ in range(300):
                    item = await receive(viewer)
                    assert item.sequence == last.get(item.topic, item.sequence - 1) + 1, item.topic
                    last[item.topic] = item.sequence

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, produce)
            try:
                async with anyio.create_task_group() as viewers:
                    for _ in range(8):
                        viewers.start_soon(join)
            finally:
                stop.set()


async def test_a_stalled_viewer_does_not_concern_the_others() -> None:
    """The healthy viewer gets everything; the stalled one's loss is counted, within its bounds."""
    queue = {"size": 8, "overflow": "drop_oldest"}
    async with on_air(settings(client_queue=queue, queue=ROOMY)) as running, stalled_client(running):
        async with connect(running.url, max_size=None) as healthy:
            for sequence in range(1, 101):
                running.frame(200_000)
                assert (await receive(healthy)).sequence == sequence
        stalled = running.client(0)
        assert stalled.behind
        assert stalled.queue.waiting.items == 8
        assert stalled.queue.dropped.items > 0
        assert exact(stalled.queue)
        assert [(drop.reason, drop.kind) for drop in stalled.queue.drops] == [("drop_oldest", "frame")]
        assert stalled.queue.offered.items == 100


async def test_a_viewer_that_falls_behind_and_catches_up_misses_nothing() -> None:
    """The switch to a queue of its own and back loses, doubles and reorders nothing, time and again."""
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        sequence = 0
        for _ in range(5):
            before = sequence
            while not running.client().behind:
                sequence = running.frame(50_000)
                running.knob(sequence)
                await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
            last: dict[str, int] = defaultdict(lambda: before)  # noqa: B023 - used within the round
            for _ in range(2 * (sequence - before)):
                item = CODEC.decode(await anyio.to_thread.run_sync(raw.message))
                assert item.sequence == last[item.topic] + 1
                last[item.topic] = item.sequence
            await until(lambda: not running.client().behind)
        assert running.client().queue.dropped.items == 0
        assert running.client().queue.taken.items == 2 * sequence


async def test_a_viewer_with_latest_is_fresh_when_it_comes_back() -> None:
    """It gets what was under way, then the newest frame, every peripheral, and sees the gap."""
    queue = {"size": 64, "frame": {"size": 4, "overflow": "latest"}}
    async with on_air(settings(client_queue=queue)) as running, stalled_client(running) as raw:
        while not running.client().behind:
            running.frame(100_000)
            await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
        for value in range(50):
            newest = running.frame(100_000)
            running.knob(value, f"knob-{value}")
        await until(lambda: running.client().queue.offered.items == newest + 50)
        missed = running.client().queue.dropped.items
        frames: list[int] = []
        peripherals: list[str] = []
        while len(peripherals) < 50 or frames[-1] < newest:
            item = CODEC.decode(await anyio.to_thread.run_sync(raw.message))
            if item.kind == "frame":
                frames.append(item.sequence)
            else:
                peripherals.append(item.topic)
        assert peripherals == [f"peripheral/knob-{value}" for value in range(50)]
        assert newest - len(frames) == missed == sum(b - a - 1 for a, b in pairwise(frames))
        assert frames[-1] == newest
        assert missed >= 49


async def test_a_viewer_whose_socket_accepts_nothing_is_closed_once(caplog: pytest.LogCaptureFixture) -> None:
    """After `stall_timeout_s` without progress it is cut off, counted and logged; nobody else is."""
    async with (
        on_air(settings(stall_timeout_s=0.2)) as running,
        stalled_client(running),
        connect(running.url, max_size=None) as healthy,
    ):
        while not running.client(0).behind:
            running.frame(200_000)
            await receive(healthy)
        await until(lambda: running.totals.stalled == 1)
        await until(lambda: running.totals.connected == 1)
        sequence = running.frame()
        assert (await receive(healthy)).sequence == sequence
    assert [record.levelname for record in caplog.records if "accepted no byte" in record.message] == [
        "WARNING"
    ]


async def test_a_viewer_that_reads_slowly_is_not_closed() -> None:
    """As long as its socket accepts bytes now and then, it stays."""
    async with on_air(settings(stall_timeout_s=0.4)) as running, stalled_client(running) as raw:
        while not running.client().behind:
            running.frame(400_000)
            await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
        started = anyio.current_time()
        while anyio.current_time() - started < 1.2:
            await anyio.to_thread.run_sync(raw.message)
            running.frame(400_000)
            await anyio.sleep(0.1)  # slow reading is what is tested
        assert running.totals.stalled == 0
        assert running.totals.connected == 1


async def test_a_viewer_with_error_is_closed_with_1013_when_it_is_full() -> None:
    """It cannot be told through a producer, so its connection says it: try again later."""
    queue = {"size": 2, "overflow": "error"}
    async with on_air(settings(client_queue=queue)) as running, stalled_client(running) as raw:
        while not running.totals.overflowed and not running.client().queue.dropped.items:
            running.frame(200_000)
            await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
        last = b""
        with suppress(EOFError):
            while True:
                last = await anyio.to_thread.run_sync(raw.message)
        assert int.from_bytes(last[:2], "big") == 1013
        await until(lambda: running.totals.overflowed == 1)


async def test_the_totals_keep_what_viewers_that_left_had() -> None:
    """Delivered and dropped are sums over all viewers there ever were."""
    async with on_air(settings(client_queue={"size": 2})) as running:
        async with connect(running.url) as viewer:
            await until(lambda: running.totals.connected == 1)
            running.knob(1)
            await viewer.recv()
        await until(lambda: running.totals.connected == 0)
        async with stalled_client(running):
            while not running.client().behind:
                running.frame(400_000)
                await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
            offered = running.client().queue.offered.items
        await until(lambda: running.totals.connected == 0)
        totals = running.totals
        assert totals.accepted == 2
        assert totals.delivered.items + totals.dropped.items == 1 + offered


async def test_valid_commands_reach_the_bus_with_their_sender(caplog: pytest.LogCaptureFixture) -> None:
    """Invalid ones are ignored, the first of a client with a warning, and close nothing."""
    controls: list[Control] = []
    async with on_air() as running:
        running.kernel.bus.connect("control", controls.append)
        with caplog.at_level(logging.WARNING):
            async with connect(running.url) as viewer:
                for message in ("nonsense", b"\xff", '{"kind": "control", "command": "dance"}'):
                    await viewer.send(message)
                await viewer.send('{"kind": "control", "command": "browse", "browse_step": 3}')
                await viewer.send(b'{"kind": "control", "command": "activate"}')
                await until(lambda: len(controls) == 2)
                running.knob(1)
                await viewer.recv()
                assert controls[0].client.remote == running.client().remote
    assert [control.command for control in controls] == ["browse", "activate"]
    assert controls[0].fields == {"browse_step": 3}
    assert controls[0].client.sink == "browser"
    ignored = [record for record in caplog.records if "ignored" in record.message]
    assert [record.levelname for record in ignored] == ["WARNING"]


async def test_viewers_are_told_when_the_stream_ends() -> None:
    """What was published arrives before the close frame, which says 1001, going away."""
    async with on_air() as running:
        viewer = await connect(running.url)
        await until(lambda: running.totals.connected == 1)
        for value in range(100):
            running.knob(value)
    assert [(await receive(viewer)).sequence for _ in range(100)] == list(range(1, 101))
    await viewer.wait_closed()
    assert viewer.close_code == 1001


async def test_bad_clients_do_not_delay_the_end() -> None:
    """A half-open handshake and a viewer that reads nothing are cut off, within about a second."""
    async with on_air() as running, stalled_client(running):
        half_open = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
        while not running.client().behind:
            running.frame(400_000)
            await until(lambda: running.kernel.stats().sinks[0].queue.waiting.items == 0)
        ended = anyio.current_time()
        running.kernel.stop()
    assert anyio.current_time() - ended < 4  # of the 5 s that the kernel would give
    half_open.close()


async def test_garbage_in_place_of_a_handshake_concerns_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no HTTP are answered or cut off, and fill no log."""
    async with on_air() as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        for garbage in (
            b"\x00" * 100,
            b"GET / HTTP/9\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            raw = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
            raw.socket.sendall(garbage + b"\r\n" * 4)
            raw.socket.shutdown(1)
            while await anyio.to_thread.run_sync(raw.socket.recv, 4096):
                pass
            raw.close()
        running.knob(1)
        await viewer.recv()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_port_in_use_stops_the_start() -> None:
    """The kernel does not start, and says which sink, which port and what to do."""
    async with on_air() as running:
        with pytest.raises(
            StartError, match=rf"sink 'browser' could not start: .*port {running.port} .* in use"
        ):
            await _start_and_unwrap(settings(port=running.port))


async def _start_and_unwrap(config: WebSocketSettings) -> None:
    try:
        async with on_air(config):
            pytest.fail("it started")
    except* StartError as group:
        raise group.exceptions[0] from None


async def test_a_port_in_use_while_running_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    """A sink that comes back and finds its port taken tries again until it is free."""
    taken = threading.Event()
    config = settings()

    class Comes(WebSocketSink):
        runs = 0

        async def run(self, queue: Batches) -> None:
            Comes.runs += 1
            if Comes.runs == 2:
                taken.set()
            if Comes.runs in (2, 3):
                raise OSError(98, "port in use")
            await super().run(_OneBatch(queue) if Comes.runs == 1 else queue)

    async with on_air(config, build=Comes) as running:
        running.knob(1)
        await until(taken.is_set)
        await until(lambda: running.kernel.stats().sinks[0].state == "running" and Comes.runs == 4)
        assert running.sink.address is not None
        async with connect(f"ws://127.0.0.1:{running.sink.address.port}") as viewer:
            running.knob(2)
            while (await receive(viewer)).sequence != 2:
                pass
    assert sum("failed: OSError" in record.message for record in caplog.records) == 2


class _OneBatch:
    """A sink's queue that breaks at the second batch."""

    def __init__(self, queue: Batches) -> None:
        self._queue = queue
        self._takes = 0

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        self._takes += 1
        if self._takes == 2:
            raise RuntimeError("as asked")
        return await self._queue.take(max_items)

    def __aiter__(self) -> "_OneBatch":
        return self

    async def __anext__(self) -> list[Envelope]:
        return await self.take()


async def test_counters_are_exact_whenever_a_thread_looks() -> None:
    """`offered == taken + dropped + waiting` for every viewer, read from a thread under load."""
    wrong: list[object] = []
    stop = threading.Event()
    async with on_air(settings(client_queue={"size": 4}, queue=ROOMY)) as running, stalled_client(running):

        def watch() -> None:
            while not stop.is_set():
                wrong.extend(item for item in running.sink.clients() if not exact(item.queue))

        async with anyio.create_task_group() as group, connect(running.url, max_size=None) as healthy:
            group.start_soon(anyio.to_thread.run_sync, watch)
            for _ in range(200):
                running.frame(50_000)
                await healthy.recv()
            stop.set()
    assert wrong == []


def test_the_library_is_said_to_need_asyncio() -> None:
    """On trio the sink says so in place of failing somewhere inside."""

    async def main() -> None:
        sink = WebSocketSink(settings(), Context("browser", "test", SystemClock(), lambda control: None))
        await sink.run(SinkQueue("browser"))

    with pytest.raises(RuntimeError, match="runs on asyncio only"):
        anyio.run(main, backend="trio")
