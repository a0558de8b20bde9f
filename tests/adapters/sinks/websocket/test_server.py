"""How the server starts and ends, and what it does with what is no viewer."""

import logging
import threading
from collections.abc import Sequence

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.envelope import Envelope
from beats.kernel.errors import StartError
from beats.kernel.last_values import CaughtUp
from beats.kernel.ports import Batches
from beats.kernel.stats import Loss
from tests.adapters.sinks.websocket.support import (
    RawClient,
    on_air,
    receive,
    settings,
    stalled_client,
    until,
)

pytestmark = pytest.mark.anyio


async def test_viewers_are_told_when_the_stream_ends() -> None:
    """What was published arrives before the close frame with code 1001, going away."""
    async with on_air() as running:
        viewer = await connect(running.url)
        await until(lambda: running.totals.connected == 1)
        for value in range(100):
            running.knob(value)
    assert [(await receive(viewer)).sequence for _ in range(100)] == list(range(1, 101))
    await viewer.wait_closed()
    assert viewer.close_code == 1001


async def test_bad_clients_do_not_delay_the_end() -> None:
    """A half-open handshake and a viewer that reads nothing are cut off within about a second."""
    async with on_air() as running, stalled_client(running):
        half_open = await anyio.to_thread.run_sync(lambda: RawClient(running.port, handshake=False))
        await running.until_behind(400_000)
        ended = anyio.current_time()
        running.kernel.stop()
    assert anyio.current_time() - ended < 4  # of the 5 s that the kernel would give
    half_open.close()


async def test_garbage_in_place_of_a_handshake_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """Or answered, and not logged."""
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
    """A restarted sink whose port is taken tries again until it is free."""
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

    def catch_up(self) -> CaughtUp:
        return self._queue.catch_up()

    def written(self, envelopes: Sequence[Envelope]) -> None:
        self._queue.written(envelopes)

    def give_back(self, envelopes: Sequence[Envelope]) -> None:
        self._queue.give_back(envelopes)

    def losses(self) -> tuple[Loss, ...]:
        return self._queue.losses()

    def __aiter__(self) -> "_OneBatch":
        return self

    async def __anext__(self) -> list[Envelope]:
        return await self.take()
