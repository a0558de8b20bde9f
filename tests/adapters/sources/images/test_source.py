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
from anyio import to_thread

from beats.adapters.sources.images import SOURCE, ImagesSettings
from beats.adapters.sources.images.source import ImagesSource
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError
from tests.adapters.sources.images.pictures import BLUE, GREEN, RED, animation, colour, opened, still
from tests.adapters.sources.support import Backend, T, TimedRecorder, context, in_virtual_time, inline

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
    return [colour(frame.png_data) for _, frame in publish.of(Frame)]


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


async def test_a_late_picture_delays_the_later_ones(tmp_path: Path) -> None:
    """After a stall of a second the next picture comes at once, the later ones at their intervals."""
    publish = TimedRecorder()
    publish.delays_s = {1: 1.02}
    await shown(animation(tmp_path / "a.gif", [100, 100, 100, 100, 100]), publish=publish, loop=False)
    assert publish.times_s == [0.0, 0.1, 1.12, 1.22, 1.32]
    assert len(set(colours(publish))) == 5


async def test_a_short_delay_is_caught_up(tmp_path: Path) -> None:
    """A delay shorter than a picture's duration does not affect the later ones."""
    publish = TimedRecorder()
    publish.delays_s = {1: 0.09}
    await shown(animation(tmp_path / "a.gif", [100, 50, 100, 100]), publish=publish, loop=False)
    assert publish.times_s == [0.0, 0.1, 0.19, 0.29]


async def test_pictures_are_enlarged_as_the_settings_say(tmp_path: Path) -> None:
    """By a factor or to a size."""
    path = still(tmp_path / "a.png")
    scaled, sized = await shown(path, loop=False, scale=4), await shown(path, loop=False, size=[10, 20])
    frames = [frame for publish in (scaled, sized) for _, frame in publish.of(Frame)]
    assert [opened(frame.png_data).size for frame in frames] == [(16, 12), (10, 20)]


async def test_nothing_to_read_is_an_input_error(tmp_path: Path) -> None:
    """A retry would not help; the error says what to give."""
    with pytest.raises(InputError, match=r"nothing\.gif does not exist: give a picture"):
        await shown(tmp_path / "nothing.gif")


async def test_a_folder_may_get_its_first_picture_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says what is missing; the picture is shown as soon as it is there."""
    publish = TimedRecorder()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(shown, tmp_path, 6.0, publish))
        await anyio.sleep(3.5)
        assert publish.times_s == []
        still(tmp_path / "a.png", BLUE)
    assert colours(publish)[0] == BLUE
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("files into it; waiting for a picture")


async def test_faults_in_files_are_logged_with_the_sources_name(
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


async def test_a_full_queue_does_not_end_the_slideshow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The source logs it and goes on."""
    publish = TimedRecorder()
    publish.refuse = True
    await shown(animation(tmp_path / "a.gif", [50, 50]), publish=publish, loop=False)
    assert len(publish.times_s) == 2
    assert "'browser'" in caplog.text


async def test_pictures_are_decoded_in_a_worker_thread(tmp_path: Path) -> None:
    """Decoding never blocks the event loop; cancelling closes the file."""
    threads: list[int] = []

    async def watched(function: Callable[..., T], /, *args: object) -> T:
        def call() -> T:
            threads.append(threading.get_ident())
            return function(*args)

        return await to_thread.run_sync(call)

    settings = ImagesSettings(type="images", path=str(animation(tmp_path / "a.gif", [50, 50, 50])))
    for source in (ImagesSource(settings, context(), watched), SOURCE.build(settings, context())):
        publish = TimedRecorder()
        async with anyio.create_task_group() as group:
            group.start_soon(source.run, publish)
            await publish.frames(2)
            group.cancel_scope.cancel()
    assert threads
    assert threading.get_ident() not in threads


# Changes while it runs


def rewritten(path: Path, write: Callable[[Path], object]) -> None:
    """Rewrite a file by renaming another one, so that it is complete at all times."""
    write(path.with_name(".new" + path.suffix))
    path.with_name(".new" + path.suffix).replace(path)


async def changed_while_shown(
    path: Path, change: Callable[[], object], *, after_s: float, until_s: float, **settings: Any
) -> TimedRecorder:
    """What is published if the files change meanwhile."""
    publish = TimedRecorder()

    async def interfere() -> None:
        await anyio.sleep(after_s)
        change()

    async with anyio.create_task_group() as group:
        group.start_soon(interfere)
        await shown(path, until_s, publish, **settings)
    return publish


def first_s(publish: TimedRecorder, shade: object) -> float:
    """When a colour was first shown."""
    return next(time_s for time_s, frame in publish.of(Frame) if colour(frame.png_data) == shade)


