"""How the page connects, loses its connection, and reconnects."""

import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from beats.adapters.http.assets import page
from beats.app import Stream
from tests.browser.host import Host, frame
from tests.browser.stage import Lend, OnAir, Scene
from tests.browser.tab import AWAY, FULL, Tab
from tests.support import beats, quiet, tiny_png


def on_port(port: int = 0, **settings: object) -> dict[str, Any]:
    """Overrides for a stream without sources on a port."""
    return quiet(browser={"port": port, **settings})


def test_it_reconnects_when_the_server_is_back(tab: Tab) -> None:
    """Meanwhile the last picture is marked as out of date; afterwards counters start again, without drops."""
    with Stream.open(overrides=on_port()) as stream:
        port = stream.sinks["browser"].address.port
        tab.open(stream)
        tab.is_live()
        last = max(stream.publish_frame(tiny_png(number)) for number in range(5))
        stream.publish_peripheral("old", 1)
        stream.publish_peripheral("both", 1)
        tab.until_drawn(last)
        expect(tab["#list h3"]).to_have_text(["both", "old"])
        tab.expect_complaints(AWAY)
    tab.shows("#status-text", "Reconnecting")
    tab.shows("#status-more", re.compile(r"in \d+ s"))
    tab.shows("#veil", "The server cannot be reached.")
    expect(tab["#stage"]).to_have_class("stage stale")
    expect(tab["#canvas"]).to_have_attribute("data-sequence", str(last))
    tab.may_control(False)
    with Stream.open(overrides=on_port(port)) as stream:
        stream.publish_peripheral("both", 2)
        stream.publish_peripheral("new", 2)
        first = stream.publish_frame(tiny_png(7))
        assert first < last
        tab.is_live()
        tab.until_drawn(first)
        expect(tab["#stage"]).to_have_class("stage")
        expect(tab["#list h3"]).to_have_text(["both", "new"])
        tab.until_number("received", 3)
        tab.until_number("drops", 0)
        tab.may_control()
        tab.leave()


def test_it_shows_why_the_server_closed_the_connection(tab: Tab, host: Host) -> None:
    """And reconnects."""
    tab.open(host.url)
    host.connection().close(1008, "more than 100 messages a second")
    tab.shows("#veil", "The server closed the connection: more than 100 messages a second.")
    host.connection()
    tab.is_live()


def test_it_shows_that_the_stream_is_full(on_air: OnAir, lend: Lend, tab: Tab) -> None:
    """The page asks for the reason of a refusal, which browsers hide; it connects once there is room."""
    stream = on_air(max_clients=1)
    with lend() as first:
        first.open(stream)
        first.is_live()
        tab.expect_complaints(AWAY, FULL)
        tab.open(stream)
        tab.shows("#veil", re.compile("The stream is full"))
        tab.shows("#status-text", "Stream full")
    tab.is_live()


def test_it_shows_why_it_was_refused(tab: Tab, host: Host) -> None:
    """In the bar and over the picture, and keeps trying until it succeeds; the request has the same query."""
    tab.expect_complaints(AWAY, "Failed to load resource")
    host.refusal = HTTPStatus.TOO_MANY_REQUESTS, b"Too many from here."
    tab.open(host.url, "?max_fps=0&colour=1")
    tab.shows("#status-text", "Too many")
    tab.shows("#veil", "Too many from here.")
    own = "topics=*&formats=png%2Cjpeg%2Cwebp%2Cavif"
    assert host.query == f"{own}&max_fps=0&origin={quote(host.url[:-1], safe='')}"
    tab.until("document.getElementById('status-more').textContent.startsWith('next try in ')")
    attempts = host.asked.count("/")
    tab.wait_for(lambda: host.asked.count("/") > attempts)
    expect(tab["#status-text"]).to_have_text("Too many")
    host.refusal = None
    tab.is_live()
    tab.shows("#veil", "No picture yet")


