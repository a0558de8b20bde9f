"""How fast the recorder writes beside the `mcap` writer and foxglove-sdk's, and what it costs producers.

    python -m tests.bench.record [--seconds N] [--rounds N] [--folder DIR]

Writing: each contender writes the same messages to a file and closes it, in turns, round after round; the
figures are medians. All write uncompressed chunks of 1 MiB. "recorder" is the sink with batches ready to be
taken, and without fsync, which the peers do not do either; "with fsync" is the sink as it is by default.
"pipeline" is the whole way: a producer's thread publishes into a `block` queue, so nothing is lost.

Producer: what a publish call costs with the recorder as the only sink, and with the null sink, in turns.
"""

import argparse
import gc
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
from mcap.writer import CompressionType, Writer

from beats.adapters.sinks.recorder import RecorderSettings
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope, Frame
from beats.kernel.ports import Context, Sink
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.runtime.threads import in_thread
from tests.adapters.sinks.batches import FakeBatches
from tests.bench.machine import describe
from tests.bench.publish import Case, Discard, Pause, asleep, awake

BATCH: Final = 1024
SIZES: Final = {"120 B": 120, "20 kB": 20_000, "1 MB": 1_000_000}
RATES: Final = {120: 150_000, 20_000: 15_000, 1_000_000: 500}
"""Messages for each second that the bench shall take, about what the bare writer does."""


class Work(NamedTuple):
    """What is to be written."""

    frame: Frame
    envelopes: list[Envelope]


def work(size_bytes: int, seconds: float) -> Work:
    """So many envelopes of one size; they share their bytes, so memory stays small."""
    frame = Frame(PNG_SIGNATURE + bytes(size_bytes - len(PNG_SIGNATURE)))
    codec = StreamCodec()
    encoded = codec.seal(codec.prepare(frame), 1, 1)
    now_ns = time.time_ns()
    count = int(RATES[size_bytes] * seconds)
    return Work(
        frame, [Envelope("frame", "frame", n, now_ns, now_ns + n, frame, encoded) for n in range(1, count)]
    )


def recorder(path: Path, fsync: str) -> RecorderSink:
    """The sink as `build` makes it."""
    settings = RecorderSettings.model_validate(
        {"type": "recorder", "path": str(path), "fsync": fsync, "min_free_bytes": 1}
    )
    return RecorderSink(settings, Context("bench", "bench", SystemClock(), lambda control: None))


def bare(path: Path, given: Work) -> None:
    """The library's writer in a loop."""
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start()
        schema = writer.register_schema("bench", "protobuf", b"")
        channel = writer.register_channel("frame", "protobuf", schema)
        for envelope in given.envelopes:
            writer.add_message(
                channel,
                log_time=envelope.published_unix_ns,
                data=envelope.encoded,
                publish_time=envelope.captured_unix_ns,
                sequence=envelope.sequence,
            )
        writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`


def foxglove(path: Path, given: Work) -> None:
    """foxglove-sdk's writer, in Rust."""
    sdk: Any = importlib.import_module("foxglove")  # an extra: checked without it too
    mcap: Any = importlib.import_module("foxglove.mcap")
    context = sdk.Context()
    schema = sdk.Schema(name="bench", encoding="", data=b"")
    channel = sdk.Channel("frame", message_encoding="raw", schema=schema, context=context)
    options = mcap.MCAPWriteOptions(compression=None, chunk_size=1024 * 1024)
    with sdk.open_mcap(str(path), context=context, writer_options=options):
        for envelope in given.envelopes:
            channel.log(envelope.encoded, log_time=envelope.published_unix_ns)


def ours(fsync: str) -> Callable[[Path, Work], None]:
    """The sink, with batches ready."""

    def run(path: Path, given: Work) -> None:
        count = len(given.envelopes)
        batches = (given.envelopes[start : start + BATCH] for start in range(0, count, BATCH))
        anyio.run(recorder(path, fsync).run, FakeBatches(*batches))

    return run


def pipeline(path: Path, given: Work) -> None:
    """From the producer's call to the file."""
    kernel = Kernel(StreamCodec())
    kernel.add_sink("bench", recorder(path, "never"), QueueBounds(4096, 2**28, "block", 60.0))
    with in_thread(kernel):
        publish = kernel.publisher.publish
        for _ in given.envelopes:
            publish(given.frame)


CONTENDERS: Final[dict[str, Callable[[Path, Work], None]]] = {
    "mcap": bare,
    "foxglove-sdk": foxglove,
    "recorder": ours("never"),
    "with fsync": ours("interval"),
    "pipeline": pipeline,
}


def writing(folder: Path, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Messages a second, by size and contender: medians."""
    rates: dict[str, dict[str, float]] = {}
    for label, size_bytes in SIZES.items():
        given = work(size_bytes, seconds)
        taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for _ in range(rounds):
            for name, contender in CONTENDERS.items():
                path = folder / "bench.mcap"
                gc.collect()
                begin_s = time.perf_counter()
                try:
                    contender(path, given)
                except ModuleNotFoundError:
                    continue
                taken[name].append(len(given.envelopes) / (time.perf_counter() - begin_s))
                path.unlink()
        rates[label] = {name: statistics.median(values) for name, values in taken.items() if values}
    return rates


@contextmanager
def publishing(sink: Sink, frame: Frame) -> Generator[Case]:
    """Publish calls with one sink."""
    kernel = Kernel(StreamCodec())
    kernel.add_sink("bench", sink, QueueBounds(4096, 2**28, "drop_newest"))
    with in_thread(kernel):
        yield Case(lambda: kernel.publisher.publish(frame))


def producing(folder: Path, calls: int) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Median and 99th percentile in µs with the recorder and with the null sink, by size and pause."""
    pauses: dict[str, Pause] = {"awake": awake, "asleep": asleep}
    for label, size_bytes in SIZES.items():
        frame = Frame(PNG_SIGNATURE + bytes(size_bytes - len(PNG_SIGNATURE)))
        path = folder / "bench.mcap"
        with (
            publishing(recorder(path, "interval"), frame) as recorded,
            publishing(Discard(), frame) as discarded,
        ):
            for how, pause in pauses.items():
                for _ in range(calls // 100):
                    recorded.turn(100, pause)
                    discarded.turn(100, pause)
                yield f"{label}, {how}", {"recorder": recorded.figures(), "null": discarded.figures()}
        path.unlink()


def main() -> None:
    """Measure everything and print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="about so long for each figure and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2000, help="publish calls for each figure")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder when left out")
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        rates = writing(folder, options.seconds, options.rounds)
        print(f"\n{'messages/s (MB/s) / mcap':28}" + "".join(f"{name:>28}" for name in CONTENDERS))
        for label, found in rates.items():
            cells = [
                f"{rate:,.0f} ({rate * SIZES[label] / 1e6:,.0f}) {rate / found['mcap']:.2f}"
                for rate in found.values()
            ]
            print(f"{label:28}" + "".join(f"{cell:>28}" for cell in cells))
        print(f"\n{'µs for a publish call':24}{'recorder':>18}{'null':>18}{'ratio of p99':>14}")
        costs = dict(producing(folder, options.calls))
        for label, cost in costs.items():
            cells = [f"{median:.1f} / {p99:.1f}" for median, p99 in cost.values()]
            shown = "".join(f"{cell:>18}" for cell in cells)
            print(f"{label:24}{shown}{cost['recorder'][1] / cost['null'][1]:14.2f}")


if __name__ == "__main__":
    main()
