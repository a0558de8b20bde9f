"""The browser that Debian ships, without a screen."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Playwright

PATH: Final = Path("/usr/bin/chromium")
# Without the flags about background, update and sync it sends requests to its vendor at every start.
ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch(playwright: Playwright, *more: str) -> Browser:
    """Start it with an empty profile.

    Args:
        playwright: what drives it.
        more: arguments besides the usual ones.

    Raises:
        FileNotFoundError: it is not installed; says what to do.
    """
    if not PATH.exists():
        raise FileNotFoundError(f"there is no {PATH}: on Debian, install the package chromium")
    return playwright.chromium.launch(executable_path=PATH, args=[*ARGUMENTS, *more])
