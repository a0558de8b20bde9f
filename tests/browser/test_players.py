"""Pictures in an `<img>` of a page."""

import io
from functools import partial

from PIL import Image

from beats.app import Stream
from tests.browser.stage import OnAir
from tests.browser.tab import Tab
from tests.browser.test_embedding import embedding

LOAD = """([src, referrerPolicy]) => new Promise(resolve => {
    const image = Object.assign(new Image(), { referrerPolicy });
    image.onload = image.onerror = () => resolve(image.naturalWidth);
    image.src = src;
})"""
GREEN, RED = (0, 200, 0), (200, 0, 0)


def show(stream: Stream, colour: tuple[int, int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "PNG")
    stream.publish_frame(out.getvalue())


def blank(tab: Tab) -> None:
    """Let every server have a page with nothing on it."""
    page = '<!DOCTYPE html><link rel="icon" href="data:,"><body></body>'
    tab.answer("**/page.html", page, "text/html")


def put(tab: Tab, source: str) -> None:
    """Put an image in place of all that is on the tab's page."""
    tab.page.evaluate("src => document.body.replaceChildren(Object.assign(new Image(), { src }))", source)


def shows(tab: Tab, colour: tuple[int, int, int]) -> bool:
    """Whether this colour is on the screen, at the image's place."""
    found = tab.screenshot().getpixel((30, 30))
    return isinstance(found, tuple) and all(abs(a - b) < 12 for a, b in zip(found, colour, strict=True))


def test_each_picture_is_shown_at_once(on_air: OnAir, tab: Tab) -> None:
    """Also the last one, which no other follows: the browser shows a part when the next one begins."""
    stream = on_air()
    blank(tab)
    tab.open(stream, "page.html")
    put(tab, "/stream.mjpg")
    for colour in (GREEN, RED, GREEN):
        show(stream, colour)
        tab.wait_for(partial(shows, tab, colour))
    assert tab.page.evaluate("document.images[0].naturalWidth") == 64
    put(tab, "/frame.webp")
    tab.wait_for(lambda: shows(tab, GREEN))


def test_pages_that_may_read_may_show_pictures(tab: Tab, on_air: OnAir) -> None:
    """Pages of this machine may, if they say who they are; the browser keeps pictures from all others."""
    stream = on_air()
    show(stream, GREEN)
    address = stream.sinks["browser"].address
    source = f"http://{address.host}:{address.port}/frame.png"
    tab.allow(source)
    tab.expect_complaints("BLOCKED_BY_RESPONSE")
    with embedding() as port:
        tab.open(f"http://127.0.0.1:{port}/")
        assert tab.page.evaluate(LOAD, [source, "strict-origin"]) == 64
        assert tab.page.evaluate(LOAD, [f"{source}?t=1", "no-referrer"]) == 0
