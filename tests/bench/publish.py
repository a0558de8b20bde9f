"""What a publish call costs the producer, with 0, 1, 3 and 5 sinks, and with one of three stuck.

    python tests/bench/publish.py [--json FILE] [--calls N]

One thread publishes through the whole pipeline (encode, sequence, bus, queues, waking the sinks) while the
event loop with null sinks is otherwise idle. Before each call the producer sleeps 1 ms, as a renderer does:
calls that follow each other without a pause are cheaper, since everything is still in the caches and the loop
is awake already; they are shown too. Each figure stands beside two that depend on the machine alone, taken in
the same run: waking an idle event loop (`call_soon_threadsafe`), and the bare protobuf and JSON encoding.
"""

import argparse
import asyncio
import json
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from beats.adapters.running import in_thread
from beats.kernel.envelope import Frame, Message, Peripheral
from beats.kernel.kernel import Kernel, KernelOptions
from beats.kernel.lane import LaneBounds
from beats.kernel.ports import Batches
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.streaming_pb2 import JSON_UTF8, StreamEnvelope

FRAME = Frame(PNG_SIGNATURE + bytes(20_000 - len(PNG_SIGNATURE)))
KNOB = Peripheral("knob-1", {"rotation": 3})
PAUSE_S = 0.001


class Figures(NamedTuple):
    """Microseconds for a call."""

    median: float
    p99: float


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


def measure(call: Callable[[], object], calls: int, pause_s: float) -> Figures:
    """Median and 99th percentile of `calls` calls, after as many as a tenth to warm up."""
    taken_ns: list[int] = []
    for index in range(calls + calls // 10):
        if pause_s:
            time.sleep(pause_s)
        begin_ns = time.perf_counter_ns()
        call()
        if index >= calls // 10:
            taken_ns.append(time.perf_counter_ns() - begin_ns)
    taken_ns.sort()
    return Figures(statistics.median(taken_ns) / 1e3, taken_ns[int(len(taken_ns) * 0.99)] / 1e3)


def publishing(message: Message, sinks: int, stuck: int, calls: int, pause_s: float) -> Figures:
    """The cost of `publish` with so many sinks, some of them stuck."""
    kernel = Kernel(StreamCodec(), options=KernelOptions(shutdown_timeout_s=0.1))
    for index in range(sinks):
        kernel.add_sink(f"sink-{index}", Stuck() if index < stuck else Discard(), LaneBounds(size=256))
    with in_thread(kernel):
        if stuck:  # its queue is full from the first measured call on
            for _ in range(300):
                kernel.publisher.publish(message)
        figures = measure(lambda: kernel.publisher.publish(message), calls, pause_s)
        stats = kernel.stats()
    for sink in stats.sinks:
        queue = sink.queue
        assert queue.offered.items == queue.taken.items + queue.dropped.items + queue.waiting.items
    return figures


def waking(calls: int) -> Figures:
    """The cost of waking an idle event loop in another thread."""
    with ExitStack() as stack:
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        return measure(lambda: loop.call_soon_threadsafe(int), calls, PAUSE_S)


def bare_frame() -> bytes:
    """What protobuf alone takes for a frame."""
    envelope = StreamEnvelope(sequence=1, captured_unix_ns=1)
    envelope.frame.png_data = FRAME.png_data
    return envelope.SerializeToString()


def bare_knob() -> bytes:
    """What protobuf and JSON alone take for an update."""
    envelope = StreamEnvelope(sequence=1, captured_unix_ns=1)
    envelope.peripheral.peripheral_info.id = KNOB.id
    envelope.peripheral.payload = json.dumps(KNOB.data, separators=(",", ":")).encode()
    envelope.peripheral.payload_encoding = JSON_UTF8
    return envelope.SerializeToString()


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=3000, help="measured calls for each figure")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    calls: int = options.calls

    rows: dict[str, Figures] = {"waking an idle loop": waking(calls)}
    rows["bare encoding, frame 20 kB"] = measure(bare_frame, calls, PAUSE_S)
    rows["bare encoding, peripheral"] = measure(bare_knob, calls, PAUSE_S)
    for name, message in (("frame 20 kB", FRAME), ("peripheral", KNOB)):
        for sinks, stuck in ((0, 0), (1, 0), (3, 0), (5, 0), (3, 1)):
            label = f"{name}, {sinks} sinks" + (", one stuck" if stuck else "")
            rows[label] = publishing(message, sinks, stuck, calls, PAUSE_S)
        rows[f"{name}, 3 sinks, no pause"] = publishing(message, 3, 0, 10 * calls, 0.0)

    print(f"{'µs for a call':34}{'median':>10}{'p99':>10}")
    for label, figures in rows.items():
        print(f"{label:34}{figures.median:10.1f}{figures.p99:10.1f}")
    for name in ("frame 20 kB", "peripheral"):
        ratio = rows[f"{name}, 3 sinks, one stuck"].median / rows[f"{name}, 3 sinks"].median
        print(f"{name}: one of three sinks stuck / none stuck = {ratio:.2f}")
    if options.json is not None:
        options.json.write_text(json.dumps({label: row._asdict() for label, row in rows.items()}, indent=2))


if __name__ == "__main__":
    main()
