"""Commands given on the page arrive at the application."""

import json
import queue
from collections.abc import Generator
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from beats.kernel.envelope import Control
from tests.adapters.sinks.websocket.support import settings
from tests.browser.node import call
from tests.browser.stage import Lend, Scene, streams
from tests.browser.tab import Tab
from tests.support import TIMEOUT_S

# The name of the focused element, and the width of the ring around it.
_FOCUSED = """(() => {
    const { id, parentElement, ariaLabel, textContent, tagName } = document.activeElement;
    if (tagName === "BODY") return [tagName, ""];
    const name = tagName === "SUMMARY" ? parentElement.id : id || ariaLabel || textContent.trim();
    return [name, getComputedStyle(document.activeElement).outlineWidth];
})()"""


class Desk(NamedTuple):
    """A page, and the commands that an application received from it."""

    tab: Tab
    heard: "queue.Queue[Control]"

    def hears(self, command: str, **fields: object) -> None:
        """Check the next command."""
        control = self.heard.get(timeout=TIMEOUT_S)
        assert (control.command, control.fields) == (command, {"browse_step": 0, **fields})


@pytest.fixture(scope="module")
def desk(lend: Lend) -> Generator[Desk]:
    """One for all tests; each test consumes the commands that it gives."""
    heard: queue.Queue[Control] = queue.Queue()
    with streams() as on_air, lend() as tab:
        stream = on_air(emojis=["heart", "poop", "our-own"])
        stream.on_control(heard.put)
        tab.open(stream)
        tab.is_live()
        tab.may_control()
        yield Desk(tab, heard)
    assert heard.empty()


def test_buttons_send_commands(desk: Desk) -> None:
    """Browse back and forward, activate, alternate activate."""
    for name, command, fields in (
        ("Browse back", "browse", {"browse_step": -1}),
        ("Browse forward", "browse", {"browse_step": 1}),
        ("Activate", "activate", {}),
        ("Alternate", "alternate_activate", {}),
    ):
        desk.tab.page.get_by_role("button", name=name).click()
        desk.hears(command, **fields)


@pytest.mark.parametrize("focused", ["#stage", "[data-command=activate]", "#controls-more"])
def test_arrow_keys_browse_from_the_picture_and_the_controls(desk: Desk, focused: str) -> None:
    """But not with a modifier key."""
    desk.tab["#controls-more"].evaluate("more => more.style.display = 'inline-flex'")  # as on a phone
    desk.tab[focused].focus()
    keyboard = desk.tab.page.keyboard
    keyboard.press("ArrowLeft")
    desk.hears("browse", browse_step=-1)
    keyboard.press("Alt+ArrowRight")
    keyboard.press("Shift+ArrowRight")
    keyboard.press("ArrowRight")
    desk.hears("browse", browse_step=1)


def test_a_click_on_the_picture_gives_it_the_arrow_keys(desk: Desk) -> None:
    """So does full screen."""
    desk.tab["#stage"].click()
    desk.tab.page.keyboard.press("ArrowRight")
    desk.hears("browse", browse_step=1)
    desk.tab["#search"].focus()
    desk.tab["#fullscreen"].click()
    expect(desk.tab["#stage"]).to_be_focused()
    desk.tab.page.keyboard.press("ArrowLeft")
    desk.hears("browse", browse_step=-1)
    desk.tab.page.keyboard.press("Escape")
    expect(desk.tab["#leave"]).to_be_hidden()


def test_arrow_keys_do_not_browse_elsewhere(desk: Desk) -> None:
    """They scroll a list or move in a text."""
    desk.tab["body"].evaluate("() => document.activeElement.blur()")
    for focused in ("body", "#search", "#text", "#sensor-value", "#scroll", "#theme", "#save", "#dense"):
        if focused != "body":
            desk.tab[focused].focus()
        desk.tab.page.keyboard.press("ArrowRight")
        desk.tab.page.keyboard.press("ArrowLeft")
    desk.tab.page.get_by_role("button", name="Activate").click()
    desk.hears("activate")  # and nothing before it


