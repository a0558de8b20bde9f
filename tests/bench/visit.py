"""How soon the page is live on a long line, at a first visit and at a second one.

    python -m tests.bench.visit [--trip-ms MS] [--visits N]

in the root of the repository. The real command shows the demo on one host, and Chromium looks at it from
another. The line between them delays every packet, those that make a connection included. (Where no hosts can
be made, a proxy delays what is sent, and connections cost nothing.) At a first visit the browser has kept
nothing.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.bench.from_afar import seen_from_afar
from tests.browser.chromium import launch
from tests.browser.tab import NOTE_TIMES
from tests.support.hosts import MAKERS
from tests.support.lines import Line

_MOST_S: Final = 120.0


class Visit(NamedTuple):
    """When it was so far, after the address was entered."""

    live_ms: float
    drawn_ms: float
    requests: int
    """That went over the line until then, the stream's own among them."""


def visit(context: BrowserContext, url: str) -> Visit:
    """Open the page until a picture is drawn."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    sent: list[str] = []

    def note(event: Any) -> None:
        sent.append(event["requestId"])

    session.on("Network.requestWillBeSentExtraInfo", note)
    # Playwright does not say what is in the dictionaries.
    session.send("Network.enable")  # pyright: ignore[reportUnknownMemberType]
    page.on("websocket", lambda socket: sent.append(socket.url))
    page.add_init_script(NOTE_TIMES)
    page.goto(url)
    page.locator("#canvas[data-sequence]").wait_for()
    live_ms, drawn_ms = page.evaluate("[at.live, at.drawn]")
    page.close()
    return Visit(live_ms, drawn_ms, len(sent))


def look(browser: Browser, url: str, visits: int) -> list[tuple[Visit, Visit]]:
    """Pairs of a first visit and a second one."""
    found: list[tuple[Visit, Visit]] = []
    for _ in range(visits):
        context = browser.new_context()
        found.append((visit(context, url), visit(context, url)))
        context.close()
    return found


def look_from_here(url: str, visits: int) -> None:
    """Look, and print what was seen."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        look(browser, url, 1)  # the browser itself takes its time at first
        print(json.dumps(look(browser, url, visits)))
        browser.close()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trip-ms", type=float, default=100.0, help="there and back; default 100")
    parser.add_argument("--visits", type=int, default=9, help="pairs of visits; default 9")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.url:
        look_from_here(given.url, given.visits)
        return
    kind, make = next(iter(MAKERS.items()))
    line = Line(delay_s=given.trip_ms / 2000)
    with make(server=line, viewer=Line()) as hosts, tempfile.TemporaryDirectory() as folder:
        server, viewer = hosts["server"], hosts["viewer"]
        options = ("--set", f"sinks.browser.host={server.address}", "--set", "sinks.browser.port=8765")
        look = ("tests.bench.visit", "--visits", given.visits)
        pairs = seen_from_afar(server, options, Path(folder), viewer, look, _MOST_S)
    print(f"a round trip of {given.trip_ms:g} ms, {kind}, {given.visits} visits of each kind")
    for place, name in enumerate(("first", "second")):
        seen = [Visit(*pair[place]) for pair in pairs]
        live, drawn = sorted(each.live_ms for each in seen), sorted(each.drawn_ms for each in seen)
        requests = max(each.requests for each in seen)
        print(
            f"  {name}: live after {statistics.median(live):.0f} ms ({live[0]:.0f} to {live[-1]:.0f}), "
            f"drawn after {statistics.median(drawn):.0f} ms, at most {requests} requests until then"
        )


if __name__ == "__main__":
    main()
