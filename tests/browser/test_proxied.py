"""The page behind a reverse proxy."""

import re
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Playwright

from tests.browser.chromium import launch
from tests.browser.stage import OnAir, tabs
from tests.browser.tab import AWAY, REFUSED, Tab
from tests.support import tiny_png
from tests.support.reverse_proxies import NAME, Certificate, held_port, program_of, proxying, recipe

Opened = Callable[..., tuple[Tab, int]]
_UPGRADES: Final = re.compile(r"^ +proxy_(http_version|set_header) .*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def elsewhere(driver: Playwright) -> Generator[Browser]:
    """A browser that resolves the name of the proxy."""
    browser = launch(driver, f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
    yield browser
    browser.close()


@pytest.fixture
def opened(elsewhere: Browser, on_air: OnAir, tmp_path: Path) -> Generator[Opened]:
    """Opens a page behind nginx, and returns the proxy's port; the page is closed before its server."""
    program_of("nginx")
    with ExitStack() as stack:

        def open_(site: str | None = None, *, complains: bool = False, known: bool = True) -> tuple[Tab, int]:
            port = stack.enter_context(held_port())
            stream = on_air(origins=[f"https://{NAME}:{port}"] if known else [])
            stream.publish_frame(tiny_png(7))
            to_port = stream.sinks["browser"].address.port
            proxy = stack.enter_context(proxying("nginx", port, to_port, Certificate(tmp_path), site))
            new_tab = stack.enter_context(tabs(elsewhere))
            tab = new_tab(ignore_https_errors=True)
            if complains:
                tab.expect_complaints(AWAY, REFUSED)
            tab.open(f"{proxy.origin}/wall/")
            return tab, port

        yield open_


def test_the_page_works_with_tls_and_below_a_path(opened: Opened) -> None:
    """With the documented nginx configuration: files, stream and commands work."""
    tab, _ = opened()
    tab.is_live()
    tab.until_drawn(1)
    tab.may_control()
    tab["[data-command=activate]"].click()
    tab.shows("#sent", "Sent activate: taken")
    tab.page.reload()
    tab.is_live()


def test_it_shows_that_a_proxy_does_not_forward_websockets(opened: Opened) -> None:
    """As with nginx by default."""
    site, count = _UPGRADES.subn("", recipe("nginx"))
    assert count == 3
    tab, _ = opened(site, complains=True)
    tab.shows("#status-text", "No WebSocket")
    tab.shows("#veil", re.compile("a proxy must forward the headers Upgrade and Connection"))


def test_it_shows_that_its_origin_is_not_allowed(opened: Opened) -> None:
    """With the setting that would allow it."""
    tab, port = opened(complains=True, known=False)
    tab.shows("#status-text", "Not allowed")
    tab.shows("#veil", re.compile(f"https://{NAME}:{port}.*origins"))
