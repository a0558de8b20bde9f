"""The page in frames of other pages."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from playwright.sync_api import expect

from beats.app import Stream
from tests.browser.stage import OnAir
from tests.browser.tab import Tab
from tests.support import tiny_png


@contextmanager
def embedding() -> Generator[int]:
    """A web server of one page, which embeds the address in its query; yields its port."""

    class Embedding(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            address = self.path.partition("?")[2]
            icon = '<link rel="icon" href="data:,">'  # or the browser asks for one when the server has ended
            frame = f'<iframe width="600" height="500" src="{address}"></iframe>'
            self.wfile.write(f"{icon}{frame}".encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Embedding) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def url_of(stream: Stream) -> str:
    return f"http://localhost:{stream.sinks['browser'].address.port}/"


def test_only_listed_pages_may_embed_the_page(tab: Tab, on_air: OnAir) -> None:
    """By their origin; in another the browser refuses to show it."""
    page = tab.page
    with embedding() as port:
        stream = on_air(frame_ancestors=[f"http://127.0.0.1:{port}"])
        stream.publish_frame(tiny_png())
        tab.allow(url_of(stream))
        tab.expect_complaints("frame-ancestors")
        tab.open(f"http://127.0.0.1:{port}/", f"?{url_of(stream)}")
        framed = page.frame_locator("iframe")
        expect(framed.locator("#status-text")).to_have_text("Live")
        framed.locator("#canvas[data-sequence]").wait_for()
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            tab.open(f"http://localhost:{port}/", f"?{url_of(stream)}")
        expect(page.frame_locator("iframe").locator("#status-text")).to_have_count(0)
