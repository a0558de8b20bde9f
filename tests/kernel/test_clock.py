import time
from collections.abc import Callable

import pytest

from beats.kernel import clock as clock_module
from beats.kernel.clock import SystemClock
from tests.kernel.support import threads

SECOND_NS = 10**9


class Clocks:
    """A wall clock and a monotonic one that a test moves."""

    def __init__(self) -> None:
        self.wall_ns = 1_700_000_000 * SECOND_NS
        self.monotonic_ns = 5000 * SECOND_NS

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall_ns, lambda: self.monotonic_ns)

    def pass_s(self, seconds: float) -> None:
        self.wall_ns += round(seconds * SECOND_NS)
        self.monotonic_ns += round(seconds * SECOND_NS)

    def step_s(self, seconds: float) -> None:
        self.wall_ns += round(seconds * SECOND_NS)


def test_the_system_clock_tells_unix_nanoseconds() -> None:
    """A reading lies between two of the operating system's; without a step, steady time is near it."""
    before = time.time_ns()
    clock = SystemClock()
    readings = [clock.unix_ns(), *clock.read(), clock.steady_unix_ns()]
    after = time.time_ns()
    assert all(before - SECOND_NS <= reading <= after + SECOND_NS for reading in readings)
    assert before <= readings[0] <= readings[1] <= after
    assert clock.steps() == ()


def test_steady_times_of_one_process_can_be_compared() -> None:
    """Even from different clock objects."""
    first = SystemClock()
    before = first.steady_unix_ns()
    between = SystemClock().steady_unix_ns()
    assert before <= between <= first.steady_unix_ns()


@pytest.mark.parametrize("step_s", [-3600.0, 86400.0, -0.2, 0.2])
def test_steady_time_does_not_step(step_s: float) -> None:
    """The wall clock shows what it was set to, steady time what has passed; the step is remembered."""
    clocks = Clocks()
    clock = clocks.clock()
    _, before_ns = clock.read()
    clocks.pass_s(2.0)
    clocks.step_s(step_s)
    unix_ns, steady_ns = clock.read()
    assert (unix_ns, steady_ns) == (clocks.wall_ns, before_ns + 2 * SECOND_NS)
    assert clock.steady_unix_ns() == steady_ns
    ((at_ns, expected_ns, shown_ns),) = clock.steps()
    assert (at_ns, expected_ns, shown_ns) == (steady_ns, unix_ns - round(step_s * SECOND_NS), unix_ns)
    clocks.pass_s(1.0)
    assert clock.read() == (clocks.wall_ns, steady_ns + SECOND_NS)
    assert len(clock.steps()) == 1


def test_a_gradual_correction_is_no_step() -> None:
    """A time service may slew the clock by less than a tenth of a second."""
    clocks = Clocks()
    clock = clocks.clock()
    for _ in range(90):
        clocks.pass_s(1.0)
        clocks.step_s(0.001)
        clock.read()
    assert clock.steps() == ()


def test_an_interruption_between_two_readings_is_no_step() -> None:
    """The thread was suspended between reading the two clocks."""
    clocks = Clocks()
    interruptions_s: list[float] = []

    def slow_ns() -> int:
        while interruptions_s:
            clocks.pass_s(interruptions_s.pop())
        return clocks.monotonic_ns

    clock = SystemClock(lambda: clocks.wall_ns, slow_ns)
    _, before_ns = clock.read()
    interruptions_s.append(5.0)
    assert clock.read() == (clocks.wall_ns, before_ns + 5 * SECOND_NS)
    assert interruptions_s == []
    assert clock.steps() == ()


def test_steps_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr(clock_module, "_MOST_STEPS", 3)
    clocks = Clocks()
    clock = clocks.clock()
    for _ in range(5):
        clocks.step_s(10.0)
        clock.read()
    assert [step.after_unix_ns - step.before_unix_ns for step in clock.steps()] == [10 * SECOND_NS] * 3
    assert clock.steps()[-1].after_unix_ns == clocks.wall_ns


def test_threads_that_read_at_once_notice_a_step_once() -> None:
    """It is one step, however many threads publish."""
    clocks = Clocks()
    clock = clocks.clock()
    clocks.step_s(-60.0)

    def reads() -> None:
        for _ in range(200):
            clock.read()

    readers: list[Callable[[], None]] = [reads] * 4
    with threads(*readers):
        pass
    assert len(clock.steps()) == 1
