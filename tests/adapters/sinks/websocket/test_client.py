"""Viewers that do not keep up: behind a queue of their own, and back."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.sinks.websocket.connection import StreamConnection
from tests.adapters.sinks.websocket.support import (
    CODEC,
    ROOMY,
    exact,
    on_air,
    settings,
    stalled_client,
    until,
    warnings,
)

pytestmark = pytest.mark.anyio


async def test_a_stalled_viewers_loss_is_counted_within_its_bounds() -> None:
    """By reason and kind. That others get everything, tests/adapters/test_isolation.py shows."""
    queue = {"size": 8, "overflow": "drop_oldest"}
    async with on_air(settings(client_queue=queue, queue=ROOMY)) as running, stalled_client(running):
        for _ in range(100):
            running.frame(200_000)
            await running.fanned_out()
        stalled = running.client(0)
        assert stalled.behind
        assert stalled.queue.waiting.items == 8
        assert stalled.queue.dropped.items > 0
        assert exact(stalled.queue)
        assert [(drop.reason, drop.kind) for drop in stalled.queue.drops] == [("drop_oldest", "frame")]
        assert stalled.queue.offered.items == 100


async def test_a_viewer_that_falls_behind_and_catches_up_misses_nothing() -> None:
    """Switching to its own queue and back, repeatedly, loses, doubles and reorders nothing."""
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        sequence = 0
        for _ in range(5):
            before = sequence
            while not running.client().behind:
                sequence = running.frame(50_000)
                running.knob(sequence)
                await running.fanned_out()
            last: dict[str, int] = defaultdict(lambda: before)  # noqa: B023 - used within the round
            for _ in range(2 * (sequence - before)):
                item = CODEC.decode(await anyio.to_thread.run_sync(raw.message))
                assert item.sequence == last[item.topic] + 1
                last[item.topic] = item.sequence
            await until(lambda: not running.client().behind)
        assert running.client().queue.dropped.items == 0
        assert running.client().queue.taken.items == 2 * sequence


async def test_a_viewer_with_latest_is_fresh_when_it_comes_back() -> None:
    """It gets what was in flight, then the newest frame and every peripheral, and sees the gap."""
    queue = {"size": 64, "frame": {"size": 4, "overflow": "latest"}}
    async with on_air(settings(client_queue=queue)) as running, stalled_client(running) as raw:
        newest = await running.until_behind(100_000)
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


async def test_nothing_is_written_while_the_transport_calls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """If such a write fails, asyncio reports the connection as lost twice."""
    calling_back = False
    written_inside: list[int] = []
    resume = StreamConnection.resume_writing

    def resume_writing(connection: StreamConnection) -> None:
        nonlocal calling_back
        calling_back = True
        resume(connection)
        calling_back = False

    monkeypatch.setattr(StreamConnection, "resume_writing", resume_writing)
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        newest = await running.until_behind(100_000)
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage] # the real one
        watched = Watched(connection.transport, lambda: calling_back, written_inside)
        connection.transport = cast("Any", watched)
        for _ in range(newest):
            await anyio.to_thread.run_sync(raw.message)
        await until(lambda: not running.client().behind)
    assert written_inside == []


class Watched:
    """A transport that notes writes at certain times. Those of uvloop can have no other `write`."""

    def __init__(self, transport: asyncio.Transport, when: Callable[[], bool], noted: list[int]) -> None:
        self._transport = transport
        self._when = when
        self._noted = noted

    def write(self, data: bytes) -> None:
        if self._when():
            self._noted.append(len(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_a_viewer_whose_socket_accepts_nothing_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """After `stall_timeout_s`, with a reset, so that nothing stays queued; it is counted and logged once."""
    async with on_air(settings(stall_timeout_s=0.2)) as running, stalled_client(running) as raw:
        async with connect(running.url, max_size=None, max_queue=None):  # which is not cut off
            await running.until_behind()
            await until(lambda: running.totals.stalled == 1)
            await until(lambda: running.totals.connected == 1)

        def read_on() -> None:
            while raw.socket.recv(1 << 16):
                pass

        with pytest.raises(ConnectionResetError):
            await anyio.to_thread.run_sync(read_on)
    stalls = [record.levelname for record in caplog.records if "accepted no byte" in record.message]
    assert stalls == ["WARNING"]


async def test_a_viewer_that_reads_slowly_is_not_closed() -> None:
    """As long as its socket accepts some bytes."""
    async with on_air(settings(stall_timeout_s=0.4)) as running, stalled_client(running) as raw:
        await running.until_behind(400_000)
        started = anyio.current_time()
        while anyio.current_time() - started < 1.2:
            await anyio.to_thread.run_sync(raw.message)
            running.frame(400_000)
            await anyio.sleep(0.1)  # slow reading is what is tested
        assert running.totals.stalled == 0
        assert running.totals.connected == 1


async def test_a_viewer_with_error_is_closed_with_1013_when_it_is_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Code 1013 means: try again later. The log names it."""
    queue = {"size": 2, "overflow": "error"}
    async with on_air(settings(client_queue=queue)) as running, stalled_client(running) as raw:
        while not running.totals.overflowed and not running.client().queue.dropped.items:
            running.frame(200_000)
            await running.fanned_out()
        last = b""
        with suppress(EOFError):
            while True:
                last = await anyio.to_thread.run_sync(raw.message)
        assert int.from_bytes(last[:2], "big") == 1013
        await until(lambda: running.totals.overflowed == 1)
    (told,) = warnings(caplog)
    assert 'closed: its client_queue was full (overflow = "error")' in told


async def test_a_viewer_is_evicted_for_the_first_reason_alone(caplog: pytest.LogCaptureFixture) -> None:
    """One that is closed as its queue is full may send too much, and accepts no byte, until it is gone."""
    queue = {"size": 2, "overflow": "error"}
    config = settings(client_queue=queue, stall_timeout_s=0.2, max_messages_per_s=1)
    async with on_air(config) as running, stalled_client(running) as raw:
        while not running.client().queue.dropped.items:
            running.frame(200_000)
            await running.fanned_out()
        for _ in range(10):
            raw.pong(b"")
        await until(lambda: not running.totals.connected)
        totals = running.totals
        assert (totals.overflowed, totals.stalled, totals.flooded, totals.silent) == (1, 0, 0, 0)
    assert len(warnings(caplog)) == 1


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
