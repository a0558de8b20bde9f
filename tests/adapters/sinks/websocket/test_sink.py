"""The sink as viewers see it, over real sockets."""

import logging
import threading
import time

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Control, Envelope
from beats.kernel.ports import Batches, Context
from tests.adapters.sinks.batches import FakeBatches
from tests.adapters.sinks.websocket.support import ROOMY, on_air, receive, settings, until

pytestmark = pytest.mark.anyio


async def test_every_viewer_gets_every_envelope_byte_equal_and_in_order() -> None:
    """The encoded bytes of the envelopes, the same for every viewer."""
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


async def test_the_stream_is_not_compressed() -> None:
    """Although the client offers it: pictures are, and it takes time for each viewer."""
    async with on_air() as running, connect(running.url, compression="deflate") as viewer:
        assert viewer.request is not None
        assert "permessage-deflate" in viewer.request.headers["Sec-WebSocket-Extensions"]
        assert viewer.response is not None
        assert "Sec-WebSocket-Extensions" not in viewer.response.headers


async def test_what_comes_fast_is_sent_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Envelopes wait for those that follow within `burst_interval_s`, from the second one on."""
    interval_s = 0.999
    waits, sent_at_once, end = 0, list[int](), anyio.Event()
    sleep, send = anyio.sleep, WebSocketSink._send  # pyright: ignore[reportPrivateUsage] # to see when it is called

    async def wait(delay_s: float) -> None:
        nonlocal waits
        if delay_s != interval_s:
            await sleep(delay_s)
            return
        waits += 1
        await end.wait()

    async def note(self: WebSocketSink, batch: list[Envelope], queue: Batches) -> None:
        sent_at_once.append(len(batch))
        await send(self, batch, queue)

    monkeypatch.setattr(anyio, "sleep", wait)
    monkeypatch.setattr(WebSocketSink, "_send", note)
    async with on_air(settings(burst_interval_s=interval_s)) as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        sent_at_once.clear()
        running.knob(1)
        assert (await receive(viewer)).sequence == 1
        assert waits == 0
        running.knob(2)
        assert (await receive(viewer)).sequence == 2
        await until(lambda: waits == 1)
        for value in (3, 4, 5):
            running.knob(value)
        end.set()
        assert [(await receive(viewer)).sequence for _ in range(3)] == [3, 4, 5]
        assert sent_at_once == [1, 1, 3]


async def test_a_late_joiner_gets_the_last_values_first() -> None:
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
    """Between the last values and the live stream, however fast the producers are."""
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


async def test_valid_commands_reach_the_bus_with_their_sender(caplog: pytest.LogCaptureFixture) -> None:
    """Invalid ones are ignored, with a warning for the first of a client, and close nothing."""
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


def test_the_sink_runs_on_asyncio_only() -> None:
    """On trio it says so at once."""

    async def main() -> None:
        sink = WebSocketSink(settings(), Context("browser", "test", SystemClock(), lambda control: None))
        await sink.run(FakeBatches())

    with pytest.raises(RuntimeError, match="runs on asyncio only"):
        anyio.run(main, backend="trio")