def test_texts_are_sent(desk: Desk) -> None:
    """Unchanged; so is the command to clear them."""
    desk.tab["#text"].fill("größer “than” 🎛")
    desk.tab["#text"].press("Enter")
    desk.hears("text_update", text="größer “than” 🎛", clear=False)
    desk.tab["#text-clear"].click()
    desk.hears("text_update", clear=True)
    assert desk.tab["#text"].input_value() == ""


def test_sensor_overrides_are_sent(desk: Desk) -> None:
    """With a number, or to be cleared; nothing is sent without a key or a number."""
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
    """As drawings if the page has them, else as words; each has its name."""
    buttons = desk.tab["#emojis button"]
    expect(buttons).to_have_count(3)
    assert buttons.nth(0).inner_text() == ""
    assert buttons.nth(2).inner_text() == "our-own"
    for name in ("heart", "poop", "our-own"):
        desk.tab.page.get_by_role("button", name=name).click()
        desk.hears("emoji_update", emoji=name)


def test_the_default_emojis_are_those_of_the_settings() -> None:
    """So that they are in place before the server answers."""
    assert call("controls.js", "return DEFAULT_EMOJIS") == [list(settings().emojis)]


def test_a_receipt_shows_that_a_command_was_taken(desk: Desk) -> None:
    """In a reserved line, so that nothing moves; a screen reader reads it; it disappears after a while."""
    box = desk.tab[".keys"].bounding_box()
    with desk.tab.held_timers() as fire:
        desk.tab.page.get_by_role("button", name="Browse forward").click()
        receipt = desk.tab.page.get_by_text("Sent browse 1")
        expect(receipt).to_have_text("Sent browse 1: taken")
        expect(receipt).to_have_attribute("role", "status")
        expect(receipt).to_be_visible()
        desk.hears("browse", browse_step=1)
        assert desk.tab[".keys"].bounding_box() == box
        fire()
        expect(receipt).to_be_hidden()


def test_a_receipt_shows_why_a_command_was_not_taken(scene: Scene) -> None:
    """In the server's words."""
    tab, host, connection = scene
    tab.may_control()
    tab["[data-command=activate]"].click()
    given = host.next_command()
    assert given["command"] == "activate"
    connection.send(
        json.dumps({"kind": "receipt", "receipt": given["receipt"], "taken": False, "error": "No."})
    )
    tab.shows("#sent", "Not taken: activate: No.")
    assert tab["#sent"].evaluate("line => getComputedStyle(line, '::before').content") == '"✗"'
    tab.until_number("unreadable", 0)


def test_a_missing_receipt_is_shown(scene: Scene) -> None:
    """Other messages are not taken for one."""
    tab, host, connection = scene
    tab.may_control()
    with tab.held_timers() as fire:
        tab["[data-command=activate]"].click()
        number = host.next_command()["receipt"]
        other = {"kind": "receipt", "receipt": number + 1, "taken": True}
        for message in (other, {"receipt": number, "taken": True}, 1):
            connection.send(json.dumps(message))
        tab.until_number("unreadable", 2)
        fire()
        tab.shows("#sent", "Sent activate: no receipt came")


def test_the_keyboard_reaches_everything(desk: Desk) -> None:
    """With the tab key alone; each focused element has a visible ring."""
    reached: list[str] = []
    while len(reached) == len(set(reached)):
        assert len(reached) < 40, reached
        desk.tab.page.keyboard.press("Tab")
        name, ring = desk.tab.page.evaluate(_FOCUSED)
        if name != "BODY":  # after the last element
            assert ring == "2px", name
            reached.append(name)
    some = {"about", "theme", "fullscreen", "Activate", "heart", "text", "sensor-clear", "search", "scroll"}
    assert some <= set(reached)
