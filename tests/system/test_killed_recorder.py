"""What a killed recording process leaves behind."""

import os
import signal
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import pytest

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope, Frame, Peripheral
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.proto.codec import StreamCodec
from beats.recordings.copying import recover
from beats.runtime.registry import SOURCES
from tests.support import CODEC, TIMEOUT_S, clean_environment, tiny_png
from tests.system.tapes import damages, read_in_node, recorded, strictly_read

COUNTS: Final = (1, 200, 400, 600)
"""After how many publish calls each process is killed; two run at a time. They make about 400 a second."""
FLUSH_INTERVAL_S: Final = 0.3
GRACE_S: Final = 0.2
DELAYS: Final = 4
"""A flush takes a few turns of threads. On a busy machine each may be as late as a publish call was."""
ENTRY: Final = struct.Struct("<BQd")
FRAME_BYTES: Final = 20_000
PROGRAM: Final = f"""
import os, struct, sys, time
from beats.app import Stream
from tests.support import quiet, tiny_png

path, log = sys.argv[1], int(sys.argv[2])
tape = dict(type="recorder", path=path, flush_interval_s={FLUSH_INTERVAL_S}, min_free_bytes=0, fsync="never")
with Stream.open(profile="default", overrides=quiet(tape=tape)) as stream:
    for count in range(10**9):
        is_frame = count % 5 == 0
        if is_frame:
            sequence = stream.publish_frame(tiny_png(count // 5 + 1) + bytes({FRAME_BYTES}))
        else:
            sequence = stream.publish_peripheral("knob", dict(count=count))
        os.write(log, struct.pack("<BQd", is_frame, sequence, time.monotonic()))
        time.sleep(0.002)
"""

pytestmark = pytest.mark.timeout(180)


class Killed(NamedTuple):
    """A process that was killed."""

    path: Path
    at_s: float
    published: list[tuple[str, int, float]]
    """Topic, sequence and time of each publish call that had returned."""

    @property
    def delay_s(self) -> float:
        """The longest time from one publish call to the next: how late a thread of the process may run."""
        times = [when_s for _, _, when_s in self.published]
        return max(after - before for before, after in pairwise([*times, self.at_s]))


class Recorder:
    """A process that records under load, and reports what it has published."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._log, log = os.pipe()
        root = str(Path(__file__).parents[2])
        try:
            self._process: Final = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(path), str(log)],
                cwd=path.parent,
                env=clean_environment(PYTHONPATH=root),
                pass_fds=[log],
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(log)
        self._log_bytes = b""

    def kill_after(self, count: int) -> Killed:
        """Send SIGKILL after so many publish calls."""
        while len(self._log_bytes) < count * ENTRY.size:
            read = os.read(self._log, ENTRY.size)
            assert read, "it ended by itself"
            self._log_bytes += read
        at_s = time.monotonic()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(TIMEOUT_S)
        with os.fdopen(self._log, "rb") as log:
            whole = self._log_bytes + log.read()
        entries = ENTRY.iter_unpack(whole[: len(whole) // ENTRY.size * ENTRY.size])
        topics = {0: "peripheral/knob", 1: "frame"}
        published = [(topics[kind], sequence, when_s) for kind, sequence, when_s in entries]
        return Killed(self.path.with_name(self.path.name + ".part"), at_s, published)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Killed]:
    """Recordings whose process was killed at several moments under load."""
    folder = tmp_path_factory.mktemp("killed")
    found: list[Killed] = []
    for counts in zip(COUNTS[::2], COUNTS[1::2], strict=True):
        recorders = [Recorder(folder / f"{count:03}.mcap") for count in counts]
        found += [each.kill_after(count) for each, count in zip(recorders, counts, strict=True)]
    return found


def check_content(topic: str, sequence: int, encoded: bytes) -> None:
    """An envelope holds what was published with its number."""
    decoded = CODEC.decode(encoded)
    assert (decoded.topic, decoded.sequence) == (topic, sequence)
    payload = decoded.message
    if isinstance(payload, Frame):
        assert payload.data == tiny_png(sequence) + bytes(FRAME_BYTES)
    else:
        assert isinstance(payload, Peripheral)
        # Four knobs follow each frame.
        assert payload.data == {"count": (sequence - 1) // 4 * 5 + (sequence - 1) % 4 + 1}


def test_a_killed_recorder_loses_no_more_than_the_flush_interval(killed: list[Killed]) -> None:
    """Every envelope older than that, and the delays of a busy machine, is there: whole, in order, once."""
    for each in killed:
        messages = recorded(each.path)
        latest_s = each.at_s - FLUSH_INTERVAL_S - GRACE_S - DELAYS * each.delay_s
        for message in messages:
            check_content(*message)
        for topic in ("frame", "peripheral/knob"):
            held = [sequence for name, sequence, _ in messages if name == topic]
            assert held == list(range(1, len(held) + 1))
            due = [
                sequence for name, sequence, when_s in each.published if name == topic and when_s < latest_s
            ]
            assert len(held) >= len(due), (each.path, len(held), len(due))
        assert [damage.cut for damage in damages(each.path)] == [True]


def test_what_a_killed_recorder_left_plays_again(killed: list[Killed]) -> None:
    """Every envelope of each file, byte for byte."""
    for each in killed:
        expected = [encoded for _, _, encoded in recorded(each.path)]
        if expected:
            assert played(each.path) == expected


def played(path: Path) -> list[bytes]:
    """What a replay of a file publishes."""
    seen: list[bytes] = []

    def keep(envelope: Envelope) -> None:
        seen.append(envelope.encoded)

    async def main() -> None:
        kernel = Kernel(StreamCodec())
        kernel.bus.connect("frame", keep)
        kernel.bus.connect("peripheral", keep)
        kind = SOURCES.find("replay")
        settings = kind.settings.model_validate({"type": "replay", "path": str(path), "speed": "max"})
        context = Context("tape", "test", SystemClock(), lambda control: None)
        kernel.add_source("tape", kind.build(settings, context))
        await kernel.run()
        (source,) = kernel.stats().sources
        assert (source.state, source.last_error) == ("ended", "")

    anyio.run(main)
    return seen


def test_what_is_recovered_passes_strict_readers(killed: list[Killed], tmp_path: Path) -> None:
    """The mcap library, with every checksum, and @mcap/core in Node."""
    targets: list[Path] = []
    for index, each in enumerate(killed):
        target = tmp_path / f"{index:02}.mcap"
        if not recorded(each.path):
            continue
        recover(each.path, target, lambda done_bytes: None)
        assert recorded(target) == recorded(each.path)
        assert damages(target) == []
        assert strictly_read(target) == len(recorded(target))
        targets.append(target)
    assert targets
    for target, found in zip(targets, read_in_node(targets), strict=True):
        assert found["withIndex"]["messages"] == found["inOrder"]["messages"] == len(recorded(target))
        assert found["inOrder"]["done"]
