"""The page on a phone, held in one hand."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.stage import streams, tabs
from tests.browser.tab import Tab
from tests.support import tiny_png

SIZES_OF_TARGETS = """() => [...document.querySelectorAll("button, input, select, summary")]
    .filter(element => element.checkVisibility())
    .map(element => [element.id || element.textContent, element.getBoundingClientRect()])
    .map(([name, box]) => [name, Math.round(box.width * 10) / 10, Math.round(box.height * 10) / 10])"""


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Generator[Tab]:
    """One for all tests, each of which leaves it as it was."""
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


def test_the_picture_is_on_top_and_what_steers_below(phone: Tab) -> None:
    """The main keys lie in the lowest fifth of the screen, and nothing sticks out at the side."""
    picture, keys = phone["#stage"].bounding_box(), phone[".keys"].bounding_box()
    assert picture is not None
    assert keys is not None
    assert picture["y"] + picture["height"] < 844 * 0.65
    assert keys["y"] > 844 * 0.8
    assert keys["y"] + keys["height"] <= 844
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390


def test_what_is_touched_is_large_enough(phone: Tab) -> None:
    """At least 44 pixels each way, with everything open."""
    phone["#controls-more"].tap()
    expect(phone["#text"]).to_be_visible()
    targets = phone.page.evaluate(SIZES_OF_TARGETS)
    assert len(targets) > 12
    assert [target for target in targets if min(target[1:]) < 44] == []
    phone["#controls-more"].tap()


def test_the_rest_comes_up_on_demand(phone: Tab) -> None:
    """And everything is on the screen then, with the picture."""
    expect(phone["#text"]).to_be_hidden()
    phone["#controls-more"].tap()
    expect(phone["#controls-more"]).to_have_attribute("aria-expanded", "true")
    expect(phone["#emojis"]).to_be_in_viewport(ratio=1)
    expect(phone["#canvas"]).to_be_in_viewport(ratio=1)
    phone["#controls-more"].tap()
    expect(phone["#text"]).to_be_hidden()


def test_the_list_alone_scrolls(phone: Tab) -> None:
    """The picture and what steers stay where they are."""
    phone["#list > li"].last.scroll_into_view_if_needed()
    expect(phone["#canvas"]).to_be_in_viewport(ratio=1)
    expect(phone[".keys"]).to_be_in_viewport(ratio=1)
