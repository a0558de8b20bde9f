"""How much of the pictures the page asks for."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection

from beats.app import Stream
from tests.adapters.sinks.websocket.support import settings
from tests.browser.host import Host, frame
from tests.browser.node import call
from tests.browser.stage import OnAir
from tests.browser.tab import AWAY, FULL, Tab
from tests.support import png_of, tiny_png

GOOD: Final = {"frames": 30, "lost": 0, "ageMs": 40}
LOSSY: Final = {"frames": 6, "lost": 24, "ageMs": 150}
LATE: Final = {"frames": 30, "lost": 0, "ageMs": 2500}
SILENT: Final = {"frames": 0, "lost": 0, "ageMs": None}
FAST: Final = """const start = setInterval;
    window.setInterval = (then, ms) => start(then, ms === 1000 ? 100 : ms);"""
"""The page judges ten times a second."""


Second = tuple[int, Mapping[str, Any] | str]
"""A number of seconds, and what came in each of them; that may be an expression of `level`."""


def levels(*parts: Second) -> list[list[int]]:
    """The level after each second of each part."""
    seconds = ",".join(
        f"[{count}, level => ({json.dumps(second) if not isinstance(second, str) else second})]"
        for count, second in parts
    )
    body = f"""
        let now = unjudged();
        return [{seconds}].map(([count, second]) => Array.from({{length: count}}, () => {{
            const came = second(now.level);
            now = judged(now, {{...came, ageMs: came.ageMs ?? NaN}});
            return now.level;
        }}));
    """
    found: list[list[int]] = call("quality.js", body)[0]
    return found


def changes(of: Sequence[int]) -> list[tuple[int, int]]:
    """When the level changed, and to what."""
    return [(at, level) for at, level in enumerate(of) if at and level != of[at - 1]]


@pytest.mark.parametrize("bad", [LOSSY, LATE])
def test_on_a_line_that_is_too_slow_the_page_asks_for_less(bad: Mapping[str, Any]) -> None:
    """After three bad seconds, and again, as long as losses or ages stay; the first seconds say nothing."""
    (found,) = levels((17, bad))
    assert changes(found) == [(5, 1), (11, 2)]


def test_a_short_disturbance_changes_nothing() -> None:
    """Two bad seconds, or one in three; nor do pauses of the stream."""
    first: list[Second] = [(2, LOSSY), (9, GOOD)]
    lossy: list[Second] = [(1, LOSSY), (2, GOOD)]
    late: list[Second] = [(1, {**LATE, "ageMs": 1200}), (9, SILENT), (3, GOOD)]
    found = levels(*first, *lossy * 30, *late * 9)
    assert {level for part in found for level in part} == {0}


def test_a_frame_that_took_seconds_counts_for_all_of_them() -> None:
    """On a very slow line; but not the pauses of a slow stream."""
    found = levels((3, GOOD), (3, SILENT), (1, {**GOOD, "ageMs": 4000}))
    assert found[-1] == [1]
    found = levels((3, GOOD), (30, SILENT), (1, {**GOOD, "ageMs": 1100}))
    assert found[-1] == [0]


def test_a_line_that_has_recovered_gets_more_again() -> None:
    """After thirty good seconds, one level at a time up to the originals."""
    _, found = levels((12, LOSSY), (90, GOOD))
    assert changes(found) == [(32, 1), (65, 0)]


def test_a_line_at_its_limit_does_not_flap() -> None:
    """Each trial that fails doubles the time until the next one, up to eight minutes."""
    lossy, good = json.dumps(LOSSY), json.dumps(GOOD)
    (found,) = levels((4000, f"level === 0 ? {lossy} : {good}"))
    trials = [at for at, level in changes(found) if level == 0]
    waits = [later - earlier for earlier, later in pairwise(trials)]
    assert waits == sorted(waits)
    assert len(waits) > 5
    assert 480 <= waits[-1] < 500


def test_the_time_between_trials_falls_again_on_a_line_that_stays_good() -> None:
    """A bad hour is not held against a line for ever."""
    lossy, good = json.dumps(LOSSY), json.dumps(GOOD)
    *_, found = levels(
        (400, f"level === 0 ? {lossy} : {good}"),
        *[(600, GOOD), (5, LOSSY)] * 4,
        (40, GOOD),
    )
    assert [level for _, level in changes(found)] == [0]


def test_losses_that_do_not_depend_on_the_line_leave_the_originals() -> None:
    """If the least does not help, the page returns to the originals, and stays for eight minutes."""
    (found,) = levels((500, LOSSY))
    assert changes(found)[:4] == [(5, 1), (11, 2), (17, 3), (23, 0)]
    assert found[23:] == [0] * (500 - 23)


def test_the_least_is_kept_where_it_helps_although_frames_are_lost() -> None:
    """Losses are fewer than those of the originals."""
    some = {"frames": 20, "lost": 10, "ageMs": 40}
    (found,) = levels((300, f"level === 3 ? {json.dumps(some)} : {json.dumps(LOSSY)}"))
    assert found[-1] == 3


def test_a_page_that_has_reduced_asks_for_no_more_than_it_shows() -> None:
    """From a few widths, which viewers share; a narrower picture is only encoded in another form."""
    asked = [(0, 900), (1, 900), (1, 480), (2, 900), (3, 900), (1, 5000), (3, 200), (1, 110), (1, 64)]
    found = call("quality.js", *(f"return options({level}, {width}, true)" for level, width in asked))
    original, *reduced = found
    assert original == {"formats": "png,jpeg,webp,avif"}
    assert {each["formats"] for each in reduced} == {"jpeg,webp,avif"}
    assert {each["quality"] for each in reduced} == {"75"}
    widths = ["720", "480", "320", "160", "1280", "80", "160", None]
    assert [each.get("max_width") for each in reduced] == widths
    assert call("quality.js", "return options(0, 9, false)") == [{"formats": "png,jpeg,webp"}]


def test_the_smallest_differs_from_smaller_at_any_size() -> None:
    """And smaller is not much narrower than what is shown, where there is a width for it."""
    sizes = range(80, 4000, 5)
    levels = (f"return [1, 2, 3].map(level => +options(level, {size}, true).max_width)" for size in sizes)
    for size, (smaller, half, quarter) in zip(sizes, call("quality.js", *levels), strict=True):
        assert smaller > quarter
        assert smaller >= half >= quarter
        assert min(size, 1280) * 0.56 < smaller <= max(size, 160)


def test_all_pages_together_need_no_more_variants_than_a_server_has() -> None:
    """Whatever their windows and levels are."""
    asked = [
        f"return options({level}, {width}, true)" for level in (1, 2, 3) for width in range(50, 4000, 10)
    ]
    found = {tuple(each.values()) for each in call("quality.js", *asked)}
    assert len(found) <= settings().max_variants


def asked(connection: ServerConnection) -> dict[str, str]:
    """The query of a handshake."""
    assert connection.request is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(connection.request.path).query).items()}


def test_the_page_reduces_by_itself_without_a_pause(tab: Tab, host: Host) -> None:
    """It connects anew while the old connection stays, and counts on; what it has asked for, it says."""
    tab.prepare(FAST)
    tab.open(host.url)
    first = host.connection()
    assert asked(first) == {"topics": "*", "formats": "png,jpeg,webp,avif"}
    phases = (
        "new MutationObserver(() => { window.phase = 'left' }).observe(document.getElementById('status-text')"
    )
    tab.is_live()
    tab.page.evaluate(f"() => {{ {phases}, {{ childList: true }}) }}")
    sequence = 0
    while tab["#quality option:checked"].inner_text() == "Auto":
        sequence += 5
        with suppress(ConnectionClosedOK):  # the page goes on elsewhere, and is about to say so
            first.send(frame(tiny_png(), sequence))
        tab.page.wait_for_timeout(20)
    second = host.connection()
    less = asked(second)
    assert (less["topics"], less["formats"], less["quality"]) == ("*", "jpeg,webp,avif", "75")
    assert "max_width" not in less  # the picture is only a few pixels wide
    tab.shows("#quality option:checked", "Auto: smaller")
    second.send(frame(tiny_png(), sequence + 1))
    tab.until_drawn(sequence + 1)
    # More if the last frames on the old connection were not read any more.
    tab.until(f"+drops.value >= {sequence // 5 * 4 - 4}")
    assert tab.page.evaluate("window.phase") is None


def test_a_person_can_fix_what_is_asked_for(tab: Tab, host: Host) -> None:
    """The choice is remembered."""
    tab.resize(1000, 700)
    tab.open(host.url)
    host.connection()
    tab.is_live()
    tab["#quality"].select_option("smallest")
    second = host.connection()
    area = tab["#stage"].bounding_box()
    assert area is not None
    assert int(asked(second)["max_width"]) == 80 < area["width"]
    tab.page.reload()
    third = host.connection()
    assert asked(third) == asked(second)
    expect(tab["#quality"]).to_have_value("smallest")
    tab["#quality"].select_option("original")
    assert "quality" not in asked(host.connection())
    tab.open(host.url, "?quality=70&max_width=100")
    assert asked(host.connection()) == {"topics": "*", "quality": "70", "max_width": "100"}
    expect(tab["#quality"]).to_be_disabled()


def test_a_smaller_picture_is_enlarged_to_the_same_place(on_air: OnAir, tab: Tab) -> None:
    """Smoothly: its pixels are not those of the original, whose file was a PNG."""
    stream = on_air()
    noise = Image.effect_noise((640, 320), 40).convert("RGB")
    stream.publish_frame(png_of(noise))
    tab.open(stream)
    tab.until("canvas.width === 640")
    tab["#fit"].click()
    whole = tab["#canvas"].bounding_box()
    tab["#quality"].select_option("smallest")
    tab.until("canvas.width < 320")
    assert tab.page.evaluate("canvas.width") == 2 * tab.page.evaluate("canvas.height")
    tab["#fit"].click()
    box = tab["#canvas"].bounding_box()
    assert whole is not None
    assert box == pytest.approx(whole, abs=2)
    expect(tab["#canvas"]).to_have_class("smooth")
    tab["#about summary"].click()
    tab.shows("#picture-size", re.compile(r"^(80 \xd7 40|160 \xd7 80|240 \xd7 120) of 640 \xd7 320$"))
    with tab.page.expect_download() as download:
        tab["#save"].click()
    assert download.value.suggested_filename == "frame-1.jpg"


def test_a_server_that_makes_no_more_smaller_pictures_is_asked_for_the_originals(
    tab: Tab, on_air: OnAir
) -> None:
    """By a page that has just been opened; an open one keeps its connection."""
    stream = on_air(max_variants=1)
    address = stream.sinks["browser"].address
    tab.expect_complaints(FULL, AWAY)
    stream.publish_frame(png_of(Image.new("RGB", (1000, 500))))
    with connect(f"ws://{address.host}:{address.port}/?formats=webp&quality=33&max_width=77"):
        tab.open(stream)
        tab.until("canvas.width === 1000")
        tab["#quality"].select_option("smaller")
        tab.wait_for(lambda: _refused(stream) == 1)
        tab.is_live()
        stream.publish_frame(png_of(Image.new("RGB", (998, 500))))
        tab.until("canvas.width === 998")
        tab.page.reload()
        tab.until("canvas.width === 998")
        assert _refused(stream) > 1


def _refused(stream: Stream) -> int:
    """How many viewers were not let in."""
    totals = stream.stats().sinks[0].client_totals
    assert totals is not None
    return totals.refused


def test_an_enlarged_picture_becomes_the_only_one_that_is_asked_for(tab: Tab, host: Host) -> None:
    """After a while, and all again as soon as another is chosen; what was not asked for is not missed."""
    tab.open(host.url)
    connection = host.connection()
    for id_ in ("", "cam"):
        connection.send(frame(tiny_png(), 1, id_))
    expect(tab["#grid .tile"]).to_have_count(2)
    with tab.held_timers() as fire:
        tab.page.keyboard.press("2")
        tab.until("location.hash === '#picture=cam'")
        tab.page.keyboard.press("1")
        tab.until("location.hash === '#picture='")
        fire()
        narrow = host.connection()
        assert asked(narrow)["topics"] == "frame,peripheral/*"
        narrow.send(frame(tiny_png(), 5))
        tab.until_drawn(5)
        tab.page.keyboard.press("2")
        both = host.connection()
        assert asked(both)["topics"] == "*"
        both.send(frame(tiny_png(), 9))
        both.send(frame(tiny_png(), 100, "cam"))
        tab.until_number("drops", 3 + 3)


def test_an_enlarged_picture_is_the_only_one_on_a_slow_line(tab: Tab, host: Host) -> None:
    """The others are asked for again when they are shown."""
    tab.open(host.url)
    connection = host.connection()
    for id_ in ("", "hall/a,b"):
        connection.send(frame(tiny_png(), 1, id_))
    expect(tab["#grid .tile"]).to_have_count(2)
    tab["#quality"].select_option("smaller")
    assert asked(host.connection())["topics"] == "*"
    tab["#grid .name >> nth=1"].click()
    assert asked(host.connection())["topics"] == "frame/hall/a?b,peripheral/*"
    tab.page.keyboard.press("Escape")
    assert asked(host.connection())["topics"] == "*"
