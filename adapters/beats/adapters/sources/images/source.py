"""The timeline of pictures: which one is on air, and until when."""

import logging
from collections.abc import Callable, Generator
from typing import Final, Protocol, TypeVar

import anyio
from anyio import to_thread

from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.film import Film, Shot
from beats.adapters.sources.images.listing import File
from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError, QueueFull
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog

STILL_S: Final = 1.0
"""How long a picture that is not part of an animation is shown, unless `fps` says otherwise."""
SETTLE_S: Final = 0.2
"""How long files must be still before they are read: some programs write a file in several steps."""
SETTLE_LOOKS: Final = 5
"""After so many looks, files that change all the time are read as they are."""

_T = TypeVar("_T")
_Shots = Generator[Shot | None]


class Offload(Protocol):
    """Runs a function where it does not stall the event loop."""

    async def __call__(self, function: Callable[[], _T], /) -> _T:
        """The function's result."""
        ...


class _TheEnd(Exception):  # noqa: N818 - no error
    """There is no further picture."""


class ImagesSource:
    """Shows each picture for its time, against absolute deadlines, so that a film does not drift.

    No picture is left out. When one is late by more than its own time (decoding is too slow, the machine
    slept), the rest of the film moves with it rather than follow in a burst.
    """

    def __init__(self, settings: ImagesSettings, context: Context, offload: Offload | None = None) -> None:
        self._settings = settings
        self._offload: Offload = offload or _in_a_thread
        self._reports = ThrottledLog(logging.getLogger(__name__), f"source {context.name!r}")

    async def run(self, publish: Publish) -> None:
        """Publish until the last picture had its time, or, when looping, until cancelled.

        Raises:
            InputError: nothing can be read at the path.
        """
        settings = self._settings
        self._changed = anyio.Event()
        is_watched = settings.loop and settings.refresh_s > 0
        film = Film(
            settings.path,
            Shape(settings.scale, settings.size),
            self._report,
            loop=settings.loop,
            cache_bytes=settings.cache_bytes,
            is_watched=is_watched,
        )
        fault: InputError | None = None
        shots = film.shots()
        try:
            async with anyio.create_task_group() as group:
                if is_watched:
                    group.start_soon(self._watch, film)
                try:
                    await self._show(film, shots, publish)
                except InputError as error:
                    fault = error  # raised below, not wrapped in the task group's exception group
                group.cancel_scope.cancel()
        finally:
            shots.close()
        if fault is not None:
            raise fault

    async def _show(self, film: Film, shots: _Shots, publish: Publish) -> None:
        deadline = anyio.current_time()
        on_air: File | None = None
        while True:
            try:
                shot = await self._offload(lambda: _next(shots))
            except _TheEnd:
                await anyio.sleep_until(deadline)
                return
            if on_air is None:
                deadline = anyio.current_time()
            if shot is None:  # what was there has gone; a look may find more
                await anyio.sleep(self._settings.refresh_s)
                on_air = None
                continue
            if not await self._is_due(film, on_air, deadline):
                deadline = anyio.current_time()
            if shot.file not in film.listing:  # it was read ahead, and has changed since
                continue
            on_air, picture = shot.file, shot.picture
            await self._offer(publish, picture.png)
            shown_s = 1 / self._settings.fps if self._settings.fps else picture.duration_s or STILL_S
            deadline = max(deadline + shown_s, anyio.current_time())

    async def _is_due(self, film: Film, on_air: File | None, deadline: float) -> bool:
        """Wait until a picture has had its time: True; or until its file has gone or changed."""
        while True:
            changed = self._changed
            with anyio.CancelScope(deadline=deadline):
                await changed.wait()
            if not changed.is_set():
                return True
            self._changed = anyio.Event()
            if on_air is not None and on_air not in film.listing:
                return False

    async def _watch(self, film: Film) -> None:
        """Look at the files again and again; what has changed is taken once it is still."""
        refresh_s = self._settings.refresh_s
        while True:
            await anyio.sleep(refresh_s)
            found = await self._offload(film.look)
            if found is None or found == film.listing:
                continue
            for _ in range(SETTLE_LOOKS):
                await anyio.sleep(min(refresh_s, SETTLE_S))
                before, found = found, await self._offload(film.look)
                if found == before:
                    break
            if found is not None:
                film.listing = found
                self._changed.set()

    async def _offer(self, publish: Publish, png: bytes) -> None:
        try:
            await publish(Frame(png))
        except QueueFull as error:
            self._reports.add("refused frames", str(error), logging.ERROR)

    def _report(self, text: str) -> None:
        self._reports.add("files with faults", text)


def _next(shots: _Shots) -> Shot | None:
    try:
        return next(shots)
    except StopIteration:  # which cannot pass through a coroutine
        raise _TheEnd from None


async def _in_a_thread(function: Callable[[], _T]) -> _T:
    return await to_thread.run_sync(function)
