"""Threads that encode pictures: in order within a topic, and never further behind than the newest one."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, NamedTuple, TypeVar

from beats.kernel.errors import ClosedError
from beats.kit.forks import Home
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.errors import PictureError
from beats.pictures.formats import DEFAULT_QUALITY, Format, identify
from beats.pictures.pixels import Pixels

log = logging.getLogger(__name__)

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

_CLOSE_TIMEOUT_S: Final = 5.0


class Shot(NamedTuple):
    """Pixels to encode, and how."""

    pixels: Pixels
    captured_unix_ns: int
    format: Format = "png"
    quality: int = DEFAULT_QUALITY
    """1 to 100, of JPEG and WebP."""
    max_width: int | None = None
    """Scale down to this width, in pixels."""


class EncodedPicture(NamedTuple):
    """A picture that a job has encoded."""

    data: bytes
    media_type: str
    width: int
    """In pixels."""
    height: int
    """In pixels."""


def encode_shot(shot: Shot) -> EncodedPicture:
    """Encode pixels; what an `EncoderPool` of shots runs.

    Raises:
        PictureError: the pixels do not fit into the format.
    """
    # Imported when the first picture is encoded: most programs publish none, and need no Pillow.
    from beats.pictures.encoders import encode

    data = encode(shot.pixels, shot.format, shot.quality, shot.max_width)
    info = identify(data, max_pixels=shot.pixels.width * shot.pixels.height)
    return EncodedPicture(data, *info)


class EncoderStats(NamedTuple):
    """What has become of all jobs: `submitted` is the sum of the others."""

    submitted: int
    delivered: int
    given_up: int
    """A newer one of their topic came before a worker was free, or time ran out in `close`."""
    failed: int
    """Could not be encoded or delivered."""
    waiting: int
    """Jobs that wait: at most one of each topic."""
    running: int
    """Given to a worker, or waiting for an older one of their topic: at most `workers` of each topic."""


class EncoderPool(Generic[JobT, ResultT]):
    """Runs jobs in threads and delivers the results, those of one topic in the order of the jobs.

    Several jobs of one topic run at the same time. While no worker is free, only the newest job of each topic
    waits; topics take turns. The threads start with the first job and end in `close`, or with the program.

    All callbacks are called without a lock held. Those of one topic never run at the same time, except
    `on_given_up`. A callback that blocks holds up its topic and one worker, and no other topic.
    """

    def __init__(
        self,
        encode: Callable[[JobT], ResultT],
        *,
        workers: int,
        on_encoded: Callable[[str, JobT, ResultT], object],
        on_given_up: Callable[[str, JobT], object],
        on_failed: Callable[[str, JobT, BaseException], object],
        name: str = "encoder",
    ) -> None:
        """Start nothing yet.

        Args:
            encode: makes a result of a job, in a worker thread. It should release the interpreter.
            workers: number of threads, at least 1.
            on_encoded: gets topic, job and result, in a worker thread. If it raises, the job has failed.
            on_given_up: gets topic and job, in the thread that submitted the newer one, or that closes.
            on_failed: gets topic, job and error, in a worker thread. The pool has logged the error already.
            name: what threads and log lines are called.

        Raises:
            ValueError: there would be no worker.
        """
        if workers < 1:
            raise ValueError(f"workers is {workers}; it must be at least 1")
        self._encode: Final = encode
        self._on_encoded: Final = on_encoded
        self._on_given_up: Final = on_given_up
        self._on_failed: Final = on_failed
        self._workers = workers
        self._name: Final = name
        self._home: Home | None = None
        """The process in which it was first used."""
        self._log: Final = ThrottledLog(log, name)
        self._lock: Final = threading.Lock()
        self._lanes: Final[dict[str, _Lane[JobT, ResultT]]] = {}
        """The lanes of topics that have jobs; topics without jobs cost nothing."""
        self._turns: Final[deque[_Lane[JobT, ResultT]]] = deque()
        """Lanes whose job waits for a worker alone, each once, in the order in which they began to."""
        # What workers are to encode: never more than there are idle ones. None ends a worker. A SimpleQueue
        # costs a producer a tenth of what a Condition does.
        self._begun: Final[SimpleQueue[tuple[_Lane[JobT, ResultT], _Work[JobT, ResultT]] | None]] = (
            SimpleQueue()
        )
        self._idle = 0
        """Workers with nothing to do; below 0 while more than there will be are at work, see `resize`."""
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        self._submitted = self._delivered = self._given_up = self._failed = 0

    def submit(self, topic: str, job: JobT, *, replace: bool = True) -> threading.Event | None:
        """Hand over a job, from any thread; takes microseconds.

        A job of this topic that still waits is given up for it. With `replace=False` the new one is not taken
        then, except in a worker, in a callback: that would wait for itself.

        Returns:
            None, or for a job that is not taken: an event that is set when the one that waits has begun.

        Raises:
            ClosedError: the pool is closed, or was used in another process, from which this one was forked.
        """
        if self._home is None:
            self._home = Home()
        self._check_home()
        with self._lock:
            if self._is_closed:
                raise ClosedError("the encoder is closed")
            if not self._threads:
                self._start()
            lane = self._lanes.get(topic)
            if lane is None:
                lane = self._lanes[topic] = _Lane(topic)
            if not replace and lane.waiting and threading.current_thread() not in self._threads:
                lane.waiting.has_begun = lane.waiting.has_begun or threading.Event()
                return lane.waiting.has_begun
            self._submitted += 1
            older, lane.waiting = lane.waiting, _Work(job)
            if older is not None:
                self._given_up += 1
                older.end()
            self._admit(lane)
            self._begin()
        if older is not None:
            self._tell_given_up(topic, older.job)
        return None

    def is_busy(self, topic: str) -> bool:
        """Whether a job of this topic is not delivered yet: what is published now would overtake it."""
        self._check_home()
        with self._lock:
            return topic in self._lanes

    def wait(self, topic: str) -> None:
        """Wait until all jobs of this topic that are here now are delivered, have failed or were given up.

        Returns at once in a worker, in a callback: it would wait for itself.
        """
        self._check_home()
        if threading.current_thread() in self._threads:
            return
        with self._lock:
            lane = self._lanes.get(topic)
            if lane is None:
                return
            jobs = [*lane.running, *([] if lane.waiting is None else [lane.waiting])]
            for work in jobs:
                work.has_ended = work.has_ended or threading.Event()
            ended = [work.has_ended for work in jobs]
        for event in ended:
            assert event is not None
            event.wait()

    def resize(self, workers: int) -> None:
        """Change the number of threads; jobs and their order are not touched. At least 1."""
        with self._lock:
            if self._threads and not self._is_closed:
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                for _ in range(workers - self._workers):
                    self._start_one()
                for _ in range(self._workers - workers):
                    self._begun.put(None)
                    self._idle -= 1
            self._workers = workers
            for lane in self._lanes.values():
                self._admit(lane)
            self._begin()

    def stats(self) -> EncoderStats:
        """All counters at one moment."""
        self._check_home()
        with self._lock:
            lanes = self._lanes.values()
            waiting = sum(lane.waiting is not None for lane in lanes)
            running = sum(len(lane.running) for lane in lanes)
            counts = (self._submitted, self._delivered, self._given_up, self._failed)
            return EncoderStats(*counts, waiting, running)

    def close(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Take no more jobs, deliver those that run or wait, and end the threads.

        What is not delivered in time is given up; a thread that is still in the middle of one ends after it,
        and its result is not delivered. Only a call of `on_encoded` that has begun goes on, and is counted.
        In a process forked from that of the pool there is nothing to close.

        Raises:
            RuntimeError: it was called by a worker, in a callback.
        """
        if self._home is not None and self._home.left:
            return
        if threading.current_thread() in self._threads:
            raise RuntimeError("the encoder cannot be closed by its own callback: it would wait for itself")
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            if not was_closed:
                self._end_if_idle()
        end_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            self._abandon()
        if not was_closed:
            self._log.summarise()

    def _check_home(self) -> None:
        if self._home is not None:
            self._home.check()

    def _start(self) -> None:
        """Start the threads; the lock is held. Daemons, so that no encoder keeps a program from ending."""
        for _ in range(self._workers):
            self._start_one()

    def _start_one(self) -> None:
        name = f"beats-{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        self._idle += 1

    def _work(self) -> None:
        while (begun := self._begun.get()) is not None:
            lane, work = begun
            try:
                work.results.append(self._encode(work.job))
            except BaseException as error:  # whatever it is, the thread has other topics to serve
                work.error = error
            self._finish(lane, work)
            with self._lock:
                self._idle += 1
                self._begin()

    def _finish(self, lane: "_Lane[JobT, ResultT]", work: "_Work[JobT, ResultT]") -> None:
        """Deliver a job that has been encoded, and those behind it that waited for it."""
        with self._lock:
            work.is_done = True
            if lane.is_delivering:  # another worker is at it, and takes this one too
                return
            lane.is_delivering = True
        while (head := self._next(lane)) is not None:
            try:
                if head.error is None:
                    self._on_encoded(lane.topic, head.job, head.results[0])
            except BaseException as error:
                head.error = error
            self._conclude(lane, head)

    def _next(self, lane: "_Lane[JobT, ResultT]") -> "_Work[JobT, ResultT] | None":
        """The oldest running job of a lane if it is to be delivered; if not, the lane is left."""
        with self._lock:
            if lane.running and lane.running[0].is_done:
                lane.running[0].is_delivering = True
                return lane.running[0]
            lane.is_delivering = False
            return None

    def _conclude(self, lane: "_Lane[JobT, ResultT]", work: "_Work[JobT, ResultT]") -> None:
        """Count a job, tell if it failed, and make room for the next one."""
        if work.error is not None:
            self._tell_failed(lane.topic, work.job, work.error)
        with self._lock:
            lane.running.popleft()
            work.end()
            if work.error is None:
                self._delivered += 1
            else:
                self._failed += 1
            self._admit(lane)
            self._begin()
            if not lane.running and lane.waiting is None:
                del self._lanes[lane.topic]
                if self._is_closed:
                    self._end_if_idle()

    def _admit(self, lane: "_Lane[JobT, ResultT]") -> None:
        """Let the job that waits take its turn; the lock is held.

        Not while as many run as there are workers: behind one that takes long, results would pile up.
        """
        if lane.waiting is not None and not lane.has_turn and len(lane.running) < self._workers:
            lane.has_turn = True
            self._turns.append(lane)

    def _begin(self) -> None:
        """Give the jobs whose turn it is to workers that are idle; the lock is held."""
        while self._idle > 0 and self._turns:
            lane = self._turns.popleft()
            lane.has_turn = False
            work, lane.waiting = lane.waiting, None
            if work is not None:  # not given up in the meantime
                lane.running.append(work)
                work.begin()
                self._begun.put((lane, work))
                self._idle -= 1

    def _end_if_idle(self) -> None:
        """End the workers of a closed pool when nothing is left to do; the lock is held."""
        if not self._lanes:
            for _ in self._threads:
                self._begun.put(None)

    def _abandon(self) -> None:
        """Give up all jobs but the one that is being delivered."""
        given_up: list[tuple[str, JobT]] = []
        with self._lock:
            for topic, lane in list(self._lanes.items()):
                left = [work for work in lane.running if not work.is_delivering]
                if lane.waiting is not None:
                    left.append(lane.waiting)
                for work in left:
                    work.end()
                given_up += [(topic, work.job) for work in left]
                lane.waiting = None
                lane.running = deque(work for work in lane.running if work.is_delivering)
                if not lane.running:
                    del self._lanes[topic]
            self._given_up += len(given_up)
            self._end_if_idle()
        for topic, job in given_up:
            self._tell_given_up(topic, job)

    def _tell_given_up(self, topic: str, job: JobT) -> None:
        try:
            self._on_given_up(topic, job)
        except Exception:
            log.exception("%s: %s: the callback for pictures that are given up failed", self._name, topic)

    def _tell_failed(self, topic: str, job: JobT, error: BaseException) -> None:
        try:
            with self._lock:
                self._log.add("failures", f"{topic}: a picture is lost: {_why(error)}", logging.ERROR)
            self._on_failed(topic, job, error)
        except Exception:
            log.exception("%s: %s: the callback for pictures that failed has failed", self._name, topic)


