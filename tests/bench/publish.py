"""What a publish call costs the producer, with 0, 1, 3 and 5 sinks, and with one of three stuck.

    python tests/bench/publish.py [--calls N]

One thread publishes through the whole pipeline (encode, sequence, bus, queues, waking the sinks) while the
event loop with null sinks is otherwise idle. Before each call the producer lets 1 ms pass, in one of two
ways: awake, giving the interpreter away again and again as a busy renderer does, or asleep, after which
caches and processor are cold. Calls without any pause find the loop awake already. Each figure stands beside
two that depend on the machine alone, taken in the same run and the same ways: waking an idle event loop
(`call_soon_threadsafe`), and the bare protobuf and JSON encoding. All cases are open at once and take turns,
a hundred calls each, so that what else the machine does falls on all of them.
"""

import argparse
import asyncio
import json
import logging
import statistics
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from beats.kernel.envelope import Frame, Message, Peripheral
from beats.kernel.ports import Batches
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.streaming_pb2 import JSON_UTF8, StreamEnvelope
from beats.runtime.threads import in_thread

FRAME = Frame(PNG_SIGNATURE + bytes(20_000 - len(PNG_SIGNATURE)))
KNOB = Peripheral("knob-1", {"rotation": 3})
MESSAGES: dict[str, Message] = {"frame 20 kB": FRAME, "peripheral": KNOB}
PAUSE_S = 0.001
Pause = Callable[[], object]


class Figures(NamedTuple):
    """Microseconds for a call."""

    median: float
    p99: float


def asleep() -> None:
    """Let the pause pass asleep."""
    time.sleep(PAUSE_S)


def awake() -> None:
    """Let the pause pass awake, and the event loop have the interpreter whenever it wants it."""
    end_s = time.perf_counter() + PAUSE_S
    while time.perf_counter() < end_s:
        time.sleep(0)


def no_pause() -> None:
    """Call after call."""


class Discard:
    """A sink that takes and forgets."""

    async def run(self, queue: Batches) -> None:
        async for _ in queue:
            pass


class Stuck:
    """A sink that takes one batch and never comes back for more."""

    async def run(self, queue: Batches) -> None:
        await queue.take()
        await asyncio.Event().wait()


class Case:
    """One kind of call, measured in turns with the others."""

    def __init__(self, call: Callable[[], object], warm_up: int = 10) -> None:
        self._call = call
        self._warm_up = warm_up
        self._taken_ns: list[int] = []

    def turn(self, calls: int, pause: Pause) -> None:
        """Make some calls, after those that warm up."""
        for index in range(calls + self._warm_up):
            pause()
            begin_ns = time.perf_counter_ns()
            self._call()
            if index >= self._warm_up:
                self._taken_ns.append(time.perf_counter_ns() - begin_ns)

    def figures(self) -> Figures:
        """Median and 99th percentile of all turns since the last look."""
        taken_ns, self._taken_ns = sorted(self._taken_ns), []
        return Figures(statistics.median(taken_ns) / 1e3, taken_ns[int(len(taken_ns) * 0.99)] / 1e3)


@contextmanager
def publishing(message: Message, sinks: int, stuck: int) -> Generator[Case]:
    """Calls of `publish` with so many sinks, some of them stuck."""
    kernel = Kernel(StreamCodec(), options=KernelOptions(shutdown_timeout_s=0.1))
    for index in range(sinks):
        kernel.add_sink(f"sink-{index}", Stuck() if index < stuck else Discard(), QueueBounds(size=256))
    with in_thread(kernel):
        if stuck:  # its queue is full from the first measured call on
            for _ in range(600):
                kernel.publisher.publish(message)
        yield Case(lambda: kernel.publisher.publish(message))
        stats = kernel.stats()
    for sink in stats.sinks:
        queue = sink.queue
        assert queue.offered.items == queue.taken.items + queue.dropped.items + queue.waiting.items


@contextmanager
def waking() -> Generator[Case]:
    """Calls that wake an idle event loop in another thread."""
    with ExitStack() as stack:
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        yield Case(lambda: loop.call_soon_threadsafe(int))


def bare_frame() -> bytes:
    """What protobuf alone takes for a frame."""
    envelope = StreamEnvelope(sequence=1, captured_unix_ns=1)
    envelope.frame.png_data = FRAME.data
    return envelope.SerializeToString()


def bare_knob() -> bytes:
    """What protobuf and JSON alone take for an update."""
    envelope = StreamEnvelope(sequence=1, captured_unix_ns=1)
    envelope.peripheral.peripheral_info.id = KNOB.id
    envelope.peripheral.payload = json.dumps(KNOB.data, separators=(",", ":")).encode()
    envelope.peripheral.payload_encoding = JSON_UTF8
    return envelope.SerializeToString()


def cases(stack: ExitStack) -> dict[str, Case]:
    """All cases, open until the stack closes."""
    found = {"waking an idle loop": stack.enter_context(waking())}
    found["bare encoding, frame 20 kB"] = Case(bare_frame)
    found["bare encoding, peripheral"] = Case(bare_knob)
    for name, message in MESSAGES.items():
        for sinks, stuck in ((0, 0), (1, 0), (3, 0), (3, 1), (5, 0)):
            label = f"{name}, {sinks} sinks" + (", one stuck" if stuck else "")
            found[label] = stack.enter_context(publishing(message, sinks, stuck))
    return found


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=3000, help="measured calls for each figure")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # the stuck sinks' losses at the end are meant

    rows: dict[str, dict[str, Figures]] = {}
    pauses: dict[str, Pause] = {"awake": awake, "asleep": asleep, "no pause": no_pause}
    with ExitStack() as stack:
        everything = cases(stack)
        for how, pause in pauses.items():
            for _ in range(max(1, options.calls // 100)):
                for case in everything.values():
                    case.turn(100, pause)
            rows[how] = {label: case.figures() for label, case in everything.items()}

    print(f"{'µs for a call':34}" + "".join(f"{how + ': median':>18}{'p99':>8}" for how in rows))
    for label in rows["awake"]:
        found = [rows[how].get(label) for how in rows]
        print(f"{label:34}" + "".join(f"{f.median:18.1f}{f.p99:8.1f}" for f in found if f is not None))
    for how in pauses:
        for name in MESSAGES:
            ratio = rows[how][f"{name}, 3 sinks, one stuck"].median / rows[how][f"{name}, 3 sinks"].median
            print(f"{how}, {name}: one of three sinks stuck / none stuck = {ratio:.2f}")


if __name__ == "__main__":
    main()
