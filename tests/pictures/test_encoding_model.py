"""An encoder pool, held against a model that says which job is begun, delivered and given up when."""

from collections import deque
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beats.pictures.encoding import EncoderStats
from tests.pictures.test_encoding import Rig
from tests.support import until

TOPICS: Final = ("frame", "frame/a", "frame/b")


class ModelLane:
    """What the model knows of a topic."""

    def __init__(self) -> None:
        self.waiting: int | None = None
        self.running: list[int] = []
        self.is_ready = False


class PoolMachine(RuleBasedStateMachine):
    """Submits and lets go in any order; everything that follows is known in advance."""

    @initialize(workers=st.integers(1, 3))
    def begin(self, workers: int) -> None:
        self.workers = self.idle = workers
        self.rig = Rig(workers)
        self.lanes = {topic: ModelLane() for topic in TOPICS}
        self.topics: list[str] = []
        self.ready: deque[str] = deque()
        self.done: set[int] = set()
        self.failing: set[int] = set()
        self.begun: set[int] = set()
        self.seen: set[int] = set()
        self.told: list[tuple[str, str, int]] = []

    @rule(topic=st.sampled_from(TOPICS), fails=st.booleans())
    def submit(self, topic: str, fails: bool) -> None:
        number = self.rig.submit(topic, fails=fails)
        self.topics.append(topic)
        if fails:
            self.failing.add(number)
        lane = self.lanes[topic]
        if lane.waiting is not None:
            self._expect("given up", topic, lane.waiting)
        lane.waiting = number
        self._admit(topic)
        self._dispatch()

    @precondition(lambda self: self.begun - self.done)
    @rule(draw=st.data())
    def let_go(self, draw: st.DataObject) -> None:
        number = draw.draw(st.sampled_from(sorted(self.begun - self.done)))
        topic = self.topics[number]
        lane = self.lanes[topic]
        self.done.add(number)
        self.rig.let_go(number)
        while lane.running and lane.running[0] in self.done:
            head = lane.running.pop(0)
            self._expect("failed" if head in self.failing else "delivered", topic, head)
            self._admit(topic)
        self.idle += 1
        self._dispatch()

    @invariant()
    def all_jobs_are_where_the_model_has_them(self) -> None:
        kinds = [kind for kind, _, _ in self.told]
        expected = EncoderStats(
            len(self.topics),
            kinds.count("delivered"),
            kinds.count("given up"),
            kinds.count("failed"),
            sum(lane.waiting is not None for lane in self.lanes.values()),
            sum(len(lane.running) for lane in self.lanes.values()),
        )
        assert sum(expected[1:]) == expected.submitted
        until(lambda: self.rig.pool.stats() == expected)

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            self.rig.end()

    def _expect(self, kind: str, topic: str, number: int) -> None:
        assert self.rig.tell() == (kind, topic, number)
        self.told.append((kind, topic, number))

    def _admit(self, topic: str) -> None:
        lane = self.lanes[topic]
        if lane.waiting is not None and not lane.is_ready and len(lane.running) < self.workers:
            lane.is_ready = True
            self.ready.append(topic)

    def _dispatch(self) -> None:
        while self.idle and self.ready:
            topic = self.ready.popleft()
            lane = self.lanes[topic]
            assert lane.waiting is not None
            number, lane.waiting, lane.is_ready = lane.waiting, None, False
            lane.running.append(number)
            self.begun.add(number)
            self.idle -= 1
            self._admit(topic)
        while self.seen != self.begun:
            self.seen.add(self.rig.begin())
            assert self.seen <= self.begun


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