def _why(error: BaseException) -> str:
    """The text of our own errors is for people; that of others says little without its type."""
    return str(error) if isinstance(error, PictureError) else repr(error)


class _Work(Generic[JobT, ResultT]):
    """A job on its way."""

    __slots__ = ("error", "has_begun", "has_ended", "is_delivering", "is_done", "job", "results")

    def __init__(self, job: JobT) -> None:
        self.job: Final = job
        self.results: list[ResultT] = []
        self.error: BaseException | None = None
        self.is_done = False
        self.is_delivering = False
        self.has_ended: threading.Event | None = None
        """Set when it is delivered, has failed or was given up; for those who wait for that."""
        self.has_begun: threading.Event | None = None
        """Set when it waits no longer; for those who wait for its place."""

    def begin(self) -> None:
        if self.has_begun is not None:
            self.has_begun.set()

    def end(self) -> None:
        self.begin()
        if self.has_ended is not None:
            self.has_ended.set()


class _Lane(Generic[JobT, ResultT]):
    """The jobs of one topic."""

    __slots__ = ("has_turn", "is_delivering", "running", "topic", "waiting")

    def __init__(self, topic: str) -> None:
        self.topic: Final = topic
        self.waiting: _Work[JobT, ResultT] | None = None
        self.running: deque[_Work[JobT, ResultT]] = deque()
        """In the order of the jobs."""
        self.has_turn = False
        """Whether it stands in the queue of lanes."""
        self.is_delivering = False
        """Whether a worker delivers its results now."""
