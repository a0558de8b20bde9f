"""Hosts where there are no namespaces: all on loopback, with a proxy of ours on every way between two.

A proxy carries bytes, not packets. A lost packet is one that comes later, as TCP would send it again; what is
on the way when a line is cut waits until it is mended, and no end of either side is told meanwhile. A
connection that is made over a cut line is accepted by this machine, and hears nothing.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from tests.line import Line, Way
from tests.support import TIMEOUT_S, Program

_LOOPBACK: Final = "127.0.0.1"
_PIECE_BYTES: Final = 16 * 1024
_UNDER_WAY: Final = 128
"""Pieces that may be on a way at once; then the sender's own buffers fill."""
_RESEND_S: Final = 0.2
"""What TCP waits at least before it sends a packet again: RFC 6298, as Linux has it."""


class Proxy:
    """Carries what goes to one port, from an event loop in a thread of its own, while the block lasts."""

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
        self._server: asyncio.Server = await asyncio.start_server(self._accept, _LOOPBACK, 0)
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
                far_reader, far_writer = await asyncio.open_connection(_LOOPBACK, self._target)
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


class Host:
    """A machine of its own as far as its ways to others go."""

    def __init__(self, line: Line, stack: ExitStack) -> None:
        self.address: Final = _LOOPBACK
        self.line: Final = line
        self._stack: Final = stack

    def start(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], stdin: int | None = None
    ) -> Program:
        """Start a program on it; a context manager."""
        return Program(arguments, cwd, environment, stdin)

    def way_to(self, other: "Host", port: int) -> tuple[str, int]:
        """The address and port under which it reaches a port of another host."""
        if other is self:
            return _LOOPBACK, port
        return _LOOPBACK, self._stack.enter_context(Proxy(port, self.line, other.line)).port

    def pull_the_plug(self) -> None:
        """Cut its line; the rest of it can go on only because loopback is no line."""
        self.line.cut()

    def plug_in(self) -> None:
        """Mend its line."""
        self.line.mend()


@contextmanager
def hosts(**lines: Line) -> Generator[dict[str, Host]]:
    """Hosts by their names, each with its line."""
    with ExitStack() as stack:
        yield {name: Host(line, stack) for name, line in lines.items()}
