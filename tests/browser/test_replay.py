"""A replay on a timeline."""

import io
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
from tests.browser.tab import TIMEOUT_MS, Tab
from tests.recordings.support import line, record

FRAMES = 201


def grey(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (4, 4), level).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of twenty seconds; each picture is as bright as its number says, from 0 on."""
    lines = [line(Frame(grey(number)), number + 1, at(number * FRAME_S)) for number in range(FRAMES)]
    return record(tmp_path_factory.mktemp("tapes") / "show.mcap", lines)


@pytest.fixture
def stream(on_air: OnAir, show: Path) -> Stream:
    """It is replayed, and paused at once where the page can see it."""
    sources = {"demo": {"enabled": False}, "replay": {"type": "replay", "path": str(show), "loop": True}}
    return on_air({"sources": sources})


def playback(stream: Stream) -> Playback:
    (found,) = [source.playback for source in stream.stats().sources if source.playback]
    return found


def until_brightness(tab: Tab, level: int) -> None:
    """Wait until the picture with this number is on the canvas."""
    tab.wait_for(lambda: tab.picture()[1].getpixel((0, 0)) == (level, level, level))


def opened(tab: Tab, stream: Stream) -> None:
    """The page, with the replay paused through it."""
    tab.open(stream)
    tab.may_steer()
    tab.shows("#replay-end", "0:20.0")
    tab["#replay-pause"].click()
    tab.wait_for(lambda: playback(stream).paused)
    expect(tab["#replay-pause"]).to_have_accessible_name("Play", timeout=TIMEOUT_MS)


def seek(tab: Tab, position_s: float) -> None:
    tab["#replay-position"].fill(str(position_s))


def test_it_is_paused_and_goes_on(tab: Tab, stream: Stream) -> None:
    """While it is paused the picture and the place stand still; then both go on."""
    opened(tab, stream)
    here = tab["#replay-here"].inner_text()
    sequence = tab.picture()[0]
    tab.page.wait_for_timeout(300)
    assert (tab["#replay-here"].inner_text(), tab.picture()[0]) == (here, sequence)
    tab["#replay-pause"].click()
    tab.wait_for(lambda: not playback(stream).paused)
    expect(tab["#replay-here"]).not_to_have_text(here, timeout=TIMEOUT_MS)
    expect(tab["#canvas"]).not_to_have_attribute("data-sequence", str(sequence), timeout=TIMEOUT_MS)


def test_it_goes_where_the_slider_is_put(tab: Tab, stream: Stream) -> None:
    """The picture of that place is shown, also while it is paused; the keys of a slider work as well."""
    opened(tab, stream)
    for position_s in (15.05, 3.05):
        seek(tab, position_s)
        until_brightness(tab, int(position_s * 10))
        tab.shows("#replay-here", re.compile(f"0:{int(position_s):02}"))
    tab["#replay-position"].press("End")
    tab.wait_for(lambda: playback(stream).position_s > 19)


def test_it_goes_frame_by_frame(tab: Tab, stream: Stream) -> None:
    """On and back, one picture each time."""
    opened(tab, stream)
    seek(tab, 10.05)
    until_brightness(tab, 100)
    for direction, level in (("forward", 101), ("forward", 102), ("back", 101), ("back", 100)):
        tab[f"#replay-{direction}"].click()
        until_brightness(tab, level)


def test_its_speed_is_chosen(tab: Tab, stream: Stream) -> None:
    """From a tenth to as fast as can be; one that somebody else chose is shown, too."""
    opened(tab, stream)
    for value, speed in (("0.1", 0.1), ("4", 4.0), ("max", inf)):
        tab["#replay-speed"].select_option(value)
        tab.wait_for(lambda speed=speed: playback(stream).speed == speed)  # type: ignore[misc] # the default tells


def test_a_speed_that_somebody_else_chose_is_shown(scene: Scene) -> None:
    """Also one that is not among those to choose from."""
    tab, host, _ = scene
    host.facts["playback"] = {"replay": _playback(speed=3)}
    expect(tab["#replay-speed"]).to_have_value("3", timeout=TIMEOUT_MS)


def test_it_goes_on_between_two_answers(scene: Scene) -> None:
    """The place moves although the server has nothing new to say of it, and stops at the end."""
    tab, host, _ = scene
    # Asked each second, it says each time that it is there; half a second later it is at the end.
    host.facts["playback"] = {"replay": _playback(position_s=99.2, speed=2)}
    tab.until("document.getElementById('replay-here').textContent.startsWith('1:39.')")
    tab.until("document.getElementById('replay-here').textContent === '1:40.0'")


def test_without_a_replay_there_is_no_timeline(scene: Scene) -> None:
    """It appears with a replay, and goes with it."""
    tab, host, _ = scene
    tab.is_live()
    expect(tab["#replay"]).to_be_hidden()
    host.facts["playback"] = {"replay": _playback()}
    expect(tab["#replay"]).to_be_visible(timeout=TIMEOUT_MS)
    host.facts["playback"] = {}
    expect(tab["#replay"]).to_be_hidden(timeout=TIMEOUT_MS)


def test_who_may_only_watch_sees_the_timeline(scene: Scene) -> None:
    """And can move nothing on it."""
    tab, host, _ = scene
    host.facts.update(playback={"replay": _playback()}, rights={"steer": False})
    expect(tab["#replay"]).to_be_visible(timeout=TIMEOUT_MS)
    for control in ("#replay-pause", "#replay-back", "#replay-forward", "#replay-position", "#replay-speed"):
        expect(tab[control]).to_be_disabled()


def _playback(**changes: object) -> dict[str, object]:
    return {"position_s": 1.0, "duration_s": 100.0, "speed": 1, "paused": False, "loops": 0, **changes}
