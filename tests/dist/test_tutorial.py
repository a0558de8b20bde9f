"""The tutorial leads to what it promises, with nothing but the wheel."""

from pathlib import Path

import pytest

from tests.browser.chromium import PATH as CHROMIUM
from tests.dist.tutorial import HEADINGS, times_s


def test_a_newcomer_gets_a_picture_of_their_own_into_the_browser(tmp_path: Path) -> None:
    """All commands and code, typed as they stand; what each step promises is seen on a page."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: on Debian, install the package chromium")
    assert list(times_s(tmp_path)) == HEADINGS
