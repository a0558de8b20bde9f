"""The page behind a reverse proxy."""

from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.stage import OnAir, tabs
from tests.support import tiny_png
from tests.support.reverse_proxies import NAME, Certificate, held_port, program_of, proxying


def test_the_page_works_with_tls_and_below_a_path(browser: Browser, on_air: OnAir, tmp_path: Path) -> None:
    """With the documented nginx configuration: files, stream and commands work."""
    program_of("nginx")
    with ExitStack() as stack:
        port = stack.enter_context(held_port())
        stream = on_air(origins=[f"https://{NAME}:{port}"])
        stream.publish_frame(tiny_png(7))
        to_port = stream.sinks["browser"].address.port
        proxy = stack.enter_context(proxying("nginx", port, to_port, Certificate(tmp_path)))
        # The page is closed before its server.
        tab = stack.enter_context(tabs(browser))(ignore_https_errors=True)
        tab.open(f"{proxy.origin}/wall/")
        tab.is_live()
        tab.until_drawn(1)
        tab.may_control()
        tab["[data-command=activate]"].click()
        tab.shows("#sent", "Sent activate: taken")
        tab.page.reload()
        tab.is_live()
