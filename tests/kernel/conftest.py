"""Kernel tests run in virtual time, on both anyio back ends."""

from collections.abc import Callable
from io import FileIO
from typing import Any

import pytest
import trio
from anyio.lowlevel import current_token
from trio.testing import MockClock

from beats.kernel.testing import VirtualTimeLoop


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Both back ends; each test has a clock of its own, which starts at 0."""
    if request.param == "trio":
        return "trio", {"clock": MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": VirtualTimeLoop}


@pytest.fixture
def wake_ups(anyio_backend_name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Callable[[], int]]:
    """Called inside the loop: counts from then on how often it is woken from outside."""
    calls: list[object] = []

    def watch() -> Callable[[], int]:
        native: Any = current_token().native_token
        where, name = (
            (native, "call_soon_threadsafe")
            if anyio_backend_name == "asyncio"
            else (trio.lowlevel.TrioToken, "run_sync_soon")
        )
        original = getattr(where, name)

        def counted(*args: Any, **kwargs: Any) -> object:
            calls.append(args)
            return original(*args, **kwargs)

        class Counted(FileIO):
            def write(self, data: Any) -> int:
                calls.append(data)
                return super().write(data)

        monkeypatch.setattr(where, name, counted)
        monkeypatch.setattr("beats.kernel.waker.FileIO", Counted)  # of a waker within `with`
        return lambda: len(calls)

    return watch
