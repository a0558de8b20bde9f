"""The layout in windows of many sizes: nothing overlaps, and everything can be reached."""

import re
from collections.abc import Generator, Mapping
from typing import Final

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from beats.kernel.envelope import Peripheral, Tag
from tests.adapters.sinks.websocket.support import settings
from tests.browser.host import Host, frame, sealed
from tests.browser.stage import Lend, streams, tabs
from tests.browser.tab import Tab
from tests.support import tiny_png

SIZES: Final[Mapping[str, ViewportSize]] = {
    f"{width}x{height}": {"width": width, "height": height}
    for width, height in (
        *((1280, 900), (1280, 400), (683, 384), (700, 520)),  # desks, also enlarged
        *((390, 844), (390, 540), (390, 460)),  # phones, also with a keyboard
        *((844, 390), (768, 1024)),  # a phone in landscape, a tablet
        *((341, 192), (320, 256)),  # screens of 1366 x 768 and 1280 x 1024 enlarged to 400 %
    )
}
SENSORS: Final = 40

# The visible box of each part: clipped by the scrolling elements around it.
_BOXES: Final = """() => {
    const parts = [
        ".brand", "#status", ".metrics", "#about > summary", "#theme", "#notice", "#stage", "#gate",
        ".toolbar > *", "#replay > *", "#controls-why", "#sent", ".keys > *", ".line > *",
        ".peripherals .head > *", "#scroll",
    ];
    const found = [];
    for (const element of document.querySelectorAll(parts.join(","))) {
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        let { left, top, right, bottom } = element.getBoundingClientRect();
        for (let outer = element.parentElement; outer; outer = outer.parentElement) {
            if (getComputedStyle(outer).overflowY === "visible" || outer.matches("html")) continue;
            const box = outer.getBoundingClientRect();
            [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
            [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
        }
        if (right - left < 1 || bottom - top < 1) continue;
        found.push([element.id || element.className || element.textContent.trim(), left, top, right, bottom]);
    }
    return found;
}"""

# Controls that are too small, or covered by another element after scrolling them to the middle.
_COVERED: Final = """() => [...document.querySelectorAll("button, input, select, summary")]
    .filter(control => control.checkVisibility({ visibilityProperty: true }))
    .filter(control => {
        control.scrollIntoView({ block: "center" });
        const { left, top, width, height } = control.getBoundingClientRect();
        const found = document.elementFromPoint(left + width / 2, top + height / 2);
        return width < 24 || height < 24 - 1e-3 || !found || !control.contains(found);
    })
    .map(control => control.id || control.textContent.trim())"""

