"""Lines between machines, and what carries bytes or packets over them as late and as badly as they say."""

import asyncio
import heapq
import math
import os
import random
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final, NamedTuple, Self

from tests.support import TIMEOUT_S

PACKET_BYTES: Final = 1500
_ANY_PACKET_BYTES: Final = 65536
_IPV4: Final = 4
_BATCH: Final = 64
LOOPBACK: Final = "127.0.0.1"
_PIECE_BYTES: Final = 16 * 1024
_UNDER_WAY: Final = 128
"""Pieces that may be on a way at once; then the sender's own buffers fill."""
_RESEND_S: Final = 0.2
"""What TCP waits at least before it sends a packet again: RFC 6298, as Linux has it."""


class Line:
    """One machine's line to all others: the same both ways. Its settings may change at any time."""

    def __init__(
        self,
        delay_s: float = 0.0,
        jitter_s: float = 0.0,
        loss: float = 0.0,
        bytes_per_s: float = math.inf,
        buffer_s: float = 0.2,
    ) -> None:
        """Lay a line.

        Args:
            delay_s: how long everything is on its way, in each direction.
            jitter_s: how much longer or shorter that may be, evenly spread; nothing overtakes.
            loss: the part of all packets that never arrives.
            bytes_per_s: how much goes through.
            buffer_s: how long what waits before it may take to go through; more is lost.
        """
        self.delay_s = delay_s
        self.jitter_s = jitter_s
        self.loss = loss
        self.bytes_per_s = bytes_per_s
        self.buffer_s = buffer_s
        self._is_cut = False
        self._watchers: Final[list[Callable[[], object]]] = []

    @property
    def is_cut(self) -> bool:
        """Whether nothing goes through."""
        return self._is_cut

    def cut(self) -> None:
        """From here on nothing arrives, and neither end is told."""
        self._change(is_cut=True)

    def mend(self) -> None:
        """It is as before."""
        self._change(is_cut=False)

    def watch(self, watcher: Callable[[], object]) -> None:
        """Call this after each cut and each repair, in the thread that did it."""
        self._watchers.append(watcher)

    def _change(self, *, is_cut: bool) -> None:
        self._is_cut = is_cut
        for watcher in self._watchers:
            watcher()