def test_a_frozen_server_is_noticed(tab: Tab, tmp_path: Path) -> None:
    """After two seconds; the picture is marked as out of date until the server continues."""
    with beats("run", "--set", "sinks.browser.port=0", cwd=tmp_path) as program:
        tab.open(program.url.replace("ws", "http") + "/")
        tab.is_live()
        tab.until("+fps.value > 5")
        program.signal(signal.SIGSTOP)
        tab.shows("#status", re.compile(r"No data\s+for \d+ s"))
        expect(tab["#status"]).to_have_attribute("data-tone", "wait")
        expect(tab["#stage"]).to_have_class("stage stale")
        expect(tab["#canvas"]).to_have_accessible_name("The last picture, out of date")
        tab.shows("#veil", re.compile(r"^No data for \d s$"))
        program.signal(signal.SIGCONT)
        tab.shows("#status-text", "Live")
        expect(tab["#status"]).to_have_attribute("data-tone", "good")
        expect(tab["#stage"]).to_have_class("stage")
        expect(tab["#canvas"]).to_have_accessible_name("The live picture")
        tab.leave()
        program.interrupt()


def test_a_still_picture_or_a_paused_replay_is_not_out_of_date(scene: Scene) -> None:
    """As long as the server answers: a silent stream has no data, and a paused replay is live."""
    tab, _, connection = scene
    scene.show(tiny_png())
    tab.shows("#status", re.compile(r"No data\s+for \d s"))
    expect(tab["#stage"]).to_have_class("stage")
    tab.shows("#veil", "")
    paused = {"position_s": 1, "duration_s": 1000, "speed": 1, "loops": 0, "paused": True}
    scene.tell(playback={"replay": paused})
    tab.shows("#status-text", "Live")
    scene.tell(playback={"replay": {**paused, "paused": False}})
    tab.shows("#status-text", "No data")
    connection.send(frame(tiny_png(), 2))
    tab.shows("#status-text", "Live")


@pytest.mark.parametrize("event", ["online", "focus"])
def test_it_reconnects_at_once(tab: Tab, host: Host, event: str) -> None:
    """When the network is back, and when a person turns to it; by itself it waits 13 seconds at least."""
    tab.open(host.url)
    began_s = time.monotonic()
    for _ in range(6):
        connection = host.connection()
        tab.is_live()
        connection.close(1013)
        tab.shows("#status-text", "Reconnecting")
        tab.page.evaluate(f"dispatchEvent(new Event('{event}'))")
    host.connection()
    tab.is_live()
    assert time.monotonic() - began_s < 12


def test_attempts_become_rarer_even_if_they_succeed_at_first(tab: Tab, host: Host) -> None:
    """If the server closes each new connection at once."""
    tab.open(host.url)
    began = tab.page.evaluate("performance.now()")
    for _ in range(3):
        host.connection().close(1013)
    host.connection()
    # At least 0.5 + 0.5 + 1 seconds, because waits double and half of each is random.
    assert tab.page.evaluate("performance.now()") - began > 1990


@contextmanager
def foreign_page() -> Generator[str]:
    """A web page of another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><link rel=icon href=data:,>")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so in the base class
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


def test_a_page_of_another_origin_is_refused(on_air: OnAir, tab: Tab) -> None:
    """It can neither open the stream nor read the session; the page itself can."""
    stream = on_air()
    own = f"127.0.0.1:{stream.sinks['browser'].address.port}"
    tab.expect_complaints(".")
    with foreign_page() as url:
        tab.open(url)
        assert tab.page.evaluate(_OPEN_THE_STREAM, f"ws://{own}/") == "closed"
        read = "url => fetch(url).then(answer => answer.text()).catch(error => String(error))"
        assert tab.page.evaluate(read, f"http://{own}/api/session") == "TypeError: Failed to fetch"
    tab.open(stream)
    assert tab.page.evaluate(_OPEN_THE_STREAM, f"ws://{own}/") == "open"


def test_a_browser_that_cannot_run_the_worker_shows_an_error(tab: Tab, host: Host) -> None:
    """Instead of an empty page."""
    tab.expect_complaints(".")
    script = page().others["stream.js"].body.decode()
    broken = script.replace(" $worker();", " throw 1;")
    assert broken != script
    tab.answer("**/stream.js", broken, "text/javascript")
    tab.open(host.url)
    tab.shows("#veil", "This page needs a browser of 2024 or newer.")


def test_it_works_on_a_network_without_encryption(on_air: OnAir, tab: Tab) -> None:
    """Under the name of another machine, where the page is not a secure context."""
    stream = on_air(host="127.0.0.1", public_host="wall.test")
    stream.publish_frame(tiny_png())
    tab.open(f"http://wall.test:{stream.sinks['browser'].address.port}/")
    tab.is_live()
    tab.until_drawn(1)
    assert not tab.page.evaluate("isSecureContext")
