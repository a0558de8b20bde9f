"""Threads that encode pictures: `beats.pictures.encoding`."""

import logging
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beats.kernel.errors import ClosedError
from beats.pictures.encoding import EncodedPicture, EncoderPool, EncoderStats, Shot, encode_shot
from beats.pictures.pixels import Pixels, copy_pixels
from tests.pictures.support import decoded, picture
from tests.support import TIMEOUT_S, until


class Job(NamedTuple):
    """Ends when it is let go."""

    number: int
    go: threading.Event
    fails: bool = False


class Rig:
    """A pool whose jobs the test lets go, and all that it tells."""

    def __init__(self, workers: int = 1) -> None:
        self.begun: Final[SimpleQueue[int]] = SimpleQueue()
        self.told: Final[SimpleQueue[tuple[str, str, int]]] = SimpleQueue()
        self.jobs: Final[list[Job]] = []
        self.on_encoded: Callable[[str, int], object] = lambda _topic, _number: None
        self.pool: Final = EncoderPool[Job, int](
            self._encode,
            workers=workers,
            on_encoded=self._deliver,
            on_given_up=lambda topic, job: self.told.put(("given up", topic, job.number)),
            on_failed=lambda topic, job, _: self.told.put(("failed", topic, job.number)),
        )

    def submit(self, topic: str, *, fails: bool = False) -> int:
        job = Job(len(self.jobs), threading.Event(), fails)
        self.jobs.append(job)
        self.pool.submit(topic, job)
        return job.number

    def begin(self) -> int:
        """The number of the next job that a worker has begun."""
        return self.begun.get(timeout=TIMEOUT_S)

    def let_go(self, *numbers: int) -> None:
        for number in numbers:
            self.jobs[number].go.set()

    def tell(self) -> tuple[str, str, int]:
        """What has become of the next job."""
        return self.told.get(timeout=TIMEOUT_S)

    def end(self) -> None:
        self.let_go(*range(len(self.jobs)))
        self.pool.close(TIMEOUT_S)

    def _encode(self, job: Job) -> int:
        self.begun.put(job.number)
        assert job.go.wait(TIMEOUT_S)
        if job.fails:
            raise ValueError(f"picture {job.number}")
        return job.number

    def _deliver(self, topic: str, job: Job, result: int) -> None:
        assert result == job.number
        self.on_encoded(topic, result)
        self.told.put(("delivered", topic, result))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("beats-encoder")]


def test_results_come_in_order_also_when_the_first_takes_longest() -> None:
    """Jobs of one topic run side by side; a later one waits for the earlier ones."""
    rig = Rig(workers=3)
    for number in range(3):
        rig.submit("frame")
        assert rig.begin() == number
    rig.let_go(2, 1)
    for number in (3, 4):  # of other topics, by the workers that have ended those two
        rig.submit(f"frame/{number}")
    assert {rig.begin(), rig.begin()} == {3, 4}
    assert rig.pool.stats() == EncoderStats(5, 0, 0, 0, waiting=0, running=5)
    rig.let_go(0)
    assert [rig.tell()[2] for _ in range(3)] == [0, 1, 2]
    rig.end()


def test_a_burst_is_begun_by_workers_that_are_idle() -> None:
    """A job is given up for a newer one only when no worker was free, not because one has yet to wake up."""
    rig = Rig(workers=3)
    for _ in range(4):
        rig.submit("frame")
    assert rig.pool.stats() == EncoderStats(4, 0, 0, 0, waiting=1, running=3)
    assert {rig.begin() for _ in range(3)} == {0, 1, 2}  # in which order the workers wake up is chance
    rig.end()


def test_the_number_of_workers_may_change() -> None:
    """More begin at once; of those that are too many, each ends after its job."""
    rig = Rig(workers=1)
    for topic in ("a", "b", "c"):
        rig.submit(topic)
    assert rig.begin() == 0
    rig.pool.resize(3)
    assert {rig.begin(), rig.begin()} == {1, 2}
    rig.pool.resize(1)
    rig.let_go(1, 2)
    until(lambda: len(threads()) == 1)
    rig.submit("b")
    assert rig.pool.stats() == EncoderStats(4, 2, 0, 0, waiting=1, running=1)
    rig.let_go(0)
    assert rig.begin() == 3
    rig.end()
    assert threads() == []


