"""A thread for a source whose library blocks: ended within a second, whatever the library waits for."""

import threading
import time
from collections.abc import Callable
from typing import Final

import anyio

from beats.kernel.waker import Waker

_END_S: Final = 0.8
"""How long a cancelled source waits for its thread; the kernel waits for a second."""


class Ending:
    """Whether the thread is to end, and a way to wait that ends then, too."""

    def __init__(self) -> None:
        self._event: Final = threading.Event()

    @property
    def is_set(self) -> bool:
        """Whether the thread is to end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the thread."""
        self._event.set()

    def now_s(self) -> float:
        """Seconds by a clock that never steps."""
        return time.monotonic()

    def wait_until(self, time_s: float) -> bool:
        """Wait until `now_s` is this late; returns whether the thread is to end."""
        return self._event.wait(max(0.0, time_s - self.now_s()))


class OwnThread:
    """Runs one function at a time in a daemon thread, for a coroutine that waits for its end.

    A thread that is cancelled while its library waits for something, such as a camera, is left to itself: it
    ends when the library returns. Until then no other is started.
    """

    def __init__(self, name: str, make_ending: Callable[[], Ending] = Ending) -> None:
        """Start nothing yet.

        Args:
            name: the thread's, for debuggers.
            make_ending: makes what each call of the function is given; tests give one without real time.
        """
        self._name: Final = name
        self._make_ending: Final = make_ending
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[Ending], None]) -> None:
        """Call `work` in the thread until it returns, or raise what it raised.

        Raises:
            OSError: the thread of the last call still waits for its library.
        """
        if self._thread is not None and self._thread.is_alive():
            raise OSError("its last attempt has not ended yet: it still waits for its input")
        ending, waker, ended = self._make_ending(), Waker(), anyio.Event()
        errors: list[BaseException] = []

        def call() -> None:
            try:
                work(ending)
            except BaseException as error:
                errors.append(error)
            waker.ring(ended.set)

        self._thread = threading.Thread(target=call, name=f"beats-{self._name}", daemon=True)
        self._thread.start()
        try:
            await ended.wait()
        finally:
            ending.set()
            with anyio.CancelScope(shield=True), anyio.move_on_after(_END_S):
                await ended.wait()
        self._thread.join()
        if errors:
            raise errors[0]
