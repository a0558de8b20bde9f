"""The page behind a reverse proxy."""

from pathlib import Path

from playwright.sync_api import Playwright

from tests.browser.chromium import launch
from tests.browser.stage import OnAir, tabs
from tests.reverse_proxies import NAME, Certificate, held_port, program_of, proxying
from tests.support import tiny_png


def test_the_page_works_encrypted_and_below_another_site(
    driver: Playwright, on_air: OnAir, tmp_path: Path
) -> None:
    """As the recipe for nginx has it: every file is found, the stream comes, and it may be steered."""
    program_of("nginx")
    elsewhere = launch(driver, f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
    with held_port() as port:
        stream = on_air(origins=[f"https://{NAME}:{port}"])
        to_port = stream.sinks["browser"].address.port
        with (
            proxying("nginx", port, to_port, Certificate(tmp_path)) as proxy,
            tabs(elsewhere) as new_tab,
        ):
            tab = new_tab(ignore_https_errors=True)
            tab.open(f"{proxy.origin}/wall/")
            tab.is_live()
            tab.until_drawn(stream.publish_frame(tiny_png(7)))
            tab.may_steer()
    elsewhere.close()
