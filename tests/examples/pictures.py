"""Takes the pictures of the examples: python -m tests.examples.pictures, in the root of the repository."""

import json
import re
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.browser.chromium import launch
from tests.browser.stage import SEEN
from tests.examples.programs import EXAMPLES, main_of, running
from tests.support import PORT_0, beats

SIZE: Final[ViewportSize] = {"width": 960, "height": 600}
LED: Final = 12
"""Pixels for one of the simulator."""


def take(browser: Browser, page: str, name: str, size: ViewportSize = SIZE) -> None:
    """Take a picture of a page that has been open for two seconds."""
    with browser.new_context(viewport=size) as context:
        context.add_init_script(SEEN)
        tab = context.new_page()
        tab.goto(page)
        tab.wait_for_timeout(2000)
        tab.screenshot(path=EXAMPLES / name / "picture.png")


def wall(text: str) -> Image.Image:
    """The wall as the simulator drew it half-way, as LEDs; at the end it is dark."""
    walls = text.split("\x1b[H")
    drawn = walls[len(walls) // 2]
    picture = Image.new("RGB", (32 * LED, 16 * LED))
    pencil = ImageDraw.Draw(picture)
    for row, line in enumerate(drawn.splitlines()[:8]):
        for x, found in enumerate(re.findall(r"38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m", line)):
            for half in (0, 1):
                red, green, blue = (int(each) for each in found[3 * half : 3 * half + 3])
                left, top = x * LED, (2 * row + half) * LED
                pencil.ellipse((left + 1, top + 1, left + LED - 2, top + LED - 2), (red, green, blue))
    return picture


def main() -> None:
    """Take all of them."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser, folder = launch(playwright), Path(name)
        for example in ("numpy_animation", "pygame_loop", "robot_sensors", "phone_remote"):
            with main_of(example, folder) as (_, page):
                take(browser, page, example)
        with beats("record", "--out", "film.mcap", "--duration", "3", *PORT_0, cwd=folder) as program:
            program.end()
        with beats("export", "film.mcap", "--mp4", "film.mp4", cwd=folder) as program:
            program.end()
        with main_of("camera", folder, str(folder / "film.mp4")) as (_, page):
            take(browser, page, "camera")
        command = ["python", "-m", "uvicorn", "main:app", "--port", "8899"]
        with running("fastapi_app", folder, command) as program:
            program.err.wait_for("Uvicorn running")
            for step in range(20):
                data = json.dumps({"celsius": 21 + step % 5 / 10}).encode()
                request = urllib.request.Request(
                    "http://127.0.0.1:8899/sensors/hall", data, {"Content-Type": "application/json"}
                )
                urllib.request.urlopen(request).close()
            with urllib.request.urlopen("http://127.0.0.1:8899/") as answer:
                take(browser, json.load(answer)["page"], "fastapi_app")
        with beats("run", *PORT_0, cwd=folder) as program:
            page = program.url.replace("ws", "http", 1)
            take(browser, f"{page}/?view=picture", "notebook", {"width": 480, "height": 270})
            take(browser, page, "origin_and_edges")
        with running("wall_over_ddp", folder, ["python", "-u", "simulator.py", "0"]) as simulator:
            port = simulator.out.wait_for(r"on UDP port (\d+)")[1]
            host = ("--set", f"sinks.wall.host=127.0.0.1:{port}")
            with beats(
                "run", "--profile", "wall_over_ddp", *PORT_0, *host, cwd=folder / "wall_over_ddp"
            ) as program:
                assert program.url
                time.sleep(2)
                program.interrupt()
            wall(simulator.out.so_far()).save(EXAMPLES / "wall_over_ddp" / "picture.png")
        with beats("replay", "film.mcap", "--loop", *PORT_0, cwd=folder) as program:
            take(browser, program.url.replace("ws", "http", 1), "record_and_replay")
        browser.close()


if __name__ == "__main__":
    main()