def test_one_may_wait_for_the_jobs_of_a_topic() -> None:
    """Whatever becomes of them."""
    rig = Rig()
    for topic in ("a", "b", "a"):
        rig.submit(topic)
    rig.pool.wait("c")
    waiting = threading.Thread(target=rig.pool.wait, args=("a",))
    waiting.start()
    rig.let_go(0, 1)
    assert [rig.begin() for _ in range(3)] == [0, 1, 2]
    assert waiting.is_alive()
    for _ in range(2):
        rig.submit("a")  # the first of them is given up for the second
    rig.end()
    waiting.join(TIMEOUT_S)
    assert not waiting.is_alive()


def test_the_newest_waiting_job_of_each_topic_survives() -> None:
    """Older ones that wait are given up, each told with its topic; a job that runs is not."""
    rig = Rig()
    rig.submit("frame")
    rig.begin()
    for topic in ("frame", "frame/cam", "frame", "frame", "frame/cam"):
        rig.submit(topic)
    assert [rig.tell() for _ in range(3)] == [
        ("given up", "frame", 1),
        ("given up", "frame", 3),
        ("given up", "frame/cam", 2),
    ]
    assert rig.pool.stats() == EncoderStats(6, 0, 3, 0, waiting=2, running=1)
    rig.end()
    assert [rig.tell() for _ in range(3)] == [
        ("delivered", "frame", 0),
        ("delivered", "frame/cam", 5),
        ("delivered", "frame", 4),
    ]


def test_a_job_may_wait_for_the_place_of_the_one_before() -> None:
    """It is not taken while an earlier one waits, and told when that one has begun; callbacks never wait."""
    rig = Rig()
    rig.submit("frame")
    rig.begin()
    rig.submit("frame")
    late = Job(2, threading.Event())
    rig.jobs.append(late)
    room = rig.pool.submit("frame", late, replace=False)
    assert room is not None
    assert rig.pool.stats() == EncoderStats(2, 0, 0, 0, waiting=1, running=1)

    def submit_late(topic: str, number: int) -> None:
        if number == 0:
            assert rig.pool.submit(topic, late, replace=False) is None

    rig.on_encoded = submit_late
    rig.let_go(0)
    assert room.wait(TIMEOUT_S)
    assert rig.tell() == ("given up", "frame", 1)
    rig.end()
    assert [rig.tell() for _ in range(2)] == [("delivered", "frame", 0), ("delivered", "frame", 2)]


def test_topics_take_turns() -> None:
    """A topic that submits without pause keeps no other one waiting for more than a job."""
    rig = Rig()
    rig.submit("a")
    rig.begin()
    for topic in ("a", "b", "a", "c", "a", "a"):
        rig.submit(topic)
    rig.end()
    delivered = [topic for kind, topic, _ in (rig.tell() for _ in range(7)) if kind == "delivered"]
    assert delivered == ["a", "b", "c", "a"]


def test_results_do_not_pile_up_behind_a_slow_one() -> None:
    """No more jobs of a topic are begun than there are workers, whether encoded already or not."""
    rig = Rig(workers=2)
    rig.submit("frame")
    rig.begin()
    rig.submit("frame")
    rig.begin()
    rig.let_go(1)
    rig.submit("frame")
    rig.submit("other")  # the free worker takes this one
    assert rig.begin() == 3
    assert rig.pool.stats() == EncoderStats(4, 0, 0, 0, waiting=1, running=3)
    rig.end()


def test_a_job_that_fails_is_told_once_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and logged, and the worker goes on."""
    rig = Rig()
    rig.submit("frame", fails=True)
    rig.let_go(0)
    assert rig.tell() == ("failed", "frame", 0)
    rig.submit("frame")
    rig.end()
    assert rig.tell() == ("delivered", "frame", 1)
    assert rig.pool.stats() == EncoderStats(2, 1, 0, 1, 0, 0)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "encoder: frame: a picture is lost: ValueError('picture 0')"


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_a_job_that_cannot_be_delivered_has_failed(error: type[BaseException]) -> None:
    """Whatever the callback raises, the worker and the topic go on."""
    rig = Rig()

    def refuse(_topic: str, number: int) -> None:
        if number == 0:
            raise error

    rig.on_encoded = refuse
    for _ in range(2):
        rig.let_go(rig.submit("frame"))
        rig.tell()
    rig.end()
    assert rig.pool.stats() == EncoderStats(2, 1, 0, 1, 0, 0)


def test_callbacks_that_fail_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Those that tell of a loss reach neither the producer nor the worker with their errors."""

    def fail(*_: object) -> None:
        raise RuntimeError("callback")

    begun, go = threading.Event(), threading.Event()

    def encode(_: int) -> int:
        begun.set()
        assert go.wait(TIMEOUT_S)
        return 1 // 0

    pool = EncoderPool[int, int](encode, workers=1, on_encoded=fail, on_given_up=fail, on_failed=fail)
    pool.submit("frame", 0)
    assert begun.wait(TIMEOUT_S)
    pool.submit("frame", 1)
    pool.submit("frame", 2)
    go.set()
    pool.close(TIMEOUT_S)
    assert pool.stats() == EncoderStats(3, 0, 1, 2, 0, 0)
    assert sum("callback for pictures that are given up" in line for line in caplog.messages) == 1
    assert sum("callback for pictures that failed" in line for line in caplog.messages) == 2


