"""The page's address for another device, and what it says at a first visit."""

import io
from collections.abc import Callable

import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from beats.kit.addresses import network_address
from tests.browser.host import Host
from tests.browser.stage import OnAir
from tests.browser.tab import Tab


def test_a_phone_reads_the_address_and_the_token(on_air: OnAir, tab: Tab) -> None:
    """A page that was opened on localhost shows the address by which the network reaches it."""
    stream = on_air(host="0.0.0.0", token="a secret+1")
    tab.open(stream, "?token=a+secret%2B1&max_fps=5#picture=wall")
    tab["#share summary"].click()
    expect(tab["#share-code"]).to_be_visible()
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(tab["#share-code"].screenshot())).convert("L"))
    port = stream.sinks["browser"].address.port
    assert found.text == f"http://{network_address()}:{port}/?max_fps=5&token=a+secret%2B1#picture=wall"
    expect(tab["#share-link"]).to_have_text(found.text)
    tab.page.keyboard.press("Escape")
    expect(tab["#share-code"]).to_be_hidden()


def test_a_page_that_only_this_machine_can_open_says_so(on_air: OnAir, tab: Tab) -> None:
    """In place of a code that would lead a phone nowhere, what to do."""
    tab.open(on_air())
    tab["#share summary"].click()
    expect(tab["#share-why"]).to_contain_text("set the sink's host to 0.0.0.0, and a token")
    expect(tab["#share-code"]).to_be_hidden()


def test_a_first_visit_is_greeted_until_it_is_closed(new_tab: Callable[..., Tab], host: Host) -> None:
    """The line stays away from then on; a page with one picture only never has it."""
    tab = new_tab(is_newcomer=True)
    tab.open(host.url, "?view=picture")
    expect(tab["#first-visit"]).to_be_hidden()
    tab.open(host.url)
    expect(tab["#first-visit"]).to_be_visible()
    tab["#first-visit-close"].click()
    expect(tab["#first-visit"]).to_be_hidden()
    tab.page.reload()
    tab.is_live()
    expect(tab["#first-visit"]).to_be_hidden()
