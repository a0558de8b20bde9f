"""What a publish call costs a program that shows 60 frames a second, with 1 and with 10 viewers.

    python -m tests.bench.call [--seconds N]

The program publishes a frame of 20 kB with `Stream.publish_frame` each sixtieth of a second, to the WebSocket
sink; the viewers read in a process of their own. Until a frame is due the program sleeps, so that caches and
processor are cold at the call, or it draws for half of that time, as a renderer in Python does.

Each figure stands beside others taken in the same run and just as cold: no call at all, which is what the
measuring itself takes; waking an idle event loop in another thread (`call_soon_threadsafe`); and the least
server that one would write by hand. That one encodes with `SerializeToString` in the call, hands over with
`call_soon_threadsafe` to a queue, and broadcasts from it to as many viewers; it checks, bounds and counts
nothing. All cases take turns of a second, so that what else the machine does falls on all of them.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from beats.app import Stream
from beats.proto.streaming_pb2 import StreamEnvelope
from tests.bench.publish import Case, Figures
from tests.support import tiny_png

FPS: Final = 60
PNG: Final = tiny_png() + bytes(20_000 - len(tiny_png()))
VIEWERS: Final = (0, 1, 10)
DRAWING_S: Final = 0.5 / FPS
TIMEOUT_S: Final = 20.0


class Calls:
    """One kind of call, made in turns with the others."""

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self.name: Final = name
        self._cases: Final = {drawing: Case(call, warm_up=0) for drawing in (False, True)}

    def turn(self, *, drawing: bool) -> None:
        """Make the calls of a second, each when it is due."""
        due_s = itertools.count(time.perf_counter() + 1 / FPS, 1 / FPS)
        self._cases[drawing].turn(FPS, lambda: wait_until(next(due_s), drawing=drawing))

    def figures(self, *, drawing: bool) -> Figures:
        """Of all turns."""
        return self._cases[drawing].figures()


def wait_until(due_s: float, *, drawing: bool) -> None:
    """Let the time pass asleep, the last part of it at work if there is something to draw."""
    begin_s = due_s - DRAWING_S if drawing else due_s
    time.sleep(max(0.0, begin_s - time.perf_counter()))
    value = 1
    while drawing and time.perf_counter() < due_s:
        value = value * 1_103_515_245 % 2_147_483_647


@contextmanager
def looping() -> Generator[asyncio.AbstractEventLoop]:
    """An event loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def waking() -> Generator[Calls]:
    """Calls that wake an event loop which has nothing to do."""
    with looping() as loop:
        yield Calls("waking an idle event loop", lambda: loop.call_soon_threadsafe(int))


