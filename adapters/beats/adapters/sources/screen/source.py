"""Takes pictures of the screen in a thread of its own."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from beats.adapters.sources.screen.settings import NO_DISPLAY, ScreenSettings
from beats.kernel.errors import InputError
from beats.kernel.ports import Context, Publish
from beats.kit.extras import missing
from beats.kit.own_thread import Ending, OwnThread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher


class ScreenSource:
    """Publishes the screen regularly, whether it has changed or not."""

    def __init__(self, settings: ScreenSettings, context: Context) -> None:
        self._settings: Final = settings
        self._clock: Final = context.clock
        self._pixels: Final = context.service(PixelPublisher)
        self._reports: Final = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")
        self._thread: Final = OwnThread(f"screen-{context.name}")

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled.

        Raises:
            InputError: there is no such monitor or region, or no display is named.
            OSError: the display cannot be opened or read now.
        """
        await self._thread.run(partial(self._show, publish))

    def _show(self, publish: Publish, ending: Ending) -> None:
        settings = self._settings
        with self._screen() as screen:
            area = _area(settings, self._read(lambda: screen.monitors))
            due_s = ending.now_s()
            while not ending.wait_until(due_s):
                captured_unix_ns = self._clock.unix_ns()
                shot = self._read(lambda: screen.grab(area))
                try:
                    self._pixels.publish(
                        shot.raw,
                        size=tuple(shot.size),
                        mode="RGBX",
                        order="bgr",
                        id=settings.picture,
                        captured_unix_ns=captured_unix_ns,
                        send=publish.from_thread,
                    )
                except ValueError as error:  # more pixels than max_pixels, or too many topics
                    self._reports.add("refused pictures", str(error), logging.ERROR)
                due_s = max(due_s + 1 / settings.fps, ending.now_s())

    @contextmanager
    def _screen(self) -> Generator[Any]:
        try:
            from mss import MSS
        except ImportError:
            raise missing("the source screen", "mss") from None
        if sys.platform == "linux" and self._settings.x_display is None:
            raise InputError(NO_DISPLAY)
        options: dict[str, Any] = {"display": self._settings.x_display} if sys.platform == "linux" else {}
        screen: Any = self._read(lambda: MSS(**options))
        try:
            yield screen
        finally:
            with suppress(Exception):  # the display may be gone
                screen.close()

    def _read(self, ask: Any) -> Any:
        try:
            return ask()
        except Exception as error:  # the package raises of any kind when the display goes away
            name = f"display {self._settings.x_display!r}" if self._settings.x_display else "the screen"
            raise OSError(f"{name} cannot be read: {str(error) or 'it has gone'}") from error


def _area(settings: ScreenSettings, monitors: list[dict[str, int]]) -> dict[str, int]:
    """The part of the screen to take, in pixels of all monitors together."""
    if settings.monitor >= len(monitors):
        names = [f"{number} ({each['width']} x {each['height']})" for number, each in enumerate(monitors)]
        raise InputError(f"there is no monitor {settings.monitor}: there are {', '.join(names)}")
    monitor = monitors[settings.monitor]
    if settings.region is None:
        return {name: monitor[name] for name in ("left", "top", "width", "height")}
    left, top, width, height = settings.region
    if left + width > monitor["width"] or top + height > monitor["height"]:
        raise InputError(
            f"region is {list(settings.region)}, which is not within monitor {settings.monitor} "
            f"({monitor['width']} x {monitor['height']})"
        )
    return {"left": monitor["left"] + left, "top": monitor["top"] + top, "width": width, "height": height}