# Records the place of the picture whenever it changes.
_NOTE_PLACES: Final = """addEventListener("DOMContentLoaded", () => {
    window.places = [];
    const stage = document.getElementById("stage");
    if (!stage) return; // an empty page
    const look = () => {
        const { left, top, width, height } = stage.getBoundingClientRect();
        const place = [left, top, width, height].join();
        if (place !== places.at(-1)) places.push(place);
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
# The size of each control.
_TARGETS: Final = """() => [...document.querySelectorAll("button, input, select, summary")]
    .filter(element => element.checkVisibility())
    .map(element => [element.id || element.textContent, element.getBoundingClientRect()])
    .map(([name, box]) => [name, Math.round(box.width * 10) / 10, Math.round(box.height * 10) / 10])"""
_RENDERED: Final = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def overlapping(tab: Tab) -> list[tuple[str, str]]:
    """Pairs of overlapping parts."""
    boxes: list[tuple[str, float, float, float, float]] = tab.page.evaluate(_BOXES)
    assert len(boxes) > 10
    return [
        (one[0], other[0])
        for number, one in enumerate(boxes)
        for other in boxes[:number]
        if min(one[3], other[3]) - max(one[1], other[1]) > 0.5
        and min(one[4], other[4]) - max(one[2], other[2]) > 0.5
    ]


@pytest.fixture(scope="module")
def full(lend: Lend) -> Generator[Tab]:
    """A page that shows everything."""
    with Host() as host, lend() as tab:
        host.facts.update(
            commands=["record", "snapshot"],
            playback={"replay": {"position_s": 1, "duration_s": 9, "speed": 1, "paused": True, "loops": 0}},
            recorders={
                "tape": {"recording": 1, "idle": 0, "written_bytes_total": 5e6, "free_bytes": 1e12},
                "memory": {"recording": 0, "held_s": 30},
            },
            failed=["camera"],
            emojis=["poop", "skull", "heart", "star", "rainbow", "seb", "lampe", "our-own"],
        )
        tab.open(host.url)
        connection = host.connection()
        for sequence in (1, 3):
            connection.send(frame(tiny_png(), sequence))
        for number in range(SENSORS):
            data = {"x": -0.123456, "ticks": 1796017488, "all": 2**64 - 1, "mode": "slow"}
            message = Peripheral(f"sensor/of-the-hall-{number}", data, (Tag("sensor", "accelerometer"),))
            connection.send(sealed(message, 1))
        tab.until_drawn(3)
        tab.may_control()
        expect(tab["#notice"]).to_be_visible()
        yield tab


_CASES = [*((size, "") for size in SIZES), *((size, "hall-3") for size in ("1280x900", "390x844", "390x460"))]


@pytest.mark.parametrize(("size", "search"), _CASES)
def test_nothing_overlaps_and_everything_can_be_reached(full: Tab, size: str, search: str) -> None:
    """With controls folded and unfolded, sensors as lines and as cards; nothing sticks out at the side."""
    full.page.set_viewport_size(SIZES[size])
    full["#search"].fill(search)
    expect(full["#dense"]).to_have_attribute("aria-pressed", str(not search).lower())
    more = full["#controls-more"]
    for is_open in (False, True) if more.is_visible() else (False,):
        if is_open:
            more.click()
            expect(full["#emojis"]).to_be_visible()
        full.until(f"document.documentElement.scrollWidth <= {SIZES[size]['width']}")
        full.page.evaluate(_RENDERED)
        full.page.evaluate("for (const each of document.querySelectorAll('html, main')) each.scrollTop = 0")
        assert overlapping(full) == []
        assert full.page.evaluate(_COVERED) == []
    full["#list > li"].last.scroll_into_view_if_needed()
    expect(full["#list > li"].last).to_be_in_viewport()
    if more.is_visible():
        more.click()


SOME_SIZES: Final = pytest.mark.parametrize("size", ["1280x900", "390x844", "390x460", "341x192", "844x390"])


@SOME_SIZES
def test_the_token_form_can_be_used_in_any_window(full: Tab, size: str) -> None:
    """All of its controls can be reached."""
    full.page.set_viewport_size(SIZES[size])
    full.page.evaluate(
        "document.getElementById('gate').hidden = document.getElementById('gate-cancel').hidden = false"
    )
    try:
        for control in ("#gate-token", "#gate [type=submit]", "#gate-cancel"):
            full[control].click(trial=True, timeout=3000)
        full["#gate h2"].scroll_into_view_if_needed()
        expect(full["#gate h2"]).to_be_in_viewport(ratio=1)
    finally:
        full.page.evaluate("document.getElementById('gate').hidden = true")


@SOME_SIZES
def test_the_sheet_can_be_read_in_any_window(full: Tab, size: str) -> None:
    """It lies in the window, or can be scrolled there."""
    full.page.set_viewport_size(SIZES[size])
    full["#about summary"].click()
    box = full["#about .sheet"].bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= SIZES[size]["width"]
    full["#server"].scroll_into_view_if_needed()
    expect(full["#server"]).to_be_in_viewport(ratio=1)
    full.page.keyboard.press("Escape")
    expect(full["#about .sheet"]).to_be_hidden()


@pytest.mark.parametrize("size", ["1280x900", "390x844", "390x540"])
def test_the_picture_does_not_move_while_the_page_loads(tab: Tab, host: Host, size: str) -> None:
    """The place of everything that appears later is reserved."""
    tab.prepare(_NOTE_PLACES)
    tab.page.set_viewport_size(SIZES[size])
    host.facts["emojis"] = list(settings().emojis)
    tab.open(host.url)
    host.connection().send(frame(tiny_png(), 1))
    tab.until_drawn(1)
    tab.may_control()
    with tab.held_timers() as fire:
        tab["[data-command=activate]"].click()
        fire()
        tab.shows("#sent", re.compile("no receipt came"))
    assert len(tab.page.evaluate("places")) == 1


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Generator[Tab]:
    """A page on a phone; each test leaves it unchanged."""
    with streams() as on_air, tabs(browser) as new_tab:
        stream = on_air()
        stream.publish_frame(tiny_png())
        for number in range(30):
            stream.publish_peripheral(f"probe-{number}", {"x": number, "y": 1})
        tab = new_tab(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2
        )
        tab.open(stream)
        tab.is_live()
        tab.until_drawn(1)
        yield tab


def test_on_a_phone_the_picture_is_on_top_and_the_controls_below(phone: Tab) -> None:
    """The main keys are in the lowest fifth; nothing sticks out at the side, and only the list scrolls."""
    picture, keys = phone["#stage"].bounding_box(), phone[".keys"].bounding_box()
    assert picture is not None
    assert keys is not None
    assert picture["y"] + picture["height"] < 844 * 0.65
    assert keys["y"] > 844 * 0.8
    assert keys["y"] + keys["height"] <= 844
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone["#list > li"].last.scroll_into_view_if_needed()
    expect(phone["#canvas"]).to_be_in_viewport(ratio=1)
    expect(phone[".keys"]).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_button_unfolds_the_other_controls(phone: Tab) -> None:
    """All of them and the picture are on the screen, at least 44 pixels large in each direction."""
    expect(phone["#text"]).to_be_hidden()
    phone["#controls-more"].tap()
    expect(phone["#controls-more"]).to_have_attribute("aria-expanded", "true")
    expect(phone["#emojis"]).to_be_in_viewport(ratio=1)
    expect(phone["#canvas"]).to_be_in_viewport(ratio=1)
    targets = phone.page.evaluate(_TARGETS)
    assert len(targets) > 12
    assert [target for target in targets if min(target[1:]) < 44] == []
    phone["#controls-more"].tap()
    expect(phone["#text"]).to_be_hidden()
