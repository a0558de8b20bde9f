"""Takes the pictures of the page in the README and in docs/websocket.md.

    python -m tests.browser.screenshots [--seconds S] [--out docs]

in the root of the repository. The demo runs with a few more peripherals and recorders; it is recorded, and
replayed for the last picture.
"""

import argparse
import math
import random
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from beats.adapters.sources.demo.renderer import Renderer
from beats.app import Stream
from beats.proto.events import input_event
from tests.browser.chromium import launch
from tests.support.lines import Line, Proxy

DESK: Final[Mapping[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[Mapping[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
UPDATES_HZ: Final = 10


def speak(stream: Stream, ended: Event) -> None:
    """Publish a fader, a thermometer and a drum pad besides the demo's peripherals."""
    dice = random.Random(3)
    begin_s = time.monotonic()
    while not ended.wait(1 / UPDATES_HZ):
        now_s = time.monotonic() - begin_s
        level = round(0.5 + 0.5 * math.sin(now_s / 3) ** 3, 3)
        stream.publish_peripheral(
            "fader-2", {"level": level, "touched": math.sin(now_s / 4) > 0}, tags=["input"]
        )
        if dice.random() < 0.2:
            celsius = round(21 + math.sin(now_s / 20) + dice.gauss(0, 0.05), 2)
            stream.publish_peripheral("thermo-hall", {"celsius": celsius}, tags=["sensor", "hall"])
        if dice.random() < 0.1:
            press = input_event("press", "2026-01-01T20:15:00Z", {"pad": 3, "force": round(dice.random(), 2)})
            stream.publish_peripheral("pad-1", press, tags=["input"])


def url_of(stream: Stream) -> str:
    address = stream.sinks["browser"].address
    return f"http://{address.host}:{address.port}/"


def opened(browser: Browser, url: str, **options: Any) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(url)
    page.locator("#canvas[data-sequence]").wait_for()
    return page


def shoot(page: Page, path: Path) -> None:
    """Take a picture, and write it as small as possible."""
    page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def live(browser: Browser, folder: Path, tape: Path, seconds: float) -> None:
    """The page while the demo runs: on a desk, on a phone, and with dark colours after an interruption."""
    sinks = {
        "browser": {"port": 0, "client_queue": {"size": 8}, "send_buffer_bytes": 16384},
        "recorder": {"type": "recorder", "path": str(tape)},
        "memory": {"type": "recorder", "path": str(tape.with_name("memory.mcap")), "snapshot_s": 30.0},
    }
    ended = Event()
    with (
        Stream.open(overrides={"sources": {"demo": {"enabled": True, "fps": 60}}, "sinks": sinks}) as stream,
        ExitStack() as stack,
    ):
        speaker = Thread(target=speak, args=(stream, ended))
        speaker.start()
        stack.callback(speaker.join)
        stack.callback(ended.set)
        line = Line()
        proxy = stack.enter_context(Proxy(stream.sinks["browser"].address.port, line))
        desk = opened(browser, url_of(stream), **DESK)
        phone = opened(browser, url_of(stream), **PHONE)
        dark = opened(browser, f"http://127.0.0.1:{proxy.port}/", **DESK, color_scheme="dark")
        dark.wait_for_timeout(seconds * 700)
        line.cut()
        dark.wait_for_timeout(seconds * 150)
        line.mend()
        dark.wait_for_timeout(seconds * 150)
        shoot(desk, folder / "page-desktop.png")
        shoot(phone, folder / "page-phone.png")
        dark.locator("#about summary").click()
        dark.wait_for_timeout(300)
        shoot(dark, folder / "page-dark.png")


def lights(now_s: float) -> npt.NDArray[np.uint8]:
    """What a camera might see: coloured lights that move over a dark stage."""
    y, x = np.mgrid[0:360, 0:640]
    scene = np.stack([18 + y / 14, 16 + y / 18, 28 + y / 12], -1)
    for number, colour in enumerate(((255, 120, 40), (60, 160, 255), (230, 60, 200), (120, 255, 160))):
        angle = now_s * (0.5 + number / 7) + number * 1.7
        distance = ((x - 320 - 230 * math.cos(angle)) / 95) ** 2 + (
            (y - 190 - 90 * math.sin(2 * angle)) / 70
        ) ** 2
        scene += np.exp(-distance)[..., np.newaxis] * colour
    return scene.clip(0, 255).astype(np.uint8)


def several(browser: Browser, folder: Path, seconds: float) -> None:
    """The page with three pictures of different sizes and rates."""
    sources = {"demo": {"enabled": True, "fps": 60}}
    with Stream.open(overrides={"sources": sources, "sinks": {"browser": {"port": 0}}}) as stream:
        page = opened(browser, url_of(stream), **DESK)
        strip = Renderer(4, 96, 16)
        for tick in range(round(seconds * 5)):
            stream.publish_pixels(lights(tick / 30), id="camera")
            if tick % 2:
                stream.publish_pixels(strip.image(tick / 30), id="strip")
            page.wait_for_timeout(1000 / 30)
        shoot(page, folder / "page-pictures.png")


def replayed(browser: Browser, folder: Path, tape: Path, seconds: float) -> None:
    """The page while the recording is replayed."""
    sources = {"demo": {"enabled": False}, "replay": {"type": "replay", "path": str(tape)}}
    with Stream.open(overrides={"sources": sources, "sinks": {"browser": {"port": 0}}}) as stream:
        page = opened(browser, url_of(stream), **DESK)
        page.wait_for_timeout(seconds * 600)
        shoot(page, folder / "page-replay.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=32.0, help="how long to let it run before each picture"
    )
    parser.add_argument("--out", type=Path, default=Path("docs"), help="where the pictures go")
    arguments = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        tape = Path(folder) / "show.mcap"
        live(browser, arguments.out, tape, arguments.seconds)
        several(browser, arguments.out, arguments.seconds)
        replayed(browser, arguments.out, tape, arguments.seconds)
        browser.close()


if __name__ == "__main__":
    main()
