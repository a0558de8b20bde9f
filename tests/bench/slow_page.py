"""What the page does on a line that is too slow for the pictures that it first asks for.

    python -m tests.bench.slow_page [--bytes-per-s N] [--seconds S]

in the root of the repository. The real command shows 15 pictures of 640 x 480 a second, as PNG, on one host,
and Chromium looks at them from another. The line between them carries so many bytes a second. Each second the
page's own figures are read: pictures drawn a second, the age of the last 64, and what the page asks for by
itself. (Where no hosts can be made, a proxy holds back what is sent.)
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from playwright.sync_api import sync_playwright

from beats.pictures.encoders import encode
from beats.pictures.pixels import copy_pixels
from tests.bench.from_afar import seen_from_afar
from tests.bench.pixels import scene
from tests.browser.chromium import launch
from tests.support.hosts import MAKERS
from tests.support.lines import Line

SIZE: Final = (640, 480)
FPS: Final = 15
PROFILE: Final = f"""
[sources.demo]
enabled = false

[sources.wall]
type = "images"
path = "pictures"
fps = {FPS}

[sinks.browser]
type = "websocket"
host = "{{host}}"
port = 8765
"""
_MORE_S: Final = 60.0
_LOOK: Final = "[Number(fps.value), Number(age.value), quality.options[0].text]"


def pictures(folder: Path) -> int:
    """Write pictures of a second, of which none is like the one before; the size of one in bytes."""
    whole = scene(*SIZE)
    folder.mkdir()
    for number in range(FPS):
        moved = np.roll(whole, number * SIZE[0] // FPS, axis=1)
        (folder / f"{number:02}.png").write_bytes(encode(copy_pixels(moved), "png", 85))
    return max(path.stat().st_size for path in folder.iterdir())


def look_from_here(url: str, seconds: int) -> None:
    """Look, and print what was seen each second."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(url)
        page.locator("#canvas[data-sequence]").wait_for()
        seen: list[tuple[float, float, str]] = []
        for _ in range(seconds):
            page.wait_for_timeout(1000)
            seen.append(page.evaluate(_LOOK))
        print(json.dumps(seen))
        browser.close()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bytes-per-s", type=float, default=1e6, help="of the line; default 1,000,000")
    parser.add_argument("--seconds", type=int, default=20, help="how long to look; default 20")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.url:
        look_from_here(given.url, given.seconds)
        return
    kind, make = next(iter(MAKERS.items()))
    line = Line(bytes_per_s=given.bytes_per_s)
    with make(server=line, viewer=Line()) as hosts, tempfile.TemporaryDirectory() as name:
        server, viewer, folder = hosts["server"], hosts["viewer"], Path(name)
        size = pictures(folder / "pictures")
        (folder / "config").mkdir()
        (folder / "config" / "slow.toml").write_text(PROFILE.format(host=server.address))
        look = ("tests.bench.slow_page", "--seconds", given.seconds)
        seen = seen_from_afar(server, ("--profile", "slow"), folder, viewer, look, given.seconds + _MORE_S)
    print(f"{FPS} pictures of {size / 1000:.0f} kB a second, {given.bytes_per_s / 1e6:g} MB/s, {kind}")
    print(f"{'second':>8}{'drawn a second':>16}{'age in ms':>12}  asks for")
    for second, (drawn, age_ms, asked) in enumerate(seen, 1):
        print(f"{second:8}{drawn:16.1f}{age_ms:12.0f}  {asked}")


if __name__ == "__main__":
    main()
