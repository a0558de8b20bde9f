"""What a person does on the page arrives where commands are taken."""

import json
import queue
from collections.abc import Generator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from beats.kernel.envelope import Control
from tests.adapters.sinks.websocket.support import settings
from tests.browser.node import call
from tests.browser.stage import Scene, streams, tabs
from tests.browser.tab import TIMEOUT_MS, Tab
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
        ("Browse forward", "browse", {"browse_step": 1}),
        ("Activate", "activate", {}),
        ("Alternate", "alternate_activate", {}),
    ):
        desk.tab.page.get_by_role("button", name=name).click()
        desk.hears(command, **fields)


@pytest.mark.parametrize("focused", ["#stage", "[data-command=activate]", "#controls-more", "#text-clear"])
def test_arrow_keys_browse_from_the_picture_and_from_what_steers(desk: Desk, focused: str) -> None:
    """But not while a key is held that makes them mean something else."""
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
    """And the whole screen does."""
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


def test_elsewhere_arrow_keys_steer_nothing(desk: Desk) -> None:
    """They scroll a list and move in a text; nothing happens on the page as a whole."""
    desk.tab["body"].evaluate("() => document.activeElement.blur()")
    for focused in ("body", "#search", "#text", "#sensor-value", "#scroll", "#theme", "#save", "#dense"):
        if focused != "body":
            desk.tab[focused].focus()
        desk.tab.page.keyboard.press("ArrowRight")
        desk.tab.page.keyboard.press("ArrowLeft")
    desk.tab.page.get_by_role("button", name="Activate").click()
    desk.hears("activate")  # and nothing before it


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


def test_the_usual_emojis_have_their_place_from_the_start() -> None:
    """Those of the settings' default."""
    assert call("controls.js", "return DEFAULT_EMOJIS") == [list(settings().emojis)]


def test_that_a_command_was_taken_is_seen(desk: Desk) -> None:
    """In a line that is always there, so that nothing moves, and that is read out; it goes after a while."""
    box = desk.tab[".keys"].bounding_box()
    desk.tab.page.get_by_role("button", name="Browse forward").click()
    told = desk.tab.page.get_by_text("Sent browse 1")
    expect(told).to_have_text("Sent browse 1: taken")
    expect(told).to_have_attribute("role", "status")
    expect(told).to_be_visible()
    desk.hears("browse", browse_step=1)
    assert desk.tab[".keys"].bounding_box() == box
    expect(told).to_be_hidden(timeout=TIMEOUT_MS)


def test_why_a_command_was_not_taken_is_seen(scene: Scene) -> None:
    """In the server's words, for each that was not."""
    tab, host, connection = scene
    tab.may_steer()
    tab["[data-command=activate]"].click()
    given = host.next_command()
    assert given["command"] == "activate"
    connection.send(
        json.dumps({"kind": "receipt", "receipt": given["receipt"], "taken": False, "error": "No."})
    )
    tab.shows("#sent", "Not taken: activate: No.")
    assert tab["#sent"].evaluate("told => getComputedStyle(told, '::before').content") == '"✗"'
    tab.until_figure("unreadable", 0)


def test_a_server_that_gives_no_receipt_is_not_believed(scene: Scene) -> None:
    """Whatever else it sends."""
    tab, host, connection = scene
    tab.may_steer()
    tab["[data-command=activate]"].click()
    number = host.next_command()["receipt"]
    for said in (
        {"kind": "receipt", "receipt": number + 1, "taken": True},
        {"receipt": number, "taken": True},
        1,
    ):
        connection.send(json.dumps(said))
    tab.shows("#sent", "Sent activate: no receipt came")
    tab.until_figure("unreadable", 2)


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
