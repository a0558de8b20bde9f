"""How much is on its way to a viewer that is behind: on lines in virtual time, and from a real sink."""

import heapq
import random
from itertools import count
from typing import NamedTuple

import anyio
import anyio.to_thread
import pytest

from beats.adapters.sinks.websocket.pacing import Pacer
from tests.adapters.sinks.websocket.support import (
    CODEC,
    PING,
    ROOMY,
    RawClient,
    Running,
    exact,
    on_air,
    settings,
    stalled_client,
    until,
)

SIZE = 20_000
FPS = 60
DELAY_S = 0.02
SETTLED_S = 3.0
FOREVER = float("inf")

pytestmark = pytest.mark.anyio


class Outcome(NamedTuple):
    """Of what arrived after the line was known."""

    fps: float
    p50_s: float
    p99_s: float


class Line:
    """One with an endless queue, on which nothing overtakes."""

    def __init__(
        self,
        bytes_per_s: float,
        jitter_s: float = 0.0,
        loss: float = 0.0,
        delay_s: float = DELAY_S,
        late_s: tuple[float, float] = (0.0, 0.0),
        answers_each: int = 1,
    ) -> None:
        self.bytes_per_s = bytes_per_s
        self.delay_s = delay_s
        self._late_s = late_s
        """How late the viewer at its end answers a ping."""
        self._answers_each = answers_each
        """The viewer answers each second one, or third, and so on."""
        self._asked = 0
        self._jitter_s = jitter_s
        self._loss = loss
        self._chance = random.Random(1)
        self._free_s = self._there_s = self._back_s = 0.0

    def there_s(self, size: int, now_s: float) -> float:
        """When bytes that are sent now arrive; a lost packet is sent once more."""
        self._free_s = max(self._free_s, now_s) + size / self.bytes_per_s
        is_lost = self._chance.random() < size / 1500 * self._loss
        again_s = 3 * self.delay_s if is_lost else 0.0
        self._there_s = max(self._there_s, self._free_s + self._passage_s() + again_s)
        return self._there_s

    def back_s(self, there_s: float) -> float | None:
        """When their acknowledgement arrives; None if there is none."""
        self._asked += 1
        if self._asked % self._answers_each:
            return None
        answered_s = there_s + self._chance.uniform(*self._late_s)
        self._back_s = max(self._back_s, answered_s + self._passage_s())
        return self._back_s

    def _passage_s(self) -> float:
        return max(0.0, self.delay_s + self._chance.uniform(-self._jitter_s, self._jitter_s))


