"""Streams and tabs for tests, and how they end."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol

from playwright.sync_api import Browser, BrowserContext
from websockets.sync.server import ServerConnection

from beats.app import Stream
from tests.browser.host import Host
from tests.browser.tab import Tab
from tests.support import quiet


class OnAir(Protocol):
    """Opens streams."""

    def __call__(self, more: Mapping[str, Any] | None = None, /, **settings: object) -> Stream:
        """Open a stream without sources.

        Args:
            more: other sections of the profile, in place of those.
            settings: of the sink `browser`.
        """
        ...


class Scene(NamedTuple):
    """A page that has just connected."""

    tab: Tab
    host: Host
    connection: ServerConnection


@contextmanager
def scenes(browser: Browser, host: Host) -> Generator[Callable[[], Scene]]:
    """What has one page connect again and again: it counts anew then, and loading it anew takes longer."""
    with tabs(browser) as new_tab:
        tab = new_tab()
        tab.open(host.url)
        connection = host.connection()

        def next_scene() -> Scene:
            nonlocal connection
            host.reset()
            tab.reset_when_lost()
            connection.close()
            connection = host.connection()
            tab.is_live()
            tab.until_figure("received", 0)
            return Scene(tab, host, connection)

        yield next_scene


@contextmanager
def streams() -> Generator[OnAir]:
    """What opens streams; they end with the block."""
    with ExitStack() as stack:

        def on_air(more: Mapping[str, Any] | None = None, /, **settings: object) -> Stream:
            overrides = {**quiet(browser={"port": 0, **settings}), **(more or {})}
            return stack.enter_context(Stream.open(overrides=overrides))

        yield on_air


@contextmanager
def tabs(browser: Browser) -> Generator[Callable[..., Tab]]:
    """What makes tabs, each of another visitor, with the options of playwright's `new_context`.

    In the end the browser must not have complained of anything that was not expected, and no page may have
    asked anybody but its own server.
    """
    made: list[Tab] = []
    contexts: list[BrowserContext] = []

    def new_tab(in_browser: Browser = browser, **options: Any) -> Tab:
        contexts.append(in_browser.new_context(**options))
        made.append(Tab(contexts[-1].new_page()))
        return made[-1]

    yield new_tab
    for context in contexts:
        context.close()
    assert [tab.complaints() for tab in made] == [[] for _ in made]
    assert [tab.strangers() for tab in made] == [set() for _ in made]
