"""The signals of the demo's peripherals."""

import math
from itertools import pairwise

import pytest

from beats.adapters.sources.demo.signals import GRAVITY_M_S2, WINDOW_S, Signals

TICKS_S = [tick / 20 for tick in range(20 * 60)]


def test_the_same_seed_and_time_give_the_same_values() -> None:
    """Signals depend only on seed and time, not on earlier calls; another seed gives others."""
    fresh, used = Signals(7), Signals(7)
    for time_s in TICKS_S:
        used.acceleration(time_s)
        used.pressed(time_s)
    for time_s in (0.0, 12.34, 59.9):
        assert fresh.rotation(time_s) == used.rotation(time_s)
        assert fresh.acceleration(time_s) == used.acceleration(time_s)
        assert fresh.pressed(time_s) == used.pressed(time_s)
    assert Signals(1).acceleration(1.0) != Signals(2).acceleration(1.0)
    assert Signals(1).press(0) != Signals(2).press(0)


@pytest.mark.parametrize("seed", range(3))
def test_the_knob_changes_a_few_times_a_second(seed: int) -> None:
    """By one detent at a time."""
    rotations = [Signals(seed).rotation(time_s) for time_s in TICKS_S]
    steps = [abs(after - before) for before, after in pairwise(rotations)]
    assert 1.0 <= sum(step > 0 for step in steps) / 60 <= 8.0
    assert max(steps) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_accelerometer_measures_gravity(seed: int) -> None:
    """The length of the vector stays near 9.81 m/s²."""
    lengths = [math.hypot(*Signals(seed).acceleration(time_s)) for time_s in TICKS_S]
    assert all(7.0 < length < 13.0 for length in lengths)
    assert sum(lengths) / len(lengths) == pytest.approx(GRAVITY_M_S2, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_the_button_is_pressed_once_in_each_window(seed: int) -> None:
    """Long enough to be seen at 20 Hz, and released within the window."""
    signals = Signals(seed)
    for window in range(20):
        press = signals.press(window)
        assert window * WINDOW_S < press.start_s
        assert press.start_s + 0.1 < press.end_s < (window + 1) * WINDOW_S
        assert not signals.pressed(press.start_s - 0.01)
        assert signals.pressed((press.start_s + press.end_s) / 2)
        assert not signals.pressed(press.end_s + 0.01)


def test_the_time_since_the_last_press_continues_into_the_next_window() -> None:
    """Until the next press starts; before the first press it is infinite."""
    signals = Signals(0)
    first, second = signals.press(0), signals.press(1)
    assert signals.since_press_s(first.start_s - 0.01) == math.inf
    assert signals.since_press_s(first.start_s) == 0.0
    assert signals.since_press_s(second.start_s - 0.01) == pytest.approx(
        second.start_s - 0.01 - first.start_s
    )
    assert signals.since_press_s(second.start_s + 0.5) == pytest.approx(0.5)