def test_close_delivers_what_runs_and_waits() -> None:
    """So that a program that publishes one picture and ends has published it; no thread is left."""
    rig = Rig(workers=2)
    for topic in ("a", "b", "c", "d"):
        rig.submit(topic)
    rig.end()
    assert {rig.tell()[:2] for _ in range(4)} == {("delivered", topic) for topic in "abcd"}
    assert threads() == []
    with pytest.raises(ClosedError, match="the encoder is closed"):
        rig.submit("a")
    rig.pool.close()


def test_a_pool_without_jobs_has_no_threads() -> None:
    """They start with the first job; closing such a pool does nothing."""
    rig = Rig(workers=4)
    assert threads() == []
    rig.pool.close()
    with pytest.raises(ValueError, match="workers is 0; it must be at least 1"):
        Rig(workers=0)


def test_close_gives_up_what_takes_too_long() -> None:
    """What still runs or waits then is told and counted at once, and never delivered."""
    rig = Rig()
    rig.submit("a")
    rig.begin()
    rig.submit("b")
    rig.submit("a")
    rig.pool.close(timeout_s=0)
    assert [rig.tell() for _ in range(3)] == [
        ("given up", "a", 0),
        ("given up", "a", 2),
        ("given up", "b", 1),
    ]
    assert rig.pool.stats() == EncoderStats(3, 0, 3, 0, 0, 0)
    rig.end()
    assert threads() == []
    assert rig.told.empty()
    assert rig.pool.stats() == EncoderStats(3, 0, 3, 0, 0, 0)


def test_a_delivery_that_has_begun_outlives_close() -> None:
    """It is counted when it ends; what waits behind it is given up."""
    rig = Rig(workers=2)
    delivering, go_on = threading.Event(), threading.Event()

    def block(_topic: str, _number: int) -> None:
        delivering.set()
        assert go_on.wait(TIMEOUT_S)

    rig.on_encoded = block
    rig.let_go(rig.submit("a"))
    assert delivering.wait(TIMEOUT_S)
    rig.let_go(rig.submit("a"))
    rig.pool.close(timeout_s=0)
    assert rig.tell() == ("given up", "a", 1)
    assert rig.pool.stats() == EncoderStats(2, 0, 1, 0, waiting=0, running=1)
    go_on.set()
    assert rig.tell() == ("delivered", "a", 0)
    rig.end()
    assert rig.pool.stats() == EncoderStats(2, 1, 1, 0, 0, 0)
    assert threads() == []


def test_a_callback_that_blocks_holds_up_its_own_topic_alone() -> None:
    """As when a sink's queue makes the producer wait."""
    rig = Rig(workers=2)
    go_on = threading.Event()
    rig.on_encoded = lambda topic, _: topic == "a" and go_on.wait(TIMEOUT_S)
    rig.let_go(rig.submit("a"))
    for _ in range(3):
        rig.let_go(rig.submit("b"))
        assert rig.tell()[:2] == ("delivered", "b")
    go_on.set()
    rig.end()


def test_a_callback_may_submit_and_must_not_close() -> None:
    """The next job of the same topic follows; closing would wait for the callback itself."""
    rig = Rig()
    errors: list[str] = []

    def again(topic: str, number: int) -> None:
        if number == 0:
            rig.let_go(rig.submit(topic))
            try:
                rig.pool.close()
            except RuntimeError as error:
                errors.append(str(error))

    rig.on_encoded = again
    rig.let_go(rig.submit("frame"))
    assert [rig.tell()[2] for _ in range(2)] == [0, 1]
    rig.end()
    assert errors == ["the encoder cannot be closed by its own callback: it would wait for itself"]


