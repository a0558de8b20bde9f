"""How the connection comes about, ends, and comes back."""

import re
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Playwright, expect

from beats.adapters.http.assets import page
from beats.app import Stream
from tests.browser.chromium import launch
from tests.browser.host import Host, frame
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import AWAY, FULL, REFUSED, TIMEOUT_MS, Tab
from tests.support import beats, quiet, tiny_png


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


@pytest.mark.parametrize(
    ("status", "said", "title", "words"),
    [
        (
            400,
            "max_fps is '0'; it takes more.",
            "Wrong address",
            "invalid query: max_fps is '0'; it takes more.",
        ),
        (403, "Pages of http://a may not.", "Not allowed", "Pages of http://a may not."),
        (429, "Too many from here.", "Too many", "Too many from here."),
        (503, "No room.", "Stream full", "The stream is full. No room."),
        (502, "Bad Gateway", "Server away", "the server behind it does not (status 502)."),
    ],
)
def test_it_says_why_it_was_refused(
    tab: Tab, host: Host, status: int, said: str, title: str, words: str
) -> None:
    """In the bar and over the picture, as long as it lasts; and it goes on trying."""
    tab.expect_complaints(AWAY, "Failed to load resource")
    host.refusal = HTTPStatus(status), said.encode()
    tab.open(host.url, "?max_fps=0&quality=1")
    tab.shows("#status-text", title)
    tab.shows("#veil", re.compile(re.escape(words) + "$"))
    assert host.query == f"max_fps=0&origin={quote(host.url[:-1], safe='')}"
    tab.until("document.getElementById('status-more').textContent.startsWith('next try in ')")
    attempts = host.asked.count("/")
    tab.wait_for(lambda: host.asked.count("/") > attempts)
    expect(tab["#status-text"]).to_have_text(title)
    host.refusal = None
    tab.is_live()
    tab.shows("#veil", "No picture yet")


def test_it_says_what_is_wrong_with_its_query(tab: Tab, on_air: OnAir) -> None:
    """In the words of the server."""
    tab.expect_complaints(AWAY, REFUSED)
    tab.open(on_air(), "?max_fps=fast")
    tab.shows("#status-text", "Wrong address")
    tab.shows("#veil", re.compile("invalid query: max_fps is 'fast'; it takes a number above 0"))


def test_a_server_that_has_frozen_is_noticed(tab: Tab, tmp_path: Path) -> None:
    """After two seconds, and the picture is marked as old, until it goes on."""
    with beats("run", "--set", "sinks.browser.port=0", cwd=tmp_path) as program:
        tab.open(program.url.replace("ws", "http") + "/")
        tab.is_live()
        tab.until("+fps.value > 5")
        program.signal(signal.SIGSTOP)
        tab.shows("#status", re.compile(r"No data\s+for 2 s"))
        expect(tab["#status"]).to_have_attribute("data-tone", "wait")
        expect(tab["#stage"]).to_have_class("stage stale")
        expect(tab["#canvas"]).to_have_accessible_name("The last picture, out of date")
        tab.shows("#veil", re.compile(r"^No data for \d s$"))
        program.signal(signal.SIGCONT)
        tab.shows("#status-text", "Live")
        expect(tab["#status"]).to_have_attribute("data-tone", "good")
        expect(tab["#stage"]).to_have_class("stage", timeout=TIMEOUT_MS)
        expect(tab["#canvas"]).to_have_accessible_name("The live picture")
        tab.page.close()
        program.interrupt()


def test_a_picture_that_does_not_change_is_not_old(scene: Scene) -> None:
    """A stream that sent one picture and no more says so, and the server answers: it is the one of now."""
    tab, _, connection = scene
    connection.send(frame(tiny_png(), 1))
    tab.until_drawn(1)
    tab.shows("#status", re.compile(r"No data\s+for 2 s"))
    expect(tab["#stage"]).to_have_class("stage")
    tab.shows("#veil", "")
    connection.send(frame(tiny_png(), 2))
    tab.shows("#status-text", "Live")


def test_a_replay_that_is_paused_is_not_out_of_data(scene: Scene) -> None:
    """Somebody wanted it so."""
    tab, host, connection = scene
    place = {"position_s": 1, "duration_s": 1000, "speed": 1, "loops": 0}
    host.facts["playback"] = {"replay": {**place, "paused": False}}
    connection.send(frame(tiny_png(), 1))
    tab.shows("#status-text", "No data")
    host.facts["playback"] = {"replay": {**place, "paused": True}}
    tab.shows("#status-text", "Live")


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
    script = page().others["stream.js"].body.decode()
    broken = script.replace(" $worker();", " throw 1;")
    assert broken != script
    tab.page.route("**/stream.js", lambda route: route.fulfill(body=broken, content_type="text/javascript"))
    tab.open(host.url)
    tab.shows("#veil", "This page needs a browser of 2024 or newer.")


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
