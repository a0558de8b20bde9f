"""What a person does on the page arrives where commands are taken."""

import queue
from collections.abc import Generator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from beats.kernel.envelope import Control
from tests.browser.stage import streams, tabs
from tests.browser.tab import Tab
from tests.support import TIMEOUT_S

# What has the focus, by the first name that it has, and how wide the ring around it is.
_FOCUSED = """(() => {
    const { id, parentElement, ariaLabel, textContent, tagName } = document.activeElement;
    if (tagName === "BODY") return [tagName, ""];
    const name = tagName === "SUMMARY" ? parentElement.id : id || ariaLabel || textContent.trim();
    return [name, getComputedStyle(document.activeElement).outlineWidth];
})()"""


class Desk(NamedTuple):
    """A page whose commands are heard by a program."""

    tab: Tab
    heard: "queue.Queue[Control]"

    def hears(self, command: str, **fields: object) -> None:
        """Wait for the next command, which must be this one."""
        control = self.heard.get(timeout=TIMEOUT_S)
        assert (control.command, control.fields) == (command, {"browse_step": 0, **fields})


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Generator[Desk]:
    """One for all tests, each of which takes all commands that it gives."""
    heard: queue.Queue[Control] = queue.Queue()
    with streams() as on_air, tabs(browser) as new_tab:
        stream, tab = on_air(emojis=["heart", "poop", "our-own"]), new_tab()
        stream.on_control(heard.put)
        tab.open(stream)
        tab.is_live()
        tab.may_steer()
        yield Desk(tab, heard)
    assert heard.empty()


def test_buttons_arrive_on_the_bus(desk: Desk) -> None:
    """Browse back and on, activate, and the alternate of it."""
    for name, command, fields in (
        ("Browse back", "browse", {"browse_step": -1}),
        ("Browse on", "browse", {"browse_step": 1}),
        ("Activate", "activate", {}),
        ("Alternate", "alternate_activate", {}),
    ):
        desk.tab.page.get_by_role("button", name=name).click()
        desk.hears(command, **fields)


def test_arrow_keys_browse(desk: Desk) -> None:
    """But not while somebody writes, or holds a key that makes it mean something else."""
    keyboard = desk.tab.page.keyboard
    keyboard.press("ArrowLeft")
    desk.hears("browse", browse_step=-1)
    keyboard.press("Alt+ArrowRight")
    desk.tab["#text"].focus()
    keyboard.press("ArrowRight")
    desk.tab["#text"].blur()
    keyboard.press("ArrowRight")
    desk.hears("browse", browse_step=1)


def test_texts_arrive_on_the_bus(desk: Desk) -> None:
    """As they were written; and that they are to be cleared."""
    desk.tab["#text"].fill("größer “than” 🎛")
    desk.tab["#text"].press("Enter")
    desk.hears("text_update", text="größer “than” 🎛", clear=False)
    desk.tab["#text-clear"].click()
    desk.hears("text_update", clear=True)
    assert desk.tab["#text"].input_value() == ""


def test_sensor_overrides_arrive_on_the_bus(desk: Desk) -> None:
    """With their number, or to be cleared; without a key or a number nothing is sent."""
    desk.tab["#sensor-form [type=submit]"].click()
    desk.tab["#sensor-clear"].click()
    desk.tab["#sensor-key"].fill("accel-1")
    desk.tab["#sensor-form [type=submit]"].click()
    expect(desk.tab["#sensor-value"]).to_be_focused()
    desk.tab["#sensor-value"].fill("-2.5e-3")
    desk.tab["#sensor-form [type=submit]"].click()
    desk.hears("sensor_update", sensor_key="accel-1", sensor_value=-0.0025, clear=False)
    desk.tab["#sensor-clear"].click()
    desk.hears("sensor_update", sensor_key="accel-1", clear=True)


def test_emojis_are_those_of_the_settings(desk: Desk) -> None:
    """Drawn where the page has a drawing, else written; each by its name."""
    buttons = desk.tab["#emojis button"]
    expect(buttons).to_have_count(3)
    assert buttons.nth(0).inner_text() == ""
    assert buttons.nth(2).inner_text() == "our-own"
    for name in ("heart", "poop", "our-own"):
        desk.tab.page.get_by_role("button", name=name).click()
        desk.hears("emoji_update", emoji=name)


def test_what_was_sent_is_told_to_those_who_do_not_see(desk: Desk) -> None:
    """In a live region."""
    desk.tab.page.get_by_role("button", name="Browse on").click()
    expect(desk.tab.page.get_by_text("Sent browse 1")).to_have_attribute("role", "status")
    desk.hears("browse", browse_step=1)


def test_the_keyboard_reaches_everything(desk: Desk) -> None:
    """By the tab key alone, each with a ring around it that can be seen."""
    reached: list[str] = []
    while len(reached) == len(set(reached)):
        assert len(reached) < 40, reached
        desk.tab.page.keyboard.press("Tab")
        name, ring = desk.tab.page.evaluate(_FOCUSED)
        if name != "BODY":  # from the last on to the first
            assert ring == "2px", name
            reached.append(name)
    some = {"about", "theme", "fullscreen", "Activate", "heart", "text", "sensor-clear", "search", "scroll"}
    assert some <= set(reached)
