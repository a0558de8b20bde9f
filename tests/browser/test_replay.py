"""The timeline of a replay."""

import re
from math import inf
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from beats.app import Stream
from beats.kernel.envelope import Frame
from beats.kernel.stats import Playback
from tests.adapters.sources.replay.recordings import FRAME_S, at
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import Tab
from tests.recordings.support import line, record
from tests.support import png_of

FRAMES = 201


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of twenty seconds; the brightness of each picture is its number, from 0."""
    lines = [
        line(Frame(png_of(Image.new("L", (4, 4), number))), number + 1, at(number * FRAME_S))
        for number in range(FRAMES)
    ]
    return record(tmp_path_factory.mktemp("tapes") / "show.mcap", lines)


@pytest.fixture
def stream(on_air: OnAir, show: Path) -> Stream:
    """A stream that replays it."""
    sources = {"demo": {"enabled": False}, "replay": {"type": "replay", "path": str(show), "loop": True}}
    return on_air({"sources": sources})


def playback(stream: Stream) -> Playback:
    (found,) = [source.playback for source in stream.stats().sources if source.playback]
    return found


def until_brightness(tab: Tab, level: int) -> None:
    """Wait until the picture with this number is on the canvas."""
    tab.wait_for(lambda: tab.picture()[1].getpixel((0, 0)) == (level, level, level))


def opened(tab: Tab, stream: Stream) -> None:
    """Open the page, and pause the replay with it."""
    tab.open(stream)
    tab.may_control()
    tab.shows("#replay-end", "0:20.0")
    tab["#replay-pause"].click()
    tab.wait_for(lambda: playback(stream).paused)
    expect(tab["#replay-pause"]).to_have_accessible_name("Play")


def seek(tab: Tab, position_s: float) -> None:
    tab["#replay-position"].fill(str(position_s))


def test_it_is_paused_and_continues(tab: Tab, stream: Stream) -> None:
    """While paused, picture and position stay the same; then both continue."""
    opened(tab, stream)
    # After pausing, the page may still draw a picture and correct the position: seek to a known one.
    seek(tab, 10.05)
    until_brightness(tab, 100)
    sequence = tab.picture()[0]
    for _ in range(3):
        with tab.page.expect_response("**/api/session"):
            tab.ask_again()
        assert (tab["#replay-here"].inner_text(), tab.picture()[0]) == ("0:10.0", sequence)
    tab["#replay-pause"].click()
    tab.wait_for(lambda: not playback(stream).paused)
    expect(tab["#replay-here"]).not_to_have_text("0:10.0")
    expect(tab["#canvas"]).not_to_have_attribute("data-sequence", str(sequence))


def test_the_slider_seeks(tab: Tab, stream: Stream) -> None:
    """The picture at that position is shown, even while paused; the keys of the slider work as well."""
    opened(tab, stream)
    for position_s in (15.05, 3.05):
        seek(tab, position_s)
        until_brightness(tab, int(position_s * 10))
        tab.shows("#replay-here", re.compile(f"0:{int(position_s):02}"))
    tab["#replay-position"].press("End")
    tab.wait_for(lambda: playback(stream).position_s > 19)


def test_it_steps_by_frames(tab: Tab, stream: Stream) -> None:
    """Forward and back, one picture each time."""
    opened(tab, stream)
    seek(tab, 10.05)
    until_brightness(tab, 100)
    for direction, level in (("forward", 101), ("forward", 102), ("back", 101), ("back", 100)):
        tab[f"#replay-{direction}"].click()
        until_brightness(tab, level)


def test_the_speed_can_be_chosen(tab: Tab, stream: Stream) -> None:
    """From a tenth to the maximum."""
    opened(tab, stream)
    for value, speed in (("0.1", 0.1), ("4", 4.0), ("max", inf)):
        tab["#replay-speed"].select_option(value)
        tab.wait_for(lambda speed=speed: playback(stream).speed == speed)  # type: ignore[misc] # the default tells


def test_a_speed_chosen_elsewhere_is_shown(scene: Scene) -> None:
    """Even one that the page does not offer."""
    scene.tell(playback={"replay": _playback(speed=3)})
    expect(scene.tab["#replay-speed"]).to_have_value("3")


def test_the_timeline_is_shown_during_a_replay(scene: Scene) -> None:
    """And hidden otherwise; a viewer who may only watch sees disabled controls."""
    tab = scene.tab
    expect(tab["#replay"]).to_be_hidden()
    scene.tell(playback={"replay": _playback()}, rights={"steer": False})
    expect(tab["#replay"]).to_be_visible()
    for control in ("#replay-pause", "#replay-back", "#replay-forward", "#replay-position", "#replay-speed"):
        expect(tab[control]).to_be_disabled()
    scene.tell(playback={})
    expect(tab["#replay"]).to_be_hidden()


def _playback(**changes: object) -> dict[str, object]:
    return {"position_s": 1.0, "duration_s": 100.0, "speed": 1, "paused": False, "loops": 0, **changes}
