"""Opens and closes streams and tabs for tests."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final, NamedTuple, Protocol

from playwright.sync_api import Browser, BrowserContext
from websockets.sync.server import ServerConnection

from beats.app import Stream
from tests.browser.host import Host, frame
from tests.browser.tab import Tab
from tests.support import quiet

SEEN: Final = 'try { localStorage.setItem("beats.seen", "yes"); } catch { /* refused: it greets */ }'
"""Runs in a page before its own scripts: it has been visited before, and greets nobody."""


class OnAir(Protocol):
    """Opens streams."""

    def __call__(self, more: Mapping[str, Any] | None = None, /, **settings: object) -> Stream:
        """Open a stream without sources.

        Args:
            more: sections of the profile that replace the default ones.
            settings: settings of the sink `browser`.
        """
        ...


Lend = Callable[[], AbstractContextManager[Tab]]
"""Lends a tab for the time of the block."""


class Scene(NamedTuple):
    """A page that has just connected."""

    tab: Tab
    host: Host
    connection: ServerConnection

    def show(self, png: bytes, sequence: int = 1) -> None:
        """Send a picture, and wait until it is drawn."""
        self.connection.send(frame(png, sequence))
        self.tab.until_drawn(sequence)

    def tell(self, **facts: object) -> None:
        """Have the host answer this about the session, and the page ask at once."""
        self.host.facts.update(facts)
        self.tab.ask_again()


@contextmanager
def scenes(browser: Browser, host: Host) -> Generator[Callable[[], Scene]]:
    """Makes scenes with one page, which reconnects: that resets its counters, and is faster than a reload."""
    with tabs(browser) as new_tab:
        tab = new_tab()
        tab.open(host.url)
        connection = host.connection()

        def next_scene() -> Scene:
            nonlocal connection
            host.reset()
            tab.reset_when_lost()
            with tab.page.expect_response("**/api/session"):  # the answer may change the layout
                connection.close()
                connection = host.connection()
                tab.is_live()
            tab.until_number("received", 0)
            return Scene(tab, host, connection)

        yield next_scene


@contextmanager
def streams() -> Generator[OnAir]:
    """Opens streams, which end with the block."""
    with ExitStack() as stack:

        def on_air(more: Mapping[str, Any] | None = None, /, **settings: object) -> Stream:
            overrides = {**quiet(browser={"port": 0, **settings}), **(more or {})}
            return stack.enter_context(Stream.open(overrides=overrides))

        yield on_air


@contextmanager
def lending(browser: Browser) -> Generator[Lend]:
    """Lends tabs of default options and size, which are used again.

    The browser starts processes for each new tab, which takes three times as long as another page in an old
    tab. Pages share nothing that is stored, because each of their servers has a port of its own. A page must
    not have complained, nor sent a request to another host than its own server.
    """
    idle: list[Tab] = []
    with tabs(browser) as new_tab:

        @contextmanager
        def lend() -> Generator[Tab]:
            tab = idle.pop() if idle else new_tab()
            yield tab
            if tab.page.is_closed():
                faults = tab.faults()
            else:
                tab.page.wait_for_timeout(0)  # what it has complained about until now
                faults = tab.faults()
                tab.renew()
                idle.append(tab)
            assert faults == [], faults

        yield lend


@contextmanager
def tabs(browser: Browser) -> Generator[Callable[..., Tab]]:
    """Makes tabs, each with a profile of its own, with the options of playwright's `new_context`.

    At the end there must be no unexpected complaint of the browser, and no page may have sent a request to
    another host than its own server.
    """
    made: list[Tab] = []
    contexts: list[BrowserContext] = []

    def new_tab(in_browser: Browser = browser, *, is_newcomer: bool = False, **options: Any) -> Tab:
        contexts.append(in_browser.new_context(**options))
        if not is_newcomer:
            contexts[-1].add_init_script(SEEN)
        made.append(Tab(contexts[-1].new_page()))
        return made[-1]

    yield new_tab
    for context in contexts:
        context.close()
    faults = [fault for tab in made for fault in tab.faults()]
    assert faults == [], faults
