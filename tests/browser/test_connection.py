"""How the connection comes about, ends, and comes back."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import Playwright, expect

from beats.adapters.sinks.websocket.web.assets import page
from beats.app import Stream
from tests.browser.chromium import launch
from tests.browser.host import Host
from tests.browser.stage import OnAir
from tests.browser.tab import AWAY, FULL, TIMEOUT_MS, Tab
from tests.support import quiet, tiny_png


def on_port(port: int = 0, **settings: object) -> dict[str, Any]:
    """Overrides for a stream without sources, on a port."""
    return quiet(browser={"port": port, **settings})


def test_it_comes_back_when_the_server_does(tab: Tab) -> None:
    """The last picture stays meanwhile, marked as old; then counting begins anew, and nothing is a drop."""
    with Stream.open(overrides=on_port()) as stream:
        port = stream.sinks["browser"].address.port
        tab.open(stream)
        tab.is_live()
        last = max(stream.publish_frame(tiny_png(number)) for number in range(5))
        stream.publish_peripheral("old", 1)
        stream.publish_peripheral("both", 1)
        tab.until_drawn(last)
        expect(tab["#list h3"]).to_have_text(["both", "old"], timeout=TIMEOUT_MS)
        tab.expect_complaints(AWAY)
    tab.shows("#status-text", "Reconnecting")
    tab.shows("#status-more", re.compile(r"in \d+ s"))
    expect(tab["#stage"]).to_have_class("stage stale", timeout=TIMEOUT_MS)
    expect(tab["#canvas"]).to_have_attribute("data-sequence", str(last))
    tab.may_steer(False)
    with Stream.open(overrides=on_port(port)) as stream:
        stream.publish_peripheral("both", 2)
        stream.publish_peripheral("new", 2)
        first = stream.publish_frame(tiny_png(7))
        assert first < last
        tab.is_live()
        tab.until_drawn(first)
        expect(tab["#stage"]).to_have_class("stage")
        expect(tab["#list h3"]).to_have_text(["both", "new"], timeout=TIMEOUT_MS)
        tab.until_figure("received", 3)
        tab.until_figure("drops", 0)
        tab.may_steer()
        tab.page.close()


def test_it_says_when_the_server_cannot_be_reached(tab: Tab) -> None:
    """Over the picture, in words."""
    with Stream.open(overrides=on_port()) as stream:
        tab.open(stream)
        tab.is_live()
        tab.expect_complaints(AWAY)
    tab.shows("#veil", "The server cannot be reached.")


def test_it_says_why_the_server_closed_the_connection(tab: Tab, host: Host) -> None:
    """In words; and it connects again."""
    tab.open(host.url)
    host.connection().close(1008, "more than 100 messages a second")
    tab.shows("#veil", "The server closed the connection: more than 100 messages a second.")
    host.connection()
    tab.is_live()


def test_it_says_when_the_stream_is_full(on_air: OnAir, new_tab: Callable[..., Tab]) -> None:
    """The browser does not tell a page why a connection was refused; the page finds out."""
    stream = on_air(max_clients=1)
    first, second = new_tab(), new_tab()
    first.open(stream)
    first.is_live()
    second.expect_complaints(AWAY, FULL)
    second.open(stream)
    second.shows("#veil", re.compile("The stream is full"))
    second.shows("#status-text", "Stream full")
    first.page.close()
    second.is_live()


def test_going_online_is_a_reason_to_try_at_once(tab: Tab, host: Host) -> None:
    """However long it would have waited."""
    tab.open(host.url)
    host.connection().close(1001)
    tab.shows("#status-text", "Reconnecting")
    # Longer than any back-off, had it not been told.
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    host.connection()
    tab.is_live()


def test_attempts_do_not_follow_each_other_closely(tab: Tab, host: Host) -> None:
    """A server that lets in and closes at once is not asked more often for it."""
    tab.open(host.url)
    began = tab.page.evaluate("performance.now()")
    for _ in range(3):
        host.connection().close(1013)
    host.connection()
    # At the least 0.5 + 0.5 + 1 seconds, as the pauses double and half of each is chance.
    assert tab.page.evaluate("performance.now()") - began > 1990


@contextmanager
def page_of_somebody_else() -> Generator[str]:
    """A web page of another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><link rel=icon href=data:,>")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own word
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://elsewhere.test:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


_OPEN_THE_STREAM = """url => new Promise(resolve => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve("open");
    socket.onclose = () => resolve("closed");
})"""


def test_a_page_of_another_origin_is_turned_away(
    driver: Playwright, on_air: OnAir, new_tab: Callable[..., Tab]
) -> None:
    """It can neither open the stream nor read what the page reads; the page itself can."""
    elsewhere = launch(driver, "--host-resolver-rules=MAP elsewhere.test 127.0.0.1")
    stream = on_air()
    own = f"localhost:{stream.sinks['browser'].address.port}"
    tab = new_tab(elsewhere)
    tab.expect_complaints(".")
    with page_of_somebody_else() as url:
        tab.open(url)
        assert tab.page.evaluate(_OPEN_THE_STREAM, f"ws://{own}/") == "closed"
        read = "url => fetch(url).then(answer => answer.text()).catch(error => String(error))"
        assert tab.page.evaluate(read, f"http://{own}/api/session") == "TypeError: Failed to fetch"
    tab.open(stream)
    assert tab.page.evaluate(_OPEN_THE_STREAM, f"ws://{own}/") == "open"
    elsewhere.close()


def test_a_browser_that_cannot_run_the_worker_is_told(new_tab: Callable[..., Tab], host: Host) -> None:
    """In place of a page that stays empty without a word."""
    tab = new_tab()
    tab.expect_complaints(".")
    script = page().others["page.js"].body.decode()
    broken = script.replace("$worker(); else", "throw 1; else")
    assert broken != script
    tab.page.route("**/page.js", lambda route: route.fulfill(body=broken, content_type="text/javascript"))
    tab.open(host.url)
    tab.shows("#veil", re.compile("does not work in this browser"))


def test_it_works_on_a_network_without_encryption(
    driver: Playwright, on_air: OnAir, new_tab: Callable[..., Tab]
) -> None:
    """By the name of another machine, where browsers trust a page less; they find nothing to complain of."""
    network = launch(driver, "--host-resolver-rules=MAP wall.test 127.0.0.1")
    stream = on_air(host="127.0.0.1", public_host="wall.test")
    stream.publish_frame(tiny_png())
    tab = new_tab(network)
    tab.open(f"http://wall.test:{stream.sinks['browser'].address.port}/")
    tab.is_live()
    tab.until_drawn(1)
    assert not tab.page.evaluate("isSecureContext")
    tab.page.close()
    network.close()