async def test_a_rewritten_still_is_shown_after_the_next_check(tmp_path: Path) -> None:
    """It does not wait for the end of the old one's duration."""
    path = still(tmp_path / "a.png", RED)
    publish = await changed_while_shown(
        path, lambda: rewritten(path, lambda new: still(new, BLUE)), after_s=10.1, until_s=1000, fps=0.01
    )
    assert publish.times_s[:3] == [0.0, 11.2, 111.2]
    assert colours(publish)[:3] == [RED, BLUE, BLUE]


async def test_a_rewritten_animation_replaces_the_old_one(tmp_path: Path) -> None:
    """Within `refresh_s` and the time for the file to settle, without a pause."""
    path = animation(tmp_path / "a.gif", [100, 100, 100])
    publish = await changed_while_shown(
        path,
        lambda: rewritten(path, lambda new: animation(new, [100, 100, 100, 100])),
        after_s=10.05,
        until_s=20,
        refresh_s=5.03,
    )
    assert first_s(publish, (130, 0, 0)) == pytest.approx(2 * 5.03 + 0.2 + 0.3)
    assert max(after - before for before, after in pairwise(publish.times_s)) == pytest.approx(0.1)


async def test_pictures_are_added_and_removed_while_it_runs(tmp_path: Path) -> None:
    """Each at its place in the folder."""
    still(tmp_path / "1.png", RED)
    still(tmp_path / "3.png", BLUE)
    publish = await changed_while_shown(
        tmp_path, lambda: still(tmp_path / "2.png", GREEN), after_s=5.5, until_s=10
    )
    assert colours(publish) == [RED, BLUE, RED, BLUE, RED, BLUE, RED, BLUE, RED, GREEN]
    publish = await changed_while_shown(tmp_path, (tmp_path / "2.png").unlink, after_s=5.5, until_s=10)
    assert colours(publish) == [RED, GREEN, BLUE, RED, GREEN, BLUE, RED, BLUE, RED, BLUE]


async def test_removing_the_picture_that_is_shown_ends_its_time(tmp_path: Path) -> None:
    """The next one follows after the next check."""
    still(tmp_path / "1.png", RED)
    still(tmp_path / "2.png", BLUE)
    publish = await changed_while_shown(
        tmp_path, (tmp_path / "1.png").unlink, after_s=10.5, until_s=50, fps=0.01
    )
    assert publish.times_s == [0.0, 11.2]
    assert colours(publish) == [RED, BLUE]


async def test_a_file_is_read_only_after_it_was_written_completely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A partial file is neither shown nor reported."""
    path = still(tmp_path / "a.png", RED)
    whole = still(tmp_path / ".b.png", BLUE, (64, 64)).read_bytes()
    publish = TimedRecorder()

    async def write_slowly() -> None:
        await anyio.sleep(2.95)
        with path.open("wb") as file:
            for at in range(0, len(whole), len(whole) // 4 + 1):
                file.write(whole[at : at + len(whole) // 4 + 1])
                file.flush()
                await anyio.sleep(0.15)

    async with anyio.create_task_group() as group:
        group.start_soon(write_slowly)
        await shown(path, 10, publish)
    assert set(colours(publish)) == {RED, BLUE}
    assert caplog.records == []


async def test_a_file_that_keeps_changing_is_shown_anyway(tmp_path: Path) -> None:
    """Such as a camera picture rewritten ten times a second."""
    path = still(tmp_path / "a.png", RED)
    publish = TimedRecorder()

    async def write_again_and_again() -> None:
        for number in range(100):
            await anyio.sleep(0.1)
            rewritten(path, partial(still, colour=(0, 0, number)))

    async with anyio.create_task_group() as group:
        group.start_soon(write_again_and_again)
        await shown(path, 12, publish)
    assert len(set(colours(publish))) > 4


async def test_the_source_continues_when_removed_pictures_are_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a cache nothing is shown meanwhile; the log says why."""
    path = still(tmp_path / "a.png", RED)
    publish = TimedRecorder()

    async def take_away_and_bring_back() -> None:
        await anyio.sleep(5.5)
        path.unlink()
        await anyio.sleep(20)
        still(path, BLUE)

    async with anyio.create_task_group() as group:
        group.start_soon(take_away_and_bring_back)
        await shown(path, 40, publish, cache_bytes=0)
    seen = colours(publish)
    assert seen == [RED] * seen.index(BLUE) + [BLUE] * (len(seen) - seen.index(BLUE))
    assert not [time_s for time_s in publish.times_s if 8 < time_s < 25.5]
    assert publish.times_s[-1] > 38
    assert 1 <= len(caplog.records) <= 2


async def test_without_refresh_changes_are_ignored(tmp_path: Path) -> None:
    """With `refresh_s` of 0."""
    path = still(tmp_path / "a.png", RED)
    publish = await changed_while_shown(
        path, lambda: rewritten(path, lambda new: still(new, BLUE)), after_s=1.5, until_s=20, refresh_s=0.0
    )
    assert set(colours(publish)) == {RED}