def test_a_busy_topic_says_so() -> None:
    """From the call of `submit` until its last job is delivered."""
    rig = Rig()
    assert not rig.pool.is_busy("a")
    rig.submit("a")
    assert rig.pool.is_busy("a")
    assert not rig.pool.is_busy("b")
    rig.let_go(0)
    until(lambda: not rig.pool.is_busy("a"))
    rig.end()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_told_and_waits_for_nothing() -> None:
    """It has none of the threads; the parent goes on."""
    rig = Rig()
    rig.submit("a")
    rig.begin()
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        said = ""
        for call in (lambda: rig.submit("a"), rig.pool.stats, lambda: rig.pool.is_busy("a")):
            try:
                call()
            except ClosedError as error:
                said += str(error)[:37]
        rig.pool.close()
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "the stream was opened in another proc" * 3
    assert os.waitpid(pid, 0)[1] == 0
    rig.end()
    assert rig.tell() == ("delivered", "a", 0)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(
        st.lists(
            st.tuples(st.sampled_from("abcd"), st.sampled_from([0, 0, 1, 30]), st.booleans()), max_size=30
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_every_job_is_told_exactly_once(workers: int, producers: list[list[tuple[str, int, bool]]]) -> None:
    """With producers and workers of random speeds: in order, and the last one is never given up."""
    told: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)  # a list's append is atomic

    def encode(job: tuple[int, int, int, bool]) -> int:
        for _ in range(job[2]):
            os.sched_yield()
        if job[3]:
            raise ValueError
        return job[1]

    pool = EncoderPool[tuple[int, int, int, bool], int](
        encode,
        workers=workers,
        on_encoded=lambda topic, job, result: told[topic].append(("delivered", job[0], result)),
        on_given_up=lambda topic, job: told[topic].append(("given up", job[0], job[1])),
        on_failed=lambda topic, job, _: told[topic].append(("failed", job[0], job[1])),
    )
    for topic in "abcd":
        told[topic] = []

    def produce(producer: int) -> None:
        for number, (topic, yields, fails) in enumerate(producers[producer]):
            pool.submit(topic, (producer, number, yields, fails))

    crowd = [threading.Thread(target=produce, args=(producer,)) for producer in range(len(producers))]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    pool.close(TIMEOUT_S)
    stats = pool.stats()
    kinds = Counter(kind for each in told.values() for kind, _, _ in each)
    assert stats == (
        sum(map(len, producers)), kinds["delivered"], kinds["given up"], kinds["failed"], 0, 0,
    )  # fmt: skip
    assert stats.submitted == stats.delivered + stats.given_up + stats.failed
    for topic, outcomes in told.items():
        for producer, jobs in enumerate(producers):
            mine = [number for number, (name, _, _) in enumerate(jobs) if name == topic]
            assert sorted(number for _, by, number in outcomes if by == producer) == mine
            kept = [number for kind, by, number in outcomes if by == producer and kind != "given up"]
            assert kept == sorted(kept)
            if mine and len(producers) == 1:
                assert kept[-1] == mine[-1]


def test_shots_become_pictures() -> None:
    """The whole way: pixels in, PNG, JPEG and WebP out, with type and size."""
    whole = picture(40, 30)
    found: SimpleQueue[tuple[str, Shot, EncodedPicture]] = SimpleQueue()
    failed: SimpleQueue[str] = SimpleQueue()
    pool = EncoderPool[Shot, EncodedPicture](
        encode_shot,
        workers=1,
        on_encoded=lambda topic, shot, encoded: found.put((topic, shot, encoded)),
        on_given_up=lambda topic, _: failed.put(topic),
        on_failed=lambda topic, _, error: failed.put(f"{topic}: {error}"),
    )
    pixels = copy_pixels(whole)
    for topic, shot in (
        ("frame", Shot(pixels, 7)),
        ("frame/a", Shot(pixels, 8, "jpeg", 90)),
        ("frame/b", Shot(pixels, 9, "webp", max_width=20)),
        ("frame/c", Shot(Pixels(20_000, 1, "L", bytes(20_000), "L"), 9, "webp")),
    ):
        pool.submit(topic, shot)
    pool.close(TIMEOUT_S)
    topic, shot, encoded = found.get_nowait()
    assert (topic, shot.captured_unix_ns) == ("frame", 7)
    assert np.array_equal(decoded(encoded.data), whole)
    assert encoded[1:] == ("image/png", 40, 30)
    assert found.get_nowait()[2][1:] == ("image/jpeg", 40, 30)
    assert found.get_nowait()[2][1:] == ("image/webp", 20, 15)
    assert failed.get_nowait().startswith("frame/c: a picture of 20,000 x 1 does not fit into webp")
