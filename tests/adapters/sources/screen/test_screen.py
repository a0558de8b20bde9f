"""The source `screen`, on a virtual one."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from beats.adapters.sources.screen import ScreenSettings
from beats.adapters.sources.screen.source import ScreenSource
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError
from beats.kernel.resources import Doubt, Package
from tests.adapters.sources.support import context
from tests.adapters.sources.video.support import Recorder
from tests.support.xvfb import Xvfb

RED, GREEN = (255, 0, 0), (0, 128, 0)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Xvfb]:
    """Of 64 x 48 pixels."""
    with Xvfb(tmp_path) as found:
        yield found


def source(**settings: Any) -> ScreenSource:
    return ScreenSource(ScreenSettings.model_validate({"type": "screen", **settings}), context())


async def show(count: int, recorder: Recorder, **settings: Any) -> None:
    """Show the screen until so many pictures have come."""
    async with anyio.create_task_group() as group:
        group.start_soon(source(**settings).run, recorder)
        await recorder.come(count)
        group.cancel_scope.cancel()


def images(recorder: Recorder) -> list[Image.Image]:
    frames = [message for message in recorder.messages if isinstance(message, Frame)]
    return [Image.open(io.BytesIO(frame.data)).convert("RGB") for frame in frames]


@pytest.mark.parametrize(
    ("settings", "size", "colours"),
    [
        ({}, (64, 48), {(0, 0): RED, (40, 10): GREEN, (63, 47): (0, 0, 0)}),
        ({"monitor": 0}, (64, 48), {(0, 0): RED}),
        ({"region": [30, 5, 20, 10]}, (20, 10), {(0, 0): (0, 0, 0), (10, 5): GREEN}),
    ],
)
def test_what_is_on_the_screen_is_published(
    settings: dict[str, Any], size: tuple[int, int], colours: dict[tuple[int, int], Any], screen: Xvfb
) -> None:
    """All of it, or a part."""
    screen.fill(0, 0, 10, 10, RED)
    screen.fill(40, 10, 5, 5, GREEN)
    recorder = Recorder()
    anyio.run(lambda: show(1, recorder, display=screen.display, picture="desk", **settings))
    shown = images(recorder)[0]
    assert shown.size == size
    assert {place: shown.getpixel(place) for place in colours} == colours
    assert {message.id for message in recorder.messages if isinstance(message, Frame)} == {"desk"}


def test_what_changes_on_the_screen_is_seen(screen: Xvfb) -> None:
    """In one of the next pictures."""

    def paint(count: int) -> None:
        if count == 2:
            screen.fill(0, 0, 64, 48, RED)

    recorder = Recorder(paint)
    anyio.run(lambda: show(6, recorder, display=screen.display, fps=100.0))
    seen = [image.getpixel((5, 5)) for image in images(recorder)]
    assert (seen[0], seen[-1]) == ((0, 0, 0), RED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"monitor": 3}, r"there is no monitor 3: there are 0 \(64 x 48\), 1 \(64 x 48\)"),
        (
            {"region": [60, 0, 10, 10]},
            r"region is \[60, 0, 10, 10\], which is not within monitor 1 \(64 x 48\)",
        ),
    ],
)
def test_a_part_that_is_not_there_is_an_error(settings: dict[str, Any], message: str, screen: Xvfb) -> None:
    """It says what there is."""
    with pytest.raises(InputError, match=message):
        anyio.run(source(display=screen.display, **settings).run, Recorder())


def test_a_display_that_is_not_there_or_goes_away_is_tried_again(screen: Xvfb) -> None:
    """Both are OSErrors that name it."""
    with pytest.raises(OSError, match=r"display ':9797' cannot be read: Cannot connect to display"):
        anyio.run(source(display=":9797").run, Recorder())
    recorder = Recorder(lambda count: screen.kill() if count == 2 else None)
    with pytest.raises(OSError, match=rf"display '{screen.display}' cannot be read"):
        anyio.run(source(display=screen.display, fps=100.0).run, recorder)


def test_without_a_display_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it starts, and to who checks the settings; under Wayland, what would be missing."""
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(InputError, match=r'there is no screen to show: set display, such as ":0"'):
        anyio.run(source().run, Recorder())
    [doubt] = ScreenSettings(type="screen").resources("x").doubts
    assert "there is no screen to show" in doubt.text
    monkeypatch.setenv("DISPLAY", ":0")
    found = ScreenSettings(type="screen").resources("x")
    assert (found.doubts, found.packages) == ((), (Package("type", "mss", "beats[screen]"),))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    [doubt] = ScreenSettings(type="screen").resources("x").doubts
    assert doubt == Doubt("display", doubt.text)
    assert "only the windows of X programs are seen" in doubt.text