def stream(line: Line, pacer: Pacer, begin_s: float = 0.0, seconds: float = 12.0) -> Outcome:
    """Send the newest of 60 frames a second, as the pacer says."""
    numbers = count()
    events = [(begin_s + number / FPS, next(numbers), "frame", 0) for number in range(int(seconds * FPS))]
    newest_s: float | None = None
    arrived: list[tuple[float, float]] = []
    while events:
        now_s, _, what, number = heapq.heappop(events)
        if what == "frame":
            newest_s = now_s
        elif what == "acknowledgement":
            pacer.acknowledged(number, now_s)
        if newest_s is None:
            continue
        if wait_s := pacer.wait_s(now_s):
            if wait_s < FOREVER:
                heapq.heappush(events, (now_s + wait_s + 1e-6, next(numbers), "turn", 0))
            continue
        number = pacer.sent(SIZE, now_s)
        there_s = line.there_s(SIZE, now_s)
        arrived.append((there_s - begin_s, there_s - newest_s))
        newest_s = None
        back_s = line.back_s(there_s)
        if back_s is not None:
            heapq.heappush(events, (back_s, next(numbers), "acknowledgement", number))
    ages = sorted(age_s for at_s, age_s in arrived if SETTLED_S < at_s < seconds)
    return Outcome(len(ages) / (seconds - SETTLED_S), ages[len(ages) // 2], ages[int(len(ages) * 0.99)])


@pytest.mark.parametrize("bytes_per_s", [250e3, 600e3, 1.1e6, 20e6])
def test_a_line_is_used_and_its_queue_stays_short(bytes_per_s: float) -> None:
    """Nearly every frame that fits comes, and hardly later than over a line on which nothing waits."""
    found = stream(Line(bytes_per_s), Pacer())
    frame_s = SIZE / bytes_per_s
    assert found.fps >= 0.97 * min(FPS, bytes_per_s / SIZE)
    assert found.p50_s <= DELAY_S + 1.15 * frame_s + 1 / FPS
    assert found.p99_s <= DELAY_S + 1.5 * frame_s + 1.1 / FPS


@pytest.mark.parametrize(("bytes_per_s", "least"), [(250e3, 0.95), (600e3, 0.95), (20e6, 0.9)])
def test_jitter_and_losses_do_not_starve_a_line(bytes_per_s: float, least: float) -> None:
    """What comes late by chance is no queue. At 20 MB/s there is nothing to wait for at all."""
    found = stream(Line(bytes_per_s, jitter_s=DELAY_S, loss=0.01), Pacer())
    assert found.fps >= least * min(FPS, bytes_per_s / SIZE)
    assert found.p50_s <= 0.25
    assert found.p99_s <= 0.4


@pytest.mark.parametrize(
    ("bytes_per_s", "delay_s"), [(250e3, 0.3), (600e3, 0.3), (1.1e6, 0.3), (20e6, 0.3), (1e6, 0.1)]
)
def test_a_long_line_is_filled(bytes_per_s: float, delay_s: float) -> None:
    """Many frames are on their way at once there, and each correction shows a round trip later."""
    line, pacer = Line(bytes_per_s, delay_s=delay_s), Pacer()
    stream(line, pacer)
    found = stream(line, pacer, begin_s=13.0)
    assert found.fps >= 0.95 * min(FPS, bytes_per_s / SIZE)
    assert found.p50_s <= delay_s + 1.6 * SIZE / bytes_per_s + 1 / FPS


@pytest.mark.parametrize("bytes_per_s", [250e3, 600e3, 1.1e6, 20e6])
@pytest.mark.parametrize(
    ("late_s", "answers_each"), [((0.2, 0.2), 1), ((0.15, 0.3), 1), ((0.0, 0.0), 2), ((0.0, 0.0), 3)]
)
def test_a_viewer_loses_nothing_by_its_answers(
    bytes_per_s: float, late_s: tuple[float, float], answers_each: int
) -> None:
    """It reads at once, but its answers come late, or not to each ping."""
    line, pacer = Line(bytes_per_s, late_s=late_s, answers_each=answers_each), Pacer()
    marked(line, pacer, bytes_per_s / 4)
    stream(line, pacer, begin_s=1.0)
    found = stream(line, pacer, begin_s=13.0)
    assert found.fps >= 0.93 * min(FPS, bytes_per_s / SIZE)
    assert found.p50_s <= DELAY_S + late_s[1] + 2 * SIZE / bytes_per_s + 1 / FPS


@pytest.mark.parametrize("bytes_per_s", [40e3, 10e3, 5e3])
def test_what_lies_before_a_mark_tells_how_fast_a_very_slow_line_is(bytes_per_s: float) -> None:
    """From the first frame on an acknowledgement may take as long as the line needs."""
    line, pacer = Line(bytes_per_s), Pacer()
    known_s = marked(line, pacer, 4 * bytes_per_s)
    assert pacer.bytes_per_s == pytest.approx(bytes_per_s, rel=0.1)
    pacer.sent(SIZE, known_s)
    assert pacer.overdue_in_s(known_s + 2 * SIZE / bytes_per_s) > 0
    found = stream(line, Pacer(), begin_s=20.0, seconds=100.0)
    assert found.fps >= 0.93 * bytes_per_s / SIZE
    assert found.p50_s <= 3 * SIZE / bytes_per_s


def marked(line: Line, pacer: Pacer, size: float) -> float:
    """Put a mark behind so many bytes that are on the line already; when it is acknowledged."""
    number, back_s = pacer.mark(int(size), 0.0), None
    there_s = line.there_s(int(size), 0.0)
    while back_s is None:
        back_s = line.back_s(there_s)
    pacer.acknowledged(number, back_s)
    return back_s


@pytest.mark.parametrize(("before", "after"), [(250e3, 600e3), (600e3, 250e3)])
def test_a_line_that_changes_is_followed(before: float, after: float) -> None:
    """Both ways: the rate that was measured before counts for a moment only."""
    line, pacer = Line(before), Pacer()
    stream(line, pacer)
    line.bytes_per_s = after
    found = stream(line, pacer, begin_s=13.0)
    assert found.fps >= 0.95 * after / SIZE
    assert found.p99_s <= DELAY_S + 2.2 * SIZE / after + 1 / FPS


def test_a_delay_that_grew_is_found_when_the_line_is_emptied() -> None:
    """The old one counts for ten seconds at most, and makes nobody wait for ever."""
    line, pacer = Line(600e3), Pacer()
    stream(line, pacer)
    line.delay_s = 3 * DELAY_S
    stream(line, pacer, begin_s=13.0)
    found = stream(line, pacer, begin_s=26.0)
    assert found.fps >= 0.95 * 600e3 / SIZE
    assert pacer.delay_s == pytest.approx(6 * DELAY_S, rel=0.1)


def test_the_first_that_is_sent_is_waited_for() -> None:
    """Nothing is known of the line before. A mark behind what was sent before comes first."""
    pacer = Pacer()
    mark = pacer.mark(0, 0.0)
    assert pacer.wait_s(1.0) == FOREVER
    pacer.acknowledged(mark, 1.0)
    assert pacer.wait_s(1.0) == 0.0
    number = pacer.sent(SIZE, 1.0)
    assert pacer.wait_s(2.0) == FOREVER
    pacer.acknowledged(number, 1.1)
    assert round(pacer.bytes_per_s) == 200_000
    assert pacer.wait_s(1.1) == 0.0


def test_a_viewer_that_answers_no_more_is_not_waited_for() -> None:
    """After a second and a few round trips what its socket accepts decides again."""
    pacer = Pacer()
    assert pacer.overdue_in_s(0.0) == FOREVER
    pacer.acknowledged(pacer.sent(SIZE, 0.0), 0.1)
    assert pacer.overdue_in_s(100.0) == FOREVER
    pacer.sent(SIZE, 100.0)
    assert pacer.overdue_in_s(100.0) == pytest.approx(1.4)
    assert pacer.overdue_in_s(101.5) < 0


def test_small_envelopes_are_sent_together() -> None:
    """Each time costs a ping and its pong: there are at most 250 a second, and 64 on their way."""
    pacer, now_s = Pacer(), 0.1
    pacer.acknowledged(pacer.sent(100_000, 0.0), 0.1)
    assert pacer.room_bytes == 20_000
    pings = 0
    while (wait_s := pacer.wait_s(now_s)) < FOREVER:
        assert wait_s == pytest.approx(0.0, abs=1e-5) or wait_s >= 0.0039
        now_s += wait_s
        if not wait_s:
            pacer.sent(1, now_s)
            pings += 1
    assert pings == 64


async def read(raw: RawClient) -> int:
    """Read one frame of the stream, with the ping before it, if there is one, which is answered; its size."""
    opcode, data = await anyio.to_thread.run_sync(raw.frame)
    while opcode == PING:
        raw.pong(data)
        opcode, data = await anyio.to_thread.run_sync(raw.frame)
    return len(data)


async def becomes_known(raw: RawClient, running: Running) -> None:
    """Publish and read two updates, so that the viewer answers a ping."""
    for value in (1, 2):
        running.knob(value)
        await read(raw)
    await until(lambda: running.client().age_s is not None)


async def slowly_read(raw: RawClient, running: Running, frames: int) -> int:
    """Publish three frames of 20 kB for each that is read; how many bytes were read."""
    read_bytes = 0
    for number in range(frames):
        running.frame(SIZE)
        await running.fanned_out()
        if number % 3 == 0:
            await anyio.sleep(0.01)
            read_bytes += await read(raw)
    return read_bytes


async def test_a_viewer_that_stays_behind_has_little_on_its_way() -> None:
    """What it does not read in time waits in its queue, where `latest` replaces it, and not in the socket."""
    queue = {"size": 64, "overflow": "latest"}
    config = settings(client_queue=queue, queue=ROOMY)
    async with on_air(config) as running, stalled_client(running, 200_000) as raw:
        await becomes_known(raw, running)
        await running.until_behind(SIZE)
        assert running.client().queue.taken.bytes > 10 * SIZE
        read_bytes = await slowly_read(raw, running, 300)
        assert running.client().behind
        assert running.client().queue.taken.bytes - read_bytes <= 8 * SIZE
        assert exact(running.client().queue)


async def test_a_paced_viewer_that_stops_reading_is_cut_off() -> None:
    """While its answer is awaited nothing is written: what its socket still holds shows that it is stuck."""
    config = settings(stall_timeout_s=0.5, client_queue={"size": 64, "overflow": "latest"}, queue=ROOMY)
    async with on_air(config) as running, stalled_client(running) as raw:
        await becomes_known(raw, running)
        await running.until_behind(SIZE)
        await slowly_read(raw, running, 150)
        running.frame(SIZE)
        await until(lambda: running.totals.stalled == 1)


async def test_a_viewer_that_stops_answering_gets_the_stream_all_the_same() -> None:
    """After a second or so it is served as one that never answers."""
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        await becomes_known(raw, running)
        await running.until_behind(SIZE)
        await slowly_read(raw, running, 30)
        newest = running.frame(SIZE)
        seen = 0
        while seen < newest:
            opcode, data = await anyio.to_thread.run_sync(raw.frame)
            if opcode != PING:
                seen = CODEC.decode(data).sequence
        assert running.client().queue.dropped.items == 0
