"""Where things are, in windows of every size: nothing overlaps, and everything can be reached."""

import re
from collections.abc import Callable, Generator, Mapping
from typing import Final

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from beats.kernel.envelope import Peripheral, Tag
from tests.adapters.sinks.websocket.support import settings
from tests.browser.host import Host, frame, sealed
from tests.browser.stage import tabs
from tests.browser.tab import TIMEOUT_MS, Tab
from tests.support import tiny_png

SIZES: Final[Mapping[str, ViewportSize]] = {
    f"{width}x{height}": {"width": width, "height": height}
    for width, height in (
        *((1280, 900), (1024, 768), (1280, 400), (683, 384), (700, 520)),  # desks, also enlarged ones
        *((390, 844), (390, 600), (390, 540), (390, 460), (320, 568)),  # phones, also with a keyboard
        *((844, 390), (667, 375)),  # phones held sideways
        *((768, 1024), (341, 192), (320, 256)),  # a tablet; a screen of 1366 x 768 enlarged to 400 %
    )
}
SENSORS: Final = (3, 60)

# What is seen of each part: its box, cut off by those around it that scroll.
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

# Controls that, brought to the middle, are not what is found there.
_COVERED: Final = """() => [...document.querySelectorAll("button, input, select, summary")]
    .filter(control => control.checkVisibility({ visibilityProperty: true }))
    .filter(control => {
        control.scrollIntoView({ block: "center" });
        const { left, top, width, height } = control.getBoundingClientRect();
        const found = document.elementFromPoint(left + width / 2, top + height / 2);
        return width < 24 || height < 24 - 1e-3 || !found || !control.contains(found);
    })
    .map(control => control.id || control.textContent.trim())"""

# Notes the place of the picture, at first and whenever it has another.
_NOTE_PLACES: Final = """addEventListener("DOMContentLoaded", () => {
    window.places = [];
    const look = () => {
        const { left, top, width, height } = document.getElementById("stage").getBoundingClientRect();
        const place = [left, top, width, height].join();
        if (place !== places.at(-1)) places.push(place);
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
_RENDERED: Final = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def overlapping(tab: Tab) -> list[tuple[str, str]]:
    """Pairs of parts of which one lies on the other."""
    boxes: list[tuple[str, float, float, float, float]] = tab.page.evaluate(_BOXES)
    assert len(boxes) > 10
    return [
        (one[0], other[0])
        for number, one in enumerate(boxes)
        for other in boxes[:number]
        if min(one[3], other[3]) - max(one[1], other[1]) > 0.5
        and min(one[4], other[4]) - max(one[2], other[2]) > 0.5
    ]


@pytest.fixture(scope="module", params=SENSORS)
def full(browser: Browser, request: pytest.FixtureRequest) -> Generator[Tab]:
    """A page with all that there is on it, and with few or many sensors."""
    with Host() as host, tabs(browser) as new_tab:
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
        tab = new_tab()
        tab.open(host.url)
        connection = host.connection()
        for sequence in (1, 3):
            connection.send(frame(tiny_png(), sequence))
        for number in range(request.param):
            data = {"x": -0.123456, "ticks": 1796017488, "all": 2**64 - 1, "mode": "slow"}
            message = Peripheral(f"sensor/of-the-hall-{number}", data, (Tag("sensor", "accelerometer"),))
            connection.send(sealed(message, 1))
        tab.until_drawn(3)
        tab.may_steer()
        expect(tab["#notice"]).to_be_visible(timeout=TIMEOUT_MS)
        yield tab


@pytest.mark.parametrize("size", SIZES)
def test_nothing_overlaps_and_everything_can_be_reached(full: Tab, size: str) -> None:
    """With all controls folded and unfolded; and nothing sticks out at the side."""
    full.page.set_viewport_size(SIZES[size])
    more = full["#controls-more"]
    for is_open in (False, True):
        if is_open and more.is_visible():
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


@pytest.mark.parametrize("size", ["1280x900", "390x844", "390x460", "341x192", "667x375"])
def test_a_token_can_be_entered_in_any_window(full: Tab, size: str) -> None:
    """The form for it hides nothing of itself, and can be sent and left."""
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


@pytest.mark.parametrize("size", ["1280x900", "390x844", "390x460", "341x192", "844x390"])
def test_what_was_missed_can_be_read_in_any_window(full: Tab, size: str) -> None:
    """The sheet below the drops lies in the window, or can be scrolled there."""
    full.page.set_viewport_size(SIZES[size])
    full["#about summary"].click()
    box = full[".sheet"].bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= SIZES[size]["width"]
    full["#server"].scroll_into_view_if_needed()
    expect(full["#server"]).to_be_in_viewport(ratio=1)
    full.page.keyboard.press("Escape")
    expect(full[".sheet"]).to_be_hidden()


@pytest.mark.parametrize("size", ["1280x900", "900x700", "390x844", "390x540"])
def test_the_picture_stays_where_it_is_while_the_page_comes_alive(
    new_tab: Callable[..., Tab], host: Host, size: str
) -> None:
    """What is learnt of the stream and of what a viewer may do has its place already."""
    width, height = map(int, size.split("x"))
    tab = new_tab(viewport={"width": width, "height": height})
    tab.page.add_init_script(_NOTE_PLACES)
    host.facts["emojis"] = list(settings().emojis)
    tab.open(host.url)
    host.connection().send(frame(tiny_png(), 1))
    tab.until_drawn(1)
    tab.may_steer()
    tab["[data-command=activate]"].click()
    tab.shows("#sent", re.compile("no receipt came"))
    assert len(tab.page.evaluate("places")) == 1
