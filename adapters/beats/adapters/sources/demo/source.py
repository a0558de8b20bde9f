"""Publishes the demo's pictures and peripheral updates on time."""

import logging
import math
from typing import Final

import anyio

from beats.adapters.sources.demo.renderer import Renderer
from beats.adapters.sources.demo.settings import DemoSettings
from beats.adapters.sources.demo.signals import Signals
from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Publish
from beats.kit.offload import Offload, in_a_thread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.errors import PictureError
from beats.pictures.pixels import Pixels
from beats.pictures.publishing import PixelPublisher

PERIPHERALS_HZ: Final = 20
"""How often the accelerometer is published, and knob and button are checked for changes."""
KNOB: Final = Peripheral("knob-1", None, (Tag("input", "rotary"), Tag("demo")), Location(-0.4, 0.0, 0.1))
ACCELEROMETER: Final = Peripheral(
    "accel-1", None, (Tag("sensor", "accelerometer", {"unit": "m/s^2"}), Tag("demo")), Location(0.0, 0.0, 0.0)
)
BUTTON: Final = Peripheral("button-1", None, (Tag("input", "button"), Tag("demo")), Location(0.4, 0.0, 0.1))


class DemoSource:
    """Publishes frame n at n / fps seconds after the start, and the peripherals at a rate of their own.

    What frame n shows depends only on the settings and n. Deadlines are absolute, so nothing drifts; a frame
    whose time has passed is left out, so that late frames do not come in a burst.
    """

    def __init__(self, settings: DemoSettings, context: Context, offload: Offload = in_a_thread) -> None:
        self._settings = settings
        self._offload: Final = offload
        self._pixels: Final = context.service(PixelPublisher)
        self._renderer: Renderer | None = None
        self._signals = Signals(settings.seed)
        self._reports = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled; no thread renders any more when this returns."""
        first = await self._offload(self._render, 0.0)  # also makes the tables, before the clock starts
        start = anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(self._show_frames, publish, start, first)
            group.start_soon(self._show_peripherals, publish, start)

    async def _show_frames(self, publish: Publish, start: float, frame: Frame | None) -> None:
        """Render ahead, so that each frame is ready in time. What the settings forbid is left out."""
        fps, number = self._settings.fps, 0
        while True:
            await anyio.sleep_until(start + number / fps)
            if frame is not None:
                await self._offer(publish, frame)
            number = _next(number, start, fps)
            frame = await self._offload(self._render, number / fps)

    async def _show_peripherals(self, publish: Publish, start: float) -> None:
        """Publish the accelerometer at each tick, knob and button when they change."""
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

    def _render(self, time_s: float) -> Frame | None:
        """Runs in a worker thread, one call at a time; None if the picture is refused."""
        if self._renderer is None:
            settings = self._settings
            self._renderer = Renderer(settings.seed, settings.width, settings.height)
        try:
            return self._pixels.frame(Pixels.of_image(self._renderer.image(time_s)))
        except PictureError as error:
            self._reports.add("refused pictures", str(error), logging.ERROR)
            return None


def _next(number: int, start: float, rate_hz: float) -> int:
    """The next tick, or the current one by the clock if that is later."""
    return max(number + 1, math.floor((anyio.current_time() - start) * rate_hz))
