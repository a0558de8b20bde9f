"""A browser for all tests of the page, and tabs for each."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from beats.app import Stream
from tests.browser.chromium import launch
from tests.browser.host import Host
from tests.browser.tab import Tab
from tests.support import quiet


@pytest.fixture(scope="package")
def driver() -> Generator[Playwright]:
    """What drives browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(driver: Playwright) -> Generator[Browser]:
    """Started once, since that takes most of a second."""
    browser = launch(driver)
    yield browser
    browser.close()


@pytest.fixture
def host() -> Generator[Host]:
    """A server that serves the page, and says what the test has it say."""
    with Host() as host:
        yield host


@pytest.fixture
def on_air() -> Generator[Callable[..., Stream]]:
    """Opens streams without sources, given the settings of the sink `browser`; they end after the tabs."""
    with ExitStack() as stack:

        def open_stream(more: Mapping[str, Any] | None = None, /, **settings: object) -> Stream:
            overrides = {**quiet(browser={"port": 0, **settings}), **(more or {})}
            return stack.enter_context(Stream.open(overrides=overrides))

        yield open_stream


@pytest.fixture
def new_tab(
    browser: Browser,
    host: Host,
    on_air: Callable[..., Stream],
) -> Generator[Callable[..., Tab]]:
    """Makes tabs, each of another visitor, with the options of playwright's `new_context`.

    Afterwards the browser must not have complained of anything that the test did not expect, and no page may
    have asked anybody but its own server. Tabs are closed before their servers, which they would miss.
    """
    tabs: list[Tab] = []
    contexts: list[BrowserContext] = []

    def make(in_browser: Browser = browser, **options: Any) -> Tab:
        contexts.append(in_browser.new_context(**options))
        tabs.append(Tab(contexts[-1].new_page()))
        return tabs[-1]

    yield make
    for context in contexts:
        context.close()
    assert [tab.complaints() for tab in tabs] == [[] for _ in tabs]
    assert [tab.strangers() for tab in tabs] == [set() for _ in tabs]


@pytest.fixture
def tab(new_tab: Callable[..., Tab]) -> Tab:
    """One tab of usual size."""
    return new_tab()
