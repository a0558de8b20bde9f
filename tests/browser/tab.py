"""The page in a tab, and what the browser complains about."""

import base64
import io
import re
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import (
    CDPSession,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    ViewportSize,
    expect,
)

from beats.app import Stream
from tests.support import TIMEOUT_S

TIMEOUT_MS: Final = TIMEOUT_S * 1000
SIZE: Final[ViewportSize] = {"width": 1280, "height": 720}
"""Of a tab by default, as playwright chooses it."""
REFUSED: Final = r"Failed to load resource: the server responded with a status of 4\d\d"
AWAY: Final = r"WebSocket connection to .* failed|Failed to load resource: net::ERR_CONNECTION"
FULL: Final = r"Failed to load resource: the server responded with a status of 503"
"""What the browser logs about a refusal, an unreachable server, and a full one."""
expect.set_options(timeout=TIMEOUT_MS)

# Read from a copy: reading a canvas often makes the browser move it to slower memory.
_PICTURE: Final = """canvas => {
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    let text = "";
    for (let at = 0; at < data.length; at += 8192)
        text += String.fromCharCode(...data.subarray(at, at + 8192));
    return [canvas.dataset.sequence, width, height, btoa(text)];
}"""


_FORGET: Final = """() => {
    if (origin === "null") return;
    localStorage.clear();
    sessionStorage.clear();
}"""
# When the connection is lost: clear what the page shows, and reconnect at once.
_RESET: Final = """() => {
    const status = document.getElementById("status-text");
    new MutationObserver((_, observer) => {
        if (status.textContent !== "Reconnecting") return;
        observer.disconnect();
        delete document.getElementById("canvas").dataset.sequence;
        document.getElementById("about").open = false;
        const search = document.getElementById("search");
        search.value = "";
        search.dispatchEvent(new Event("input"));
        dispatchEvent(new Event("online"));
    }).observe(status, { childList: true });
}"""
# Not playwright's `wait_for_function`: it evaluates text in the page, which the page's policy forbids.
_UNTIL: Final = """new Promise((resolve, reject) => {
    const end = performance.now() + %d;
    const look = () => {
        if (%s) resolve();
        else if (performance.now() > end) reject(new Error("it never came true"));
        else setTimeout(look, 20);
    };
    look();
})"""


# Times of the live status and of the first picture, in milliseconds since the request of the page.
NOTE_TIMES: Final = """addEventListener("DOMContentLoaded", () => {
    window.at = {};
    const note = name => { at[name] ??= performance.now(); };
    new MutationObserver(() => {
        if (document.getElementById("status-text").textContent === "Live") note("live");
        if (document.getElementById("canvas").dataset.sequence) note("drawn");
    }).observe(document.documentElement, { subtree: true, childList: true, attributes: true });
})"""
_HOLD_TIMERS: Final = """least => {
    const { setTimeout: start, clearTimeout: stop } = window;
    const held = new Map();
    let last = 1e9;
    const fire = () => {
        for (const [id, then] of [...held]) if (held.delete(id)) then();
    };
    const release = () => {
        Object.assign(window, { setTimeout: start, clearTimeout: stop });
        fire();
    };
    window.timers = { fire, release };
    window.setTimeout = (then, ms) => ms < least ? start(then, ms) : held.set(++last, then) && last;
    window.clearTimeout = id => held.delete(id) || stop(id);
}"""


