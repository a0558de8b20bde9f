"""How the server starts and ends, and what it does with what is no viewer."""

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.errors import StartError
from beats.kernel.ports import Batches
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


async def test_a_port_in_use_stops_the_start() -> None:
    """The kernel does not start, and says which sink, which port and what to do."""
    async with on_air() as running:
        with pytest.raises(BaseExceptionGroup) as caught:
            async with on_air(settings(port=running.port)):
                pytest.fail("it started")
        why = rf"sink 'browser' could not start: .*port {running.port} .* in use"
        assert caught.group_contains(StartError, match=why)


async def test_a_port_in_use_while_running_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    """A restarted sink whose port is taken tries again until it is free."""

    class Restarted(WebSocketSink):
        runs = 0

        async def run(self, queue: Batches) -> None:
            self.runs += 1
            if self.runs in (2, 3):
                raise OSError(98, "port in use")
            await super().run(queue)

        async def _stream(self, queue: Batches) -> None:
            if self.runs == 1:
                await queue.take()
                raise RuntimeError("as asked")
            await super()._stream(queue)

    async with on_air(build=Restarted) as running:
        assert isinstance(running.sink, Restarted)
        sink = running.sink
        running.knob(1)
        await until(lambda: running.kernel.stats().sinks[0].state == "running" and sink.runs == 4)
        assert sink.address is not None
        async with connect(sink.address.url) as viewer:
            running.knob(2)
            while (await receive(viewer)).sequence != 2:
                pass
    assert sum("failed: OSError" in record.message for record in caplog.records) == 2
