"""The garbage collector of the command: `beats.cli.collector`."""

import gc
import weakref
from collections.abc import Callable
from typing import Final

import anyio
import pytest

from beats.cli import collector
from beats.cli.collector import LEAST_PAUSE_S, SHARE, collect_seldom
from beats.kernel.testing import VirtualTimeLoop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}


class Slow:
    """Stands for `time` in the module: whole collections seem to take as long as it is told."""

    def __init__(self) -> None:
        self.takes_s = 0.0
        self._now_s = 0.0
        self.collected_s: Final[list[float]] = []

    def perf_counter(self) -> float:
        return self._now_s

    def collect(self) -> None:
        self._now_s += self.takes_s
        self.collected_s.append(anyio.current_time())


async def running_for(seconds: float, then: Callable[[], object] = lambda: None) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(collect_seldom)
        await anyio.sleep(seconds)
        then()
        group.cancel_scope.cancel()


async def test_whole_collections_take_a_thousandth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one waits for a thousand times as long as the last one took."""
    slow = Slow()
    monkeypatch.setattr(collector, "time", slow)
    monkeypatch.setattr(gc, "collect", slow.collect)
    slow.takes_s = 0.3
    begin_s = anyio.current_time()
    await running_for(LEAST_PAUSE_S + 3 * 0.3 * SHARE + 1)
    expected_s = [0.0, LEAST_PAUSE_S, *(LEAST_PAUSE_S + n * 0.3 * SHARE for n in (1, 2, 3))]
    assert [at_s - begin_s for at_s in slow.collected_s] == pytest.approx(expected_s)


async def test_cycles_of_later_are_freed_by_the_next_whole_collection() -> None:
    """Such as those of connections that ended; they do not pile up."""

    class Cycle:
        def __init__(self) -> None:
            self.me = self

    async with anyio.create_task_group() as group:
        group.start_soon(collect_seldom)
        await anyio.sleep(1)
        left = weakref.ref(Cycle())
        await anyio.sleep(LEAST_PAUSE_S)
        assert left() is None
        group.cancel_scope.cancel()


async def test_at_the_end_the_collector_is_as_before() -> None:
    """For a program that calls the command in its own process."""
    before = gc.get_threshold(), gc.get_freeze_count()
    during: list[tuple[tuple[int, int, int], int]] = []
    await running_for(1, lambda: during.append((gc.get_threshold(), gc.get_freeze_count())))
    [(thresholds, frozen)] = during
    assert thresholds[2] == collector.OLDEST_THRESHOLD
    assert frozen > before[1]
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
