"""The token: asked for, kept for this tab, and never seen again."""

import pytest
from playwright.sync_api import expect

from beats.app import Stream
from tests.browser.stage import OnAir
from tests.browser.tab import REFUSED, TIMEOUT_MS, Tab
from tests.support import tiny_png

WATCH = "watch/&?=ü token"
STEER = "steer token"


@pytest.fixture
def locked(on_air: OnAir) -> Stream:
    """A stream that needs a token to watch and another to steer, with a picture."""
    stream = on_air(token=WATCH, control_token=STEER)
    stream.publish_frame(tiny_png())
    return stream


def enter(tab: Tab, token: str) -> None:
    tab["#gate-token"].fill(token)
    tab["#gate [type=submit]"].click()


def test_it_is_asked_for(tab: Tab, locked: Stream) -> None:
    """Nothing is shown before; a wrong one is told to be wrong; the right one lets in, and is kept."""
    tab.expect_complaints(REFUSED)
    tab.open(locked)
    tab.shows("#status-text", "Token needed")
    expect(tab["#gate-token"]).to_be_focused(timeout=TIMEOUT_MS)
    enter(tab, "guessed")
    tab.shows("#gate-why", "This token is wrong.")
    assert tab["#canvas"].get_attribute("data-sequence") is None
    expect(tab["#save"]).to_be_disabled()
    enter(tab, WATCH)
    tab.is_live()
    tab.until_drawn(1)
    expect(tab["#gate"]).to_be_hidden()
    tab.page.reload()
    tab.is_live()
    assert "token" not in tab.page.url


def test_it_leaves_the_address(tab: Tab, locked: Stream) -> None:
    """It is taken from there once, with everything else left as it was."""
    tab.open(locked, "?max_fps=10&token=steer%20token")
    tab.is_live()
    tab.until_drawn(1)
    assert tab.page.url.endswith("/?max_fps=10")
    assert tab.page.evaluate("history.length") == 2
    tab.may_steer()


def test_a_wrong_one_in_the_address_is_told_to_be_wrong(tab: Tab, locked: Stream) -> None:
    """And another one can be entered."""
    tab.expect_complaints(REFUSED)
    tab.open(locked, "?token=guessed")
    tab.shows("#gate-why", "The given token is wrong.")
    assert "token" not in tab.page.url
    enter(tab, STEER)
    tab.is_live()


def test_it_can_be_forgotten(tab: Tab, locked: Stream) -> None:
    """Then nothing of what it let see is left, and it is asked for again."""
    tab.expect_complaints(REFUSED)
    tab.open(locked, "?token=steer%20token")
    tab.until_drawn(1)
    tab["#about summary"].click()
    tab["#forget"].click()
    tab.shows("#status-text", "Token needed")
    assert tab["#canvas"].get_attribute("data-sequence") is None
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_who_may_only_watch_is_told_why(tab: Tab, locked: Stream) -> None:
    """All that steers is greyed out, with a sentence; the control token can be entered there."""
    tab.expect_complaints(REFUSED)
    tab.open(locked)
    enter(tab, WATCH)
    tab.is_live()
    tab.shows("#controls-why-text", "This token only lets you watch.")
    tab.may_steer(False)
    tab["#controls-token"].click()
    enter(tab, "guessed")
    tab.shows("#gate-why", "This token is wrong.")
    tab.until_drawn(1)
    enter(tab, STEER)
    tab.may_steer()
    expect(tab["#controls-why"]).to_be_hidden()
    tab.is_live()