class Way:
    """One direction of a line."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line: Final = line
        self._chance: Final = random.Random(seed)
        self._free_s = 0.0
        """When the last byte that was let in has left the buffer."""
        self._last_s = 0.0

    def arrival_s(self, now_s: float, size: int) -> float | None:
        """When `size` bytes that are sent now arrive; None when they never do."""
        is_full = self._free_s - now_s > self.line.buffer_s
        return None if is_full or self.is_lost(size) else self.passage_s(now_s, size)

    def is_lost(self, size: int) -> bool:
        """Whether any packet of these is lost on its way."""
        packets = math.ceil(size / PACKET_BYTES)
        return self.line.is_cut or self._chance.random() >= (1 - self.line.loss) ** packets

    def passage_s(self, now_s: float, size: int) -> float:
        """When they arrive, if nothing is lost."""
        line = self.line
        self._free_s = max(now_s, self._free_s) + size / line.bytes_per_s
        delay_s = line.delay_s + self._chance.uniform(-line.jitter_s, line.jitter_s)
        self._last_s = max(self._last_s, self._free_s + max(0.0, delay_s))
        return self._last_s


class Port(NamedTuple):
    """Where one host is plugged in."""

    device: int
    """The descriptor of its TUN device, which reads and writes one IP packet at a time."""
    line: Line


class _Plugged:
    def __init__(self, port: Port, seed: int) -> None:
        self.device: Final = port.device
        self.out: Final = Way(port.line, 2 * seed)
        self.back: Final = Way(port.line, 2 * seed + 1)


class Switch:
    """Carries packets between hosts from a thread of its own, as long as the `with` block lasts.

    The kernel's own `tc netem` does the same, but is not built in everywhere; this needs nothing but TUN
    devices, and can be told to lose a packet at a moment that a test chooses.
    """

    def __init__(self, ports: Mapping[bytes, Port]) -> None:
        """Plug hosts in, by their addresses of four bytes."""
        self._ports: Final = {
            address: _Plugged(port, seed) for seed, (address, port) in enumerate(ports.items())
        }
        self._on_the_way: Final[list[tuple[float, int, bool, _Plugged, bytes]]] = []
        """When, in which order, whether on the second line already, to whom, and what."""
        self._numbers: Final = count()
        self._selector: Final = selectors.DefaultSelector()
        self._stop_read, self._stop_write = os.pipe()
        self._thread: Final = threading.Thread(target=self._run, name="switch")

    def __enter__(self) -> Self:
        self._selector.register(self._stop_read, selectors.EVENT_READ)
        for port in self._ports.values():
            os.set_blocking(port.device, False)
            self._selector.register(port.device, selectors.EVENT_READ, port)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b".")
        self._thread.join()
        self._selector.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _run(self) -> None:
        while True:
            timeout_s = max(0.0, self._on_the_way[0][0] - time.monotonic()) if self._on_the_way else None
            for key, _ in self._selector.select(timeout_s):
                if key.data is None:
                    return
                self._read(key.data)
            self._deliver()

    def _read(self, source: _Plugged) -> None:
        """Take what a host sends."""
        for _ in range(_BATCH):
            try:
                packet = os.read(source.device, _ANY_PACKET_BYTES)
            except OSError:  # there is no more, or its device is down
                return
            target = self._ports.get(packet[16:20]) if packet[0] >> 4 == _IPV4 else None
            if target is None:
                continue  # IPv6 looks for neighbours by itself
            self._send(source.out, time.monotonic(), target, packet, is_last=False)

    def _send(self, way: Way, now_s: float, target: _Plugged, packet: bytes, *, is_last: bool) -> None:
        due_s = way.arrival_s(now_s, len(packet))
        if due_s is not None:
            heapq.heappush(self._on_the_way, (due_s, next(self._numbers), is_last, target, packet))

    def _deliver(self) -> None:
        """Hand over what has arrived by now; what was on a line when it was cut is gone."""
        now_s = time.monotonic()
        while self._on_the_way and self._on_the_way[0][0] <= now_s:
            due_s, _, is_last, target, packet = heapq.heappop(self._on_the_way)
            if not is_last:
                # Not before it is there: on the second line nothing waits for what is still on the first.
                self._send(target.back, due_s, target, packet, is_last=True)
                continue
            if target.back.line.is_cut:
                continue
            try:
                os.write(target.device, packet)
            except OSError:  # its device is down
                continue


class Proxy:
    """Carries what goes to one port, from an event loop in a thread of its own, while the block lasts.

    A proxy carries bytes, not packets. A lost packet is one that comes later, as TCP would send it again;
    what is on the way when a line is cut waits until it is mended, and neither side is told meanwhile. A
    connection that is made over a cut line is accepted by this machine, and hears nothing.
    """

    def __init__(self, port: int, *lines: Line) -> None:
        """Prepare to carry connections to a port of loopback over lines, one after the other."""
        self.port = 0
        """Where it listens."""
        self._target: Final = port
        self._lines: Final = lines
        self._seeds = 0
        self._loop: Final = asyncio.new_event_loop()
        self._whole: Final = asyncio.Event()
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._thread: Final = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._begin())
        for line in self._lines:
            line.watch(self._changed)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_S)

    def _changed(self) -> None:
        if not self._loop.is_closed():  # a line may outlive it
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        if any(line.is_cut for line in self._lines):
            self._whole.clear()
        else:
            self._whole.set()

    async def _begin(self) -> None:
        self._server: asyncio.Server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._look()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            try:
                far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target)
            except OSError:
                return
            try:
                async with asyncio.TaskGroup() as group:
                    for ends in ((reader, far_writer), (far_reader, writer)):
                        group.create_task(self._carry(*ends))
            except* OSError:  # one end was reset, and the other is to hear of it
                pass
            finally:
                far_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its end has arrived."""
        self._seeds += 1
        ways = [Way(line, 100 * self._seeds + number) for number, line in enumerate(self._lines)]
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(queue, writer))
            data = b"."
            while data:
                data = await reader.read(_PIECE_BYTES)
                await queue.put((self._due_s(ways, len(data)), data))

    async def _deliver(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due_s, data = await queue.get()
            await asyncio.sleep(due_s - time.monotonic())
            await self._whole.wait()
            if not data:
                break
            writer.write(data)
            await writer.drain()
        with suppress(OSError):  # it has ended as well
            writer.write_eof()

    def _due_s(self, ways: Sequence[Way], size: int) -> float:
        due_s = time.monotonic()
        for way in ways:
            pause_s = 0.0
            while way.is_lost(size) and not way.line.is_cut:
                pause_s = 2 * pause_s or _RESEND_S
            due_s = way.passage_s(due_s, size) + pause_s
        return due_s
