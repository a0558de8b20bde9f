"""The token: the page asks for it, and stores it for the tab."""

import pytest
from playwright.sync_api import expect

from beats.app import Stream
from tests.browser.stage import OnAir
from tests.browser.tab import REFUSED, Tab
from tests.support import tiny_png

WATCH = "watch/&?=ü token"
STEER = "steer token"


@pytest.fixture
def locked(on_air: OnAir) -> Stream:
    """A stream with a picture, a token for watching and another for control."""
    stream = on_air(token=WATCH, control_token=STEER)
    stream.publish_frame(tiny_png())
    return stream


def enter(tab: Tab, token: str) -> None:
    tab["#gate-token"].fill(token)
    tab["#gate [type=submit]"].click()


def test_the_page_asks_for_the_token(tab: Tab, locked: Stream) -> None:
    """Nothing is shown before. A wrong token is refused; the right one is stored until the tab is closed."""
    tab.expect_complaints(REFUSED)
    tab.open(locked)
    tab.shows("#status-text", "Token needed")
    expect(tab["#gate-token"]).to_be_focused()
    totals = locked.stats().sinks[0].client_totals  # the document says that a handshake would be refused
    assert totals is not None
    assert (totals.accepted, totals.refused) == (0, 0)
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
    assert WATCH not in tab.page.evaluate("JSON.stringify({...localStorage}) + document.cookie")


def test_the_token_is_removed_from_the_address(tab: Tab, locked: Stream) -> None:
    """The rest of the address stays unchanged."""
    tab.open(locked, "?max_fps=10&token=steer%20token")
    tab.is_live()
    tab.until_drawn(1)
    assert tab.page.url.endswith("/?max_fps=10")
    tab.may_control()
    visited = tab.ask("Page.getNavigationHistory")["entries"]
    assert not any("steer" in entry["url"] for entry in visited)


def test_a_wrong_token_in_the_address_is_refused(tab: Tab, locked: Stream) -> None:
    """Another one can be entered."""
    tab.expect_complaints(REFUSED)
    tab.open(locked, "?token=guessed")
    tab.shows("#gate-why", "The given token is wrong.")
    assert "token" not in tab.page.url
    enter(tab, STEER)
    tab.is_live()


def test_the_token_can_be_forgotten(tab: Tab, locked: Stream) -> None:
    """Nothing is shown any more, and the page asks for it again."""
    tab.expect_complaints(REFUSED)
    tab.open(locked, "?token=steer%20token")
    tab.until_drawn(1)
    tab["#about summary"].click()
    tab["#forget"].click()
    tab.shows("#status-text", "Token needed")
    assert tab["#canvas"].get_attribute("data-sequence") is None
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_a_viewer_who_may_only_watch_sees_why(tab: Tab, locked: Stream) -> None:
    """The controls are disabled with a reason; the control token can be entered there."""
    tab.expect_complaints(REFUSED)
    tab.open(locked)
    enter(tab, WATCH)
    tab.is_live()
    tab.shows("#controls-why-text", "This token only lets you watch.")
    tab.may_control(False)
    tab["#controls-token"].click()
    enter(tab, "guessed")
    tab.shows("#gate-why", "This token is wrong.")
    tab.until_drawn(1)
    enter(tab, STEER)
    tab.may_control()
    expect(tab["#controls-why"]).to_be_hidden()
    tab.is_live()
