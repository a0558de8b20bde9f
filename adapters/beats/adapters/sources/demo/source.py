"""The demo's timeline: when pictures and peripheral updates go out."""

import logging
import math
from collections.abc import Callable
from typing import Final, Protocol

import anyio
from anyio import to_thread

from beats.adapters.sources.demo.picture import Picture
from beats.adapters.sources.demo.settings import DemoSettings
from beats.adapters.sources.demo.signals import Signals
from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog

PERIPHERALS_HZ: Final = 20
"""How often the accelerometer speaks, and the knob and the button are looked at."""
KNOB: Final = Peripheral("knob-1", None, (Tag("input", "rotary"), Tag("demo")), Location(-0.4, 0.0, 0.1))
ACCELEROMETER: Final = Peripheral(
    "accel-1", None, (Tag("sensor", "accelerometer", {"unit": "m/s^2"}), Tag("demo")), Location(0.0, 0.0, 0.0)
)
BUTTON: Final = Peripheral("button-1", None, (Tag("input", "button"), Tag("demo")), Location(0.4, 0.0, 0.1))


class Offload(Protocol):
    """Runs a function where it does not stall the event loop."""

    async def __call__(self, function: Callable[[float], bytes], time_s: float, /) -> bytes:
        """The function's result for a moment of demo time."""
        ...


class DemoSource:
    """Publishes frame n at n / fps seconds after the start, and the peripherals on a clock of their own.

    What frame n shows depends on the settings and on n alone. Deadlines are absolute, so nothing drifts;
    a frame whose time has passed is left out rather than sent in a burst.
    """

    def __init__(self, settings: DemoSettings, context: Context, offload: Offload | None = None) -> None:
        self._settings = settings
        self._offload: Offload = offload or _in_a_thread
        self._picture: Picture | None = None
        self._signals = Signals(settings.seed)
        self._reports = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled; when this returns, no thread is rendering any more."""
        first = await self._offload(self._render, 0.0)  # makes the tables, too, before the clock starts
        start = anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(self._show_frames, publish, start, first)
            group.start_soon(self._show_peripherals, publish, start)

    async def _show_frames(self, publish: Publish, start: float, png: bytes) -> None:
        """Render ahead, so that each frame is ready when its time comes."""
        fps, number = self._settings.fps, 0
        while True:
            await anyio.sleep_until(start + number / fps)
            await self._offer(publish, Frame(png))
            number = _next(number, start, fps)
            png = await self._offload(self._render, number / fps)

    async def _show_peripherals(self, publish: Publish, start: float) -> None:
        """The accelerometer at each tick, the knob and the button when they changed."""
        number, rotation, pressed = 0, None, None
        while True:
            await anyio.sleep_until(start + number / PERIPHERALS_HZ)
            time_s = number / PERIPHERALS_HZ
            acceleration = self._signals.acceleration(time_s)
            data = {axis: round(value, 4) for axis, value in acceleration._asdict().items()}
            await self._offer(publish, ACCELEROMETER._replace(data=data))
            if rotation != (rotation := self._signals.rotation(time_s)):
                await self._offer(publish, KNOB._replace(data={"rotation": rotation}))
            if pressed != (pressed := self._signals.pressed(time_s)):
                await self._offer(publish, BUTTON._replace(data={"pressed": pressed}))
            number = _next(number, start, PERIPHERALS_HZ)

    async def _offer(self, publish: Publish, message: Message) -> None:
        try:
            await publish(message)
        except QueueFull as error:
            self._reports.add("refused envelopes", str(error), logging.ERROR)

    def _render(self, time_s: float) -> bytes:
        """Runs in a worker thread, one call at a time."""
        if self._picture is None:
            settings = self._settings
            self._picture = Picture(settings.seed, settings.width, settings.height)
        return self._picture.png(time_s)


def _next(number: int, start: float, rate_hz: float) -> int:
    """The tick after `number`, or the one whose time it is now if that is later."""
    return max(number + 1, math.floor((anyio.current_time() - start) * rate_hz))


async def _in_a_thread(function: Callable[[float], bytes], time_s: float) -> bytes:
    return await to_thread.run_sync(function, time_s)
