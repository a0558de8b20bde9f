"""The source `images`."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from beats.adapters.sources.images import SOURCE, ImagesSettings
from beats.adapters.sources.images.source import ImagesSource
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError
from beats.kernel.resources import Input, Resources, picture_claim
from tests.adapters.sources.images.pictures import BLUE, RED, animation, colour, opened, still
from tests.adapters.sources.support import (
    Backend,
    TimedRecorder,
    WorkerThreads,
    context,
    first_frames,
    in_virtual_time,
    inline,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    return in_virtual_time(request.param)


async def shown(
    path: Path, seconds: float = 100.0, publish: TimedRecorder | None = None, **settings: Any
) -> TimedRecorder:
    """What is published within some virtual time."""
    publish = publish or TimedRecorder()
    checked = ImagesSettings.model_validate({"type": "images", "path": str(path), **settings})
    with anyio.move_on_after(seconds):
        await ImagesSource(checked, context(), inline).run(publish)
    return publish


def colours(publish: TimedRecorder) -> list[object]:
    return [colour(frame.data) for _, frame in publish.of(Frame)]


async def test_an_animation_keeps_its_own_frame_times_without_drift(tmp_path: Path) -> None:
    """Each frame is shown for its time, in each loop, against absolute deadlines."""
    publish = await shown(animation(tmp_path / "a.gif", [30, 50, 70]), seconds=150.01)
    assert publish.times_s[:7] == [0.0, 0.03, 0.08, 0.15, 0.18, 0.23, 0.3]
    assert publish.times_s[-1] == 150.0
    assert len(publish.times_s) == 3001
    assert colours(publish)[:4] == [(10, 0, 0), (50, 0, 0), (90, 0, 0), (10, 0, 0)]


async def test_fps_overrides_the_files_times(tmp_path: Path) -> None:
    """With `fps`, all pictures have the same duration."""
    publish = await shown(animation(tmp_path / "a.gif", [30, 50, 70]), seconds=1.01, fps=4.0)
    assert publish.times_s == [0.0, 0.25, 0.5, 0.75, 1.0]


async def test_without_loop_the_source_ends_after_one_pass(tmp_path: Path) -> None:
    """When the last picture has had its time."""
    publish = await shown(animation(tmp_path / "a.gif", [30, 50, 70]), loop=False)
    assert publish.times_s == [0.0, 0.03, 0.08]
    assert anyio.current_time() == pytest.approx(0.15)


async def test_a_still_is_sent_once_or_again_each_second(tmp_path: Path) -> None:
    """With `loop`, again each second."""
    path = still(tmp_path / "a.png")
    assert (await shown(path, loop=False)).times_s == [0.0]
    start_s = anyio.current_time()
    again = await shown(path, seconds=2.5)
    assert [time_s - start_s for time_s in again.times_s] == [0.0, 1.0, 2.0]


async def test_a_folder_is_shown_one_second_each(tmp_path: Path) -> None:
    """Stills have no duration of their own."""
    still(tmp_path / "2.png", RED)
    still(tmp_path / "10.png", BLUE)
    publish = await shown(tmp_path, seconds=2.5)
    assert publish.times_s == [0.0, 1.0, 2.0]
    assert colours(publish) == [RED, BLUE, RED]


async def test_pictures_are_enlarged_as_the_settings_say(tmp_path: Path) -> None:
    """By a factor or to a size."""
    path = still(tmp_path / "a.png")
    scaled, sized = await shown(path, loop=False, scale=4), await shown(path, loop=False, size=[10, 20])
    frames = [frame for publish in (scaled, sized) for _, frame in publish.of(Frame)]
    assert [opened(frame.data).size for frame in frames] == [(16, 12), (10, 20)]


async def test_nothing_to_read_is_an_input_error(tmp_path: Path) -> None:
    """A retry would not help; the error says what to give."""
    with pytest.raises(InputError, match=r"nothing\.gif does not exist: give a picture"):
        await shown(tmp_path / "nothing.gif")


async def test_faults_are_logged_with_the_sources_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each file."""
    still(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("hello")
    await shown(tmp_path, seconds=5.0)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("source 'demo': ")
    assert "b.txt" in record.getMessage()


async def test_a_full_queue_does_not_end_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The source logs it and goes on."""
    publish = TimedRecorder()
    publish.refuse = True
    await shown(animation(tmp_path / "a.gif", [50, 50]), publish=publish, loop=False)
    assert len(publish.times_s) == 2
    assert "'browser'" in caplog.text


async def test_pictures_are_decoded_in_a_worker_thread(tmp_path: Path) -> None:
    """Decoding never blocks the event loop; cancelling closes the file."""
    threads = WorkerThreads()
    settings = ImagesSettings(type="images", path=str(animation(tmp_path / "a.gif", [50, 50, 50])))
    await first_frames(ImagesSource(settings, context(), threads.run), 2)
    await first_frames(SOURCE.build(settings, context()), 2)
    assert threads.used
    assert threading.get_ident() not in threads.used


@pytest.mark.parametrize(
    ("delay_s", "times_s"), [(1.02, [0.0, 0.1, 1.12, 1.22, 1.32]), (0.09, [0.0, 0.1, 0.2, 0.3, 0.4])]
)
async def test_only_a_long_delay_moves_later_pictures(
    tmp_path: Path, delay_s: float, times_s: list[float]
) -> None:
    """After a stall the next picture comes at once, the later ones at their intervals, without a burst."""
    publish = TimedRecorder()
    publish.delays_s = {1: delay_s}
    await shown(animation(tmp_path / "a.gif", [100, 100, 100, 100, 100]), publish=publish, loop=False)
    assert publish.times_s == times_s
    assert len(set(colours(publish))) == 5


# Changes while it runs


def rewritten(path: Path, write: Callable[[Path], object]) -> Callable[[], object]:
    """Rewrites a file by renaming another one, so that it is complete at all times."""

    def rewrite() -> None:
        write(path.with_name(".new" + path.suffix))
        path.with_name(".new" + path.suffix).replace(path)

    return rewrite


async def changed_while_shown(
    path: Path, *changes: tuple[float, Callable[[], object]], until_s: float, **settings: Any
) -> TimedRecorder:
    """What is published if the files change meanwhile, each at its time."""
    publish = TimedRecorder()
    start_s = anyio.current_time()

    async def interfere() -> None:
        for at_s, change in changes:
            await anyio.sleep_until(start_s + at_s)
            change()

    async with anyio.create_task_group() as group:
        group.start_soon(interfere)
        await shown(path, until_s, publish, **settings)
    return publish


async def test_a_rewritten_still_is_shown_after_the_next_check(tmp_path: Path) -> None:
    """It does not wait for the end of the old one's duration."""
    path = still(tmp_path / "a.png", RED)
    change = rewritten(path, partial(still, colour=BLUE))
    publish = await changed_while_shown(path, (10.1, change), until_s=1000, fps=0.01)
    assert publish.times_s[:3] == [0.0, 11.2, 111.2]
    assert colours(publish)[:3] == [RED, BLUE, BLUE]


async def test_a_rewritten_animation_replaces_the_old_one(tmp_path: Path) -> None:
    """Within `refresh_s` and the time for the file to settle, without a pause."""
    path = animation(tmp_path / "a.gif", [100, 100, 100])
    change = rewritten(path, lambda new: animation(new, [100, 100, 100, 100]))
    publish = await changed_while_shown(path, (10.05, change), until_s=20, refresh_s=5.03)
    first_s = next(at_s for at_s, frame in publish.of(Frame) if colour(frame.data) == (130, 0, 0))
    assert first_s == pytest.approx(2 * 5.03 + 0.2 + 0.3)
    assert max(after - before for before, after in pairwise(publish.times_s)) == pytest.approx(0.1)


async def test_removing_the_picture_that_is_shown_ends_its_time(tmp_path: Path) -> None:
    """The next one follows after the next check."""
    first = still(tmp_path / "1.png", RED)
    still(tmp_path / "2.png", BLUE)
    publish = await changed_while_shown(tmp_path, (10.5, first.unlink), until_s=50, fps=0.01)
    assert publish.times_s == [0.0, 11.2]
    assert colours(publish) == [RED, BLUE]


async def test_a_file_is_read_once_it_is_complete(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A partial file is neither shown nor reported."""
    path = still(tmp_path / "a.png", RED)
    whole = still(tmp_path / ".b.png", BLUE, (64, 64)).read_bytes()
    quarter = len(whole) // 4 + 1
    steps = [(2.8 + 0.15 * n, partial(path.write_bytes, whole[: n * quarter])) for n in range(1, 5)]
    publish = await changed_while_shown(path, *steps, until_s=10)
    assert set(colours(publish)) == {RED, BLUE}
    assert caplog.records == []


async def test_a_file_that_keeps_changing_is_shown_anyway(tmp_path: Path) -> None:
    """Such as a camera picture rewritten ten times a second."""
    path = still(tmp_path / "a.png", RED)
    steps = [(n / 10, rewritten(path, partial(still, colour=(0, 0, n)))) for n in range(1, 101)]
    publish = await changed_while_shown(path, *steps, until_s=12)
    assert len(set(colours(publish))) > 4


async def test_it_continues_when_pictures_are_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a cache nothing is shown meanwhile; the log says why."""
    path = still(tmp_path / "a.png", RED)
    back = partial(still, path, BLUE)
    publish = await changed_while_shown(path, (5.5, path.unlink), (25.5, back), until_s=40, cache_bytes=0)
    seen = colours(publish)
    assert seen == [RED] * seen.index(BLUE) + [BLUE] * (len(seen) - seen.index(BLUE))
    assert not [time_s for time_s in publish.times_s if 8 < time_s < 25.5]
    assert publish.times_s[-1] > 38
    assert 1 <= len(caplog.records) <= 2


async def test_without_refresh_changes_are_ignored(tmp_path: Path) -> None:
    """With `refresh_s` of 0."""
    path = still(tmp_path / "a.png", RED)
    change = rewritten(path, partial(still, colour=BLUE))
    publish = await changed_while_shown(path, (1.5, change), until_s=20, refresh_s=0.0)
    assert set(colours(publish)) == {RED}


async def test_a_folder_may_be_empty_at_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A warning says what is missing; the picture is shown as soon as it is there."""
    publish = await changed_while_shown(tmp_path, (3.5, partial(still, tmp_path / "a.png", BLUE)), until_s=6)
    assert publish.times_s[0] > 3.5
    assert colours(publish)[0] == BLUE
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("files into it; waiting for a picture")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "path"),
        ({"path": ""}, "path"),
        ({"path": "a", "scale": 2, "size": [4, 4]}, "scale and size exclude each other"),
        ({"path": "a", "scale": 65}, "scale"),
        ({"path": "a", "size": [4]}, "size"),
        ({"path": "a", "size": ["4", 4]}, "size"),
        ({"path": "a", "size": [4, 9000]}, "size"),
        ({"path": "a", "fps": 0}, "fps"),
        ({"path": "a", "cache_bytes": -1}, "cache_bytes"),
        ({"path": "a", "refresh_s": -1}, "refresh_s"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """The error names the key."""
    with pytest.raises(ValidationError, match=message):
        ImagesSettings.model_validate({"type": "images", **wrong})


def test_it_needs_its_pictures() -> None:
    """A file or a folder, with the home folder expanded."""
    settings = ImagesSettings(type="images", path="~/a.gif", size=(2, 3))
    inputs, claims = (Input("path", Path.home() / "a.gif", "any"),), (picture_claim("type"),)
    assert settings.resources("x") == Resources(inputs=inputs, claims=claims)
