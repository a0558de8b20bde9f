"""A browser for all tests of the page, and tabs for each."""

from collections.abc import Callable, Generator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.chromium import PATH, launch
from tests.browser.host import Host
from tests.browser.stage import Lend, OnAir, Scene, lending, scenes, streams, tabs
from tests.browser.tab import Tab


@pytest.fixture(scope="package")
def driver() -> Generator[Playwright]:
    """The driver of browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(driver: Playwright) -> Generator[Browser]:
    """One browser for all tests, which are skipped without Chromium. It finds `*.test` on this machine."""
    if not PATH.exists():
        pytest.skip(f"there is no {PATH}: on Debian, install the package chromium")
    browser = launch(driver, "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.example 127.0.0.1")
    yield browser
    browser.close()


@pytest.fixture
def host() -> Generator[Host]:
    """A server that serves the page and sends what the test tells it to."""
    with Host() as host:
        yield host


@pytest.fixture(scope="package")
def next_scene(browser: Browser) -> Generator[Callable[[], Scene]]:
    """See `scene`."""
    with Host() as host, scenes(browser, host) as next_scene:
        yield next_scene


@pytest.fixture
def scene(next_scene: Callable[[], Scene]) -> Generator[Scene]:
    """A page that has just connected to a host; one page serves all tests that use this fixture."""
    scene = next_scene()
    yield scene
    assert scene.tab.complaints() == []


@pytest.fixture
def on_air() -> Generator[OnAir]:
    """Opens streams without sources, which end after the tabs."""
    with streams() as on_air:
        yield on_air


@pytest.fixture
def new_tab(browser: Browser, host: Host, on_air: OnAir) -> Generator[Callable[..., Tab]]:
    """Makes tabs, which are closed before their servers, so that they do not complain."""
    with tabs(browser) as new_tab:
        yield new_tab


@pytest.fixture(scope="package")
def lend(browser: Browser) -> Generator[Lend]:
    """Lends tabs to tests, one after another."""
    with lending(browser) as lend:
        yield lend


@pytest.fixture
def tab(lend: Lend, host: Host, on_air: OnAir) -> Generator[Tab]:
    """One tab of default size, which leaves its page before the servers end."""
    with lend() as tab:
        yield tab
