"""The signals of the demo's knob, accelerometer and button: pure functions of seed and time."""

import math
import random
from functools import lru_cache
from typing import Final, NamedTuple

GRAVITY_M_S2: Final = 9.80665
"""Standard gravity, ISO 80000-3."""
WINDOW_S: Final = 4.0
"""The button is pressed once within each window of this length."""


class Acceleration(NamedTuple):
    """A reading of an accelerometer in m/s², including gravity."""

    x: float
    y: float
    z: float


class Press(NamedTuple):
    """One press of the button, in seconds of demo time."""

    start_s: float
    end_s: float


class Signals:
    """The signals of one seed. The same seed and time always give the same values."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        dice = random.Random(f"beats demo signals {seed}")
        self._phases = [dice.uniform(0, math.tau) for _ in range(8)]

    def knob_angle(self, time_s: float) -> float:
        """The angle of the knob in detents: slow sweeps that pass a few detents a second."""
        first, second, third, *_ = self._phases
        return (
            9.0 * math.sin(0.31 * time_s + first)
            + 4.0 * math.sin(0.83 * time_s + second)
            + 1.5 * math.sin(1.9 * time_s + third)
        )

    def rotation(self, time_s: float) -> int:
        """The detent of the knob."""
        return round(self.knob_angle(time_s))

    def acceleration(self, time_s: float) -> Acceleration:
        """The acceleration of a board that sways and trembles in a hand."""
        *_, sway, nod, shake, tremor, breath = self._phases
        roll = 0.55 * math.sin(0.7 * time_s + sway) + 0.12 * math.sin(2.3 * time_s + shake)
        pitch = 0.4 * math.sin(0.53 * time_s + nod)
        jolt = 1.6 * math.sin(9.1 * time_s + tremor) * max(0.0, math.sin(0.9 * time_s + breath)) ** 4
        return Acceleration(
            x=GRAVITY_M_S2 * math.sin(roll) * math.cos(pitch) + jolt,
            y=GRAVITY_M_S2 * math.sin(pitch),
            z=GRAVITY_M_S2 * math.cos(roll) * math.cos(pitch) + 0.5 * jolt,
        )

    def press(self, window: int) -> Press:
        """The press within window number `window`; it ends before the window does."""
        return _press(self.seed, window)

    def pressed(self, time_s: float) -> bool:
        """Whether the button is down."""
        press = self.press(math.floor(time_s / WINDOW_S))
        return press.start_s <= time_s < press.end_s

    def since_press_s(self, time_s: float) -> float:
        """Seconds since the button last went down; infinite before the first time."""
        window = math.floor(time_s / WINDOW_S)
        for press in (self.press(window), self.press(window - 1)):
            if 0.0 <= press.start_s <= time_s:
                return time_s - press.start_s
        return math.inf


@lru_cache(maxsize=64)
def _press(seed: int, window: int) -> Press:
    dice = random.Random(f"beats demo button {seed} {window}")
    start = window * WINDOW_S + dice.uniform(0.3, WINDOW_S - 1.2)
    return Press(start, start + dice.uniform(0.15, 0.8))
