"""What a replay reads: the recordings it was told, and back to a frame before."""

from collections.abc import Callable, Generator
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.replay.reading import place_back, read_ahead, select
from beats.recordings.selection import Chosen
from tests.adapters.sources.replay.recordings import frame, knob, recorded, settings
from tests.recordings.support import record

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("place", "back", "wanted"),
    [
        (0.5, 1, 0.4),
        (0.5, 3, 0.2),
        (0.55, 1, 0.5),
        (0.05, 1, 0.0),
        (0.3, 99, 0.0),
        (0.0, 1, 0.0),
        (99.0, 1, 0.9),
    ],
)
def test_so_many_frames_back(tmp_path: Path, place: float, back: int, wanted: float) -> None:
    """A frame at the place itself does not count; before the first one there is none."""
    selection = select(settings(recorded(tmp_path)))
    assert place_back(selection, place, back, True) == pytest.approx(wanted)


def test_messages_count_where_they_are_asked_for(tmp_path: Path) -> None:
    """For recordings without frames."""
    selection = select(settings(recorded(tmp_path)))
    assert place_back(selection, 0.5, 1, False) == pytest.approx(0.45)
    assert place_back(selection, 0.5, 2, False) == pytest.approx(0.4)


def test_a_frame_long_before_is_found(tmp_path: Path) -> None:
    """The search grows until it finds one, through chunks without frames."""
    written = [frame(1, 0), *(knob(number, number) for number in range(1, 300))]
    selection = select(settings(record(tmp_path / "a.mcap", written)))
    assert place_back(selection, 299.0, 1, True) == 0.0
    assert place_back(select(settings(tmp_path / "a.mcap", start=10)), 299.0, 1, True) == 10.0


class Batches:
    """A recording that notices when it is closed."""

    def __init__(self, path: Path) -> None:
        self.closed = False
        self._inner = select(settings(path)).batches(0.0, print)

    def read(self) -> Generator[list[Chosen]]:
        try:
            yield from self._inner
        finally:
            self.closed = True


async def counted(function: Callable[..., object], *args: object) -> object:
    await anyio.lowlevel.checkpoint()
    return function(*args)


async def test_it_reads_ahead_a_little_and_closes(tmp_path: Path) -> None:
    """As much as there is room for; the file is closed when the reader stops."""
    batches = Batches(recorded(tmp_path))
    send, receive = anyio.create_memory_object_stream[list[Chosen]](2)
    async with anyio.create_task_group() as group:
        group.start_soon(read_ahead, batches.read(), send, counted)
        await anyio.sleep(1)
        assert receive.statistics().current_buffer_used == 2
        assert not batches.closed
        receive.close()
    assert batches.closed


async def test_it_ends_with_the_recording(tmp_path: Path) -> None:
    """The end of the channel tells the reader."""
    batches = Batches(recorded(tmp_path))
    send, receive = anyio.create_memory_object_stream[list[Chosen]](2)
    async with anyio.create_task_group() as group:
        group.start_soon(read_ahead, batches.read(), send, counted)
        with receive:
            assert sum([len(batch) async for batch in receive]) == 20
    assert batches.closed