class Minimal:
    """The least server: a queue, and in the call the encoding and the hand-over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.viewers: Final[set[ServerConnection]] = set()
        self._loop: Final = loop
        self._queue: Final[asyncio.Queue[bytes]] = asyncio.Queue()
        self._sequence = 0

    def publish_frame(self, png: bytes) -> None:
        """Encode and hand over."""
        self._sequence += 1
        envelope = StreamEnvelope(sequence=self._sequence, captured_unix_ns=time.time_ns())
        envelope.frame.png_data = png
        self._loop.call_soon_threadsafe(self._queue.put_nowait, envelope.SerializeToString())

    async def run(self, port: "asyncio.Future[int]") -> None:
        """Serve until cancelled."""

        async def stay(viewer: ServerConnection) -> None:
            self.viewers.add(viewer)
            try:
                await viewer.wait_closed()
            finally:
                self.viewers.discard(viewer)

        async with serve(stay, "127.0.0.1", 0, compression=None) as server:
            port.set_result(next(iter(server.sockets)).getsockname()[1])
            while True:
                broadcast(self.viewers, await self._queue.get())


@contextmanager
def minimal(viewers: int) -> Generator[Calls]:
    """Calls of the least server, while so many viewers read."""
    with ExitStack() as stack:
        loop = stack.enter_context(looping())
        server = Minimal(loop)

        async def start() -> tuple[int, "asyncio.Task[None]"]:
            port = loop.create_future()
            task = asyncio.create_task(server.run(port))
            return await port, task

        async def stop() -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        port, task = asyncio.run_coroutine_threadsafe(start(), loop).result()
        stack.callback(lambda: asyncio.run_coroutine_threadsafe(stop(), loop).result())
        stack.enter_context(watched(f"ws://127.0.0.1:{port}", viewers, lambda: len(server.viewers)))
        yield Calls(f"minimal server, {said(viewers)}", lambda: server.publish_frame(PNG))
        assert len(server.viewers) == viewers, "a viewer left"


@contextmanager
def publishing(viewers: int) -> Generator[Calls]:
    """Calls of `publish_frame`, while so many viewers read."""
    with ExitStack() as stack:
        overrides = {
            "sinks": {"browser": {"port": 0}},
            "kernel": {"event_loop": "asyncio"},
        }  # as the minimal's
        stream = stack.enter_context(Stream.open(overrides=overrides))
        url = stream.sinks["browser"].address.url
        stack.enter_context(watched(url, viewers, lambda: connected(stream)))
        yield Calls(f"publish_frame, {said(viewers)}", lambda: stream.publish_frame(PNG))
        [browser] = stream.stats().sinks
        assert connected(stream) == viewers, "a viewer left"
        assert browser.queue.dropped.items == 0, "the sink dropped frames"


@contextmanager
def watched(url: str, viewers: int, connected: Callable[[], int]) -> Generator[None]:
    """Let so many viewers read, in a process of their own."""
    with ExitStack() as stack:
        if viewers:
            command = [sys.executable, "-m", "tests.bench.call", "--view", url, str(viewers)]
            crowd = subprocess.Popen(command)
            stack.callback(crowd.wait)
            stack.callback(crowd.terminate)
        end_s = time.perf_counter() + TIMEOUT_S
        while connected() < viewers:
            assert time.perf_counter() < end_s, "the viewers do not come"
            time.sleep(0.01)
        yield


def said(viewers: int) -> str:
    """A number of viewers, in words."""
    return "1 viewer" if viewers == 1 else f"{viewers or 'no'} viewers"


def connected(stream: Stream) -> int:
    """How many viewers there are."""
    [browser] = stream.stats().sinks
    assert browser.client_totals is not None
    return browser.client_totals.connected


async def view(url: str, viewers: int) -> None:
    """Read everything, as so many viewers."""

    async def read() -> None:
        async with connect(url, max_size=None, compression=None, proxy=None) as connection:
            async for _ in connection:
                pass

    async with asyncio.TaskGroup() as group:
        for _ in range(viewers):
            group.create_task(read())


def measure(seconds: int) -> list[Calls]:
    """Let all cases take so many turns, in both ways of waiting."""
    with ExitStack() as stack:
        cases = [Calls("no call", lambda: None), stack.enter_context(waking())]
        for viewers in VIEWERS:
            cases += [stack.enter_context(minimal(viewers)), stack.enter_context(publishing(viewers))]
        for _ in range(seconds):
            for drawing in (False, True):
                for case in cases:
                    case.turn(drawing=drawing)
    return cases


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What a publish call costs a program at 60 frames a second.")
    parser.add_argument("--seconds", type=int, default=15, help="turns of a second for each case")
    parser.add_argument("--view", nargs=2, metavar=("URL", "N"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.view:
        asyncio.run(view(given.view[0], int(given.view[1])))
        return
    cases = measure(given.seconds)
    print(f"{'µs: median, p99; ours by minimal':42} {'asleep between calls':>24} {'drawing before':>24}")
    minimum: list[Figures] = []
    for case in cases:
        figures = [case.figures(drawing=drawing) for drawing in (False, True)]
        ratios = ["", ""]
        if case.name.startswith("minimal"):
            minimum = figures
        elif minimum:
            ratios = [
                f"{ours.median / theirs.median:.2f}" for ours, theirs in zip(figures, minimum, strict=True)
            ]
        columns = [
            f"{f.median:8.1f} {f.p99:8.1f} {ratio:>5}" for f, ratio in zip(figures, ratios, strict=True)
        ]
        print(f"{case.name:42} {columns[0]:>24} {columns[1]:>24}")


if __name__ == "__main__":
    main()
