"""How true to time a replay is, beside a bare event loop that wakes for the same moments.

    python -m tests.bench.replay [--seconds N]

Timing: a recording of 60 frames of 20 kB and 20 updates a second, uneven as a live one is, is played at
speeds 1 and 10 into a null sink; the error of an envelope is when it came onto the bus after the first one,
less when it was due. "timers" is a loop that only sleeps until each of these moments. Throughput: the same
recording at speed `max` into a null sink and into a recorder, both with `block`, so that nothing is lost.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from beats.adapters.sinks.recorder import RecorderSettings
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.adapters.sources.replay import ReplaySettings
from beats.adapters.sources.replay.source import ReplaySource
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope, Frame, Message, Peripheral, topic_of
from beats.kernel.ports import Context, Sink
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.recordings.format import RecordedMessage
from beats.recordings.writing import RecordingFile
from tests.bench.machine import describe
from tests.bench.publish import Discard

FRAMES_HZ: Final = 60
UPDATES_HZ: Final = 20
FRAME: Final = Frame(PNG_SIGNATURE + bytes(20_000 - len(PNG_SIGNATURE)))
CONTEXT: Final = Context("bench", "bench", SystemClock(), lambda control: None)


class Timing(NamedTuple):
    """How far from their moments envelopes were."""

    median_ms: float
    p99_ms: float
    worst_ms: float
    duration_error: float
    """Of the whole, as a fraction."""


def tape(path: Path, seconds: float) -> list[float]:
    """Write a recording; gives when each of its envelopes is due, in seconds from the first."""
    chance = random.Random(7)
    moments: list[tuple[float, Message]] = [
        (n / FRAMES_HZ + chance.uniform(0, 0.004), FRAME) for n in range(int(seconds * FRAMES_HZ))
    ]
    moments += [
        (n / UPDATES_HZ + chance.uniform(0, 0.004), Peripheral("knob", n))
        for n in range(int(seconds * UPDATES_HZ))
    ]
    moments.sort(key=lambda moment: moment[0])
    codec, file = StreamCodec(), RecordingFile(path, {}, "none")
    sequences: dict[str, int] = {}
    begin_ns = time.time_ns()
    for at_s, message in moments:
        topic = topic_of(message)
        sequence = sequences[topic] = sequences.get(topic, 0) + 1
        at_ns = begin_ns + round(at_s * 1e9)
        file.append(
            RecordedMessage(
                topic, sequence, at_ns, at_ns, codec.seal(codec.prepare(message), sequence, at_ns)
            )
        )
    file.close()
    return [at_s - moments[0][0] for at_s, _ in moments]


def timing(came_s: Sequence[float], due_s: Sequence[float]) -> Timing:
    """The errors, counted from the first envelope."""
    assert len(came_s) == len(due_s)
    errors = [abs((came - came_s[0]) - due) for came, due in zip(came_s, due_s, strict=True)]
    took_s = came_s[-1] - came_s[0]
    errors_ms = sorted(error * 1e3 for error in errors)
    p99_ms = errors_ms[int(len(errors_ms) * 0.99)]
    return Timing(errors_ms[len(errors_ms) // 2], p99_ms, errors_ms[-1], abs(took_s - due_s[-1]) / due_s[-1])


async def play(path: Path, speed: float | str, sink: Sink) -> list[float]:
    """Play a recording into a sink; gives when each envelope came onto the bus."""
    came_s: list[float] = []

    def note(envelope: Envelope) -> None:
        came_s.append(time.perf_counter())

    kernel = Kernel(StreamCodec())
    kernel.bus.connect("frame", note)
    kernel.bus.connect("peripheral", note)
    settings = ReplaySettings.model_validate({"type": "replay", "path": str(path), "speed": speed})
    kernel.add_source("bench", ReplaySource(settings, CONTEXT))
    kernel.add_sink("bench", sink, QueueBounds(4096, 2**28, "block", 60.0))
    await kernel.run()
    assert kernel.stats().sinks[0].queue.dropped.items == 0
    return came_s


async def timers(due_s: Sequence[float]) -> list[float]:
    """What a loop that does nothing else makes of the same moments."""
    came_s: list[float] = []
    begin_s = anyio.current_time()
    for due in due_s:
        await anyio.sleep_until(begin_s + due)
        came_s.append(time.perf_counter())
    return came_s


def main() -> None:
    """Measure everything and print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the recording")
    options = parser.parse_args()
    print(describe())
    rows: dict[str, Timing] = {}
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bench.mcap"
        due_s = tape(path, options.seconds)
        rows["timers"] = timing(anyio.run(timers, due_s), due_s)
        for speed in (1.0, 10.0):
            came_s = anyio.run(play, path, speed, Discard())
            rows[f"replay, speed {speed:g}"] = timing(came_s, [due / speed for due in due_s])
        written = Path(name) / "again.mcap"
        again = RecorderSettings.model_validate(
            {"type": "recorder", "path": str(written), "min_free_bytes": 1}
        )
        sinks: dict[str, Sink] = {"null": Discard(), "recorder": RecorderSink(again, CONTEXT)}
        for label, sink in sinks.items():
            begin_s = time.perf_counter()
            rates[label] = len(anyio.run(play, path, "max", sink)) / (time.perf_counter() - begin_s)
    print(f"\n{'error, ms':24}{'median':>10}{'p99':>10}{'worst':>10}{'of the whole':>14}")
    for label, found in rows.items():
        shown = "".join(f"{value:10.2f}" for value in found[:3])
        print(f"{label:24}{shown}{found.duration_error:14.4%}")
    for label, rate in rates.items():
        print(f"speed max into {label}: {rate:,.0f} envelopes/s")


if __name__ == "__main__":
    main()