class Tab:
    """One tab with the page."""

    def __init__(self, page: Page) -> None:
        self.page: Final = page
        self._complaints: Final[list[str]] = []
        self._visited: Final[set[str]] = set()
        self._asked: Final[set[str]] = set()
        self._expected: Final[list[str]] = []
        self._session: CDPSession | None = None
        self._added: Final = ExitStack()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complaints.append(f"error: {error}"))
        page.on("request", self._note)
        page.on("websocket", lambda socket: self._asked.add(urlsplit(socket.url).netloc))

    def open(self, server: str | Stream, address: str = "") -> None:
        """Open the page of a server, given its URL or its stream."""
        if isinstance(server, Stream):
            # As the address of `Host`: for a page of another site, the browser would start another process.
            server = f"http://127.0.0.1:{server.sinks['browser'].address.port}/"
        self.allow(server)
        self.page.goto(server + address)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size."""
        self.page.set_viewport_size({"width": width, "height": height})

    def leave(self) -> None:
        """Leave the page for an empty one, so that its server can end without a complaint of the page."""
        self.page.goto("about:blank")

    def renew(self) -> None:
        """Leave the page, and forget what it stored, how it was shown and what it complained about."""
        self.page.evaluate(_FORGET)
        self._added.close()
        self.leave()
        self.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        self.page.set_viewport_size(SIZE)
        for each in (self._complaints, self._expected, self._visited, self._asked):
            each.clear()

    def prepare(self, script: str) -> None:
        """Run a script before those of each page that is opened, until the tab is renewed."""
        self._added.enter_context(self.page.add_init_script(script))

    def answer(self, pattern: str, body: str, content_type: str) -> None:
        """Answer requests for matching addresses, until the tab is renewed."""

        def fulfill(route: Route) -> None:
            route.fulfill(body=body, content_type=content_type)

        self._added.enter_context(self.page.route(pattern, fulfill))

    def allow(self, server: str) -> None:
        """Accept requests to this server, given the URL of one of its pages."""
        self._visited.add(urlsplit(server).netloc)

    def reset_when_lost(self) -> None:
        """Clear the page when it loses its connection, and have it reconnect at once."""
        self.page.evaluate(_RESET)

    def expect_complaints(self, *patterns: str) -> None:
        """Accept complaints that match these patterns."""
        self._expected.extend(patterns)

    def complaints(self) -> list[str]:
        """The complaints of the browser, except expected ones."""
        return [
            text
            for text in self._complaints
            if not any(re.search(pattern, text) for pattern in self._expected)
        ]

    def faults(self) -> list[str]:
        """The complaints, and hosts that received a request although their page was not opened."""
        return self.complaints() + sorted(self._asked - self._visited)

    def __getitem__(self, selector: str) -> Locator:
        """The element with this CSS selector."""
        return self.page.locator(selector)

    def is_live(self) -> None:
        """Wait until it is connected; after two seconds of silence the status is "No data"."""
        expect(self["#status-text"]).to_have_text(re.compile("^(Live|No data)$"))

    def shows(self, selector: str, text: str | re.Pattern[str]) -> None:
        """Wait until an element has this text."""
        expect(self[selector]).to_have_text(text)

    def may_control(self, may: bool = True) -> None:
        """Wait until the controls are enabled, or disabled."""
        button = self["[data-command=activate]"]
        if may:
            expect(button).to_be_enabled()
        else:
            expect(button).to_be_disabled()

    def until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true in the page."""
        self.page.evaluate(_UNTIL % (TIMEOUT_MS, condition))

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true in Python, while the page continues."""
        end_s = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end_s, "it never came true"
            self.page.wait_for_timeout(20)

    def number(self, name: str) -> float:
        """A number that the page shows, unrounded."""
        return float(self[f"#{name}"].get_attribute("value") or "nan")

    def until_number(self, name: str, value: float) -> None:
        """Wait until the page shows this number."""
        expect(self[f"#{name}"]).to_have_attribute("value", f"{value:g}")

    def until_drawn(self, sequence: int) -> None:
        """Wait until the picture with this number is on the canvas."""
        expect(self["#canvas"]).to_have_attribute("data-sequence", str(sequence))

    def picture(self) -> tuple[int, Image.Image]:
        """The sequence number and the pixels of the canvas."""
        self["#canvas[data-sequence]"].wait_for()
        sequence, width, height, pixels = self["#canvas"].evaluate(_PICTURE)
        image = Image.frombytes("RGBA", (width, height), base64.b64decode(pixels))
        return int(sequence), image.convert("RGB")

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of Chromium's debugging protocol."""
        self._session = self._session or self.page.context.new_cdp_session(self.page)
        # Playwright does not type the dictionaries.
        return self._session.send(method, parameters)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    @contextmanager
    def held_timers(self, least_ms: int = 3000) -> Generator[Callable[[], None]]:
        """Hold back the page's timers of so many ms and more; yields a function that fires them."""
        self.page.evaluate(_HOLD_TIMERS, least_ms)
        yield lambda: self.page.evaluate("timers.fire()")
        self.page.evaluate("timers.release()")

    def ask_again(self) -> None:
        """Have the page poll the session at once."""
        self.page.evaluate('document.dispatchEvent(new Event("visibilitychange"))')

    def freeze(self, frozen: bool) -> None:
        """Freeze or resume the page."""
        self.ask("Page.setWebLifecycleState", state="frozen" if frozen else "active")

    def screenshot(self) -> Image.Image:
        """What is on the screen."""
        return self._captured().convert("RGB")

    def transparent_screenshot(self) -> Image.Image:
        """What is on the screen, without the white that a browser puts behind each page."""
        override = "Emulation.setDefaultBackgroundColorOverride"
        self.ask(override, color={"r": 0, "g": 0, "b": 0, "a": 0})
        try:
            return self._captured()
        finally:
            self.ask(override)

    def _captured(self) -> Image.Image:
        # Not playwright's `screenshot`, which waits long for fonts on a busy machine; the page brings none.
        data: str = self.ask("Page.captureScreenshot")["data"]
        return Image.open(io.BytesIO(base64.b64decode(data)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("warning", "error", "assert"):
            self._complaints.append(f"{message.type}: {message.text}")

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("about", "blob", "data"):
            self._asked.add(parts.netloc)
