"""A film in a browser, by the source `video` and by ffmpeg's Motion JPEG: pictures a second, and their age.

    python -m tests.bench.video [--seconds S] [--rounds N]

in the root of the repository. A film of 1280 x 720 at 30 a second has the number of each picture drawn into
it, as 16 squares that are black or white. The same headless Chromium, which draws without a graphics card,
shows it once on the page of the real command, whose source `video` plays the file, and once as ffmpeg's own
stream (`ffmpeg -re -i FILE -f mpjpeg`), as a page by itself. In both, the same script reads the number of
what is on the screen for each of the browser's frames.

`fps` counts the numbers that were seen. `age` is from when the picture was due (the capture time that Beats
publishes; the time at which ffmpeg's filter `showinfo` names it, behind `-re`) to when it was seen, on one
clock. `CPU` is cores used by the server alone, `kB` the mean size of a picture. On two cores the browser
takes its own share: read them as ratios.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch
from tests.support import beats, watching
from tests.support.nats import free_port

SIZE: Final = (1280, 720)
FPS: Final = 30
BITS: Final = 16
SIDE: Final = 24
"""Of the squares, in pixels: they survive the codecs, and a page that scales the picture."""
WARM_UP_S: Final = 2.0
SEEN: Final = f"""(find) => {{
    const read = document.createElement("canvas");
    read.width = {BITS}; read.height = 1;
    const pen = read.getContext("2d", {{ willReadFrequently: true }});
    window.seen = [];
    let last = -1;
    const look = () => {{
        const shown = document.querySelector(find);
        const width = shown.naturalWidth ?? shown.width;
        if (width) {{
            const scale = width / {SIZE[0]};
            const [side, top] = [{SIDE} * scale, {SIDE} / 2 * scale];
            pen.drawImage(shown, 0, top - 1, side * {BITS}, 2, 0, 0, {BITS}, 1);
            const pixels = pen.getImageData(0, 0, {BITS}, 1).data;
            let number = 0;
            for (let bit = 0; bit < {BITS}; bit++) number = number * 2 + (pixels[4 * bit] > 127);
            if (number !== last) window.seen.push([number, performance.timeOrigin + performance.now()]);
            last = number;
        }}
        requestAnimationFrame(look);
    }};
    look();
}}"""


class Watched(NamedTuple):
    """One showing."""

    fps: float
    skipped: int
    age_ms: float
    age_p99_ms: float
    cores: float
    picture_kb: float


def film(path: Path, seconds: float) -> None:
    """Write it: FFmpeg's moving test picture, with the number of each picture at its top left."""
    library: Any = av  # which leaves types open
    pattern = library.open(f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate={FPS}", format="lavfi")
    with library.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"preset": "veryfast"}
        for number, frame in enumerate(pattern.decode(video=0)):
            if number >= seconds * FPS:
                break
            image: Image.Image = frame.to_image()
            pen = ImageDraw.Draw(image)
            for bit in range(BITS):
                white = number >> (BITS - 1 - bit) & 1
                pen.rectangle((SIDE * bit, 0, SIDE * (bit + 1) - 1, SIDE), "white" if white else "black")
            out.mux(stream.encode(library.VideoFrame.from_image(image)))
        out.mux(stream.encode(None))
    pattern.close()


def cpu_s(pid: int) -> float:
    """What a process has used: proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def look(page: Page, find: str, seconds: float, pid: int) -> tuple[list[tuple[int, float]], float]:
    """What was seen, with the time in ms, after a warm-up; and the cores that the server used."""
    page.evaluate(SEEN, find)
    page.wait_for_timeout(WARM_UP_S * 1000)
    page.evaluate("seen.length = 0")
    begin_s, before_s = time.monotonic(), cpu_s(pid)
    page.wait_for_timeout(seconds * 1000)
    cores = (cpu_s(pid) - before_s) / (time.monotonic() - begin_s)
    seen: list[tuple[int, float]] = page.evaluate("seen")
    return seen, cores


def judged(
    seen: list[tuple[int, float]], cores: float, due_ms: dict[int, float], picture_kb: float
) -> Watched:
    """Put together what was seen and when it was due."""
    known = [(number, at_ms) for number, at_ms in seen if number in due_ms]
    ages = sorted(at_ms - due_ms[number] for number, at_ms in known)
    spent_s = (known[-1][1] - known[0][1]) / 1000
    span = known[-1][0] - known[0][0] + 1
    return Watched(
        (len(known) - 1) / spent_s,
        span - len({number for number, _ in known}),
        statistics.median(ages),
        ages[int(len(ages) * 0.99)],
        cores,
        picture_kb,
    )


def by_beats(page: Page, path: Path, seconds: float) -> Watched:
    """On the page of the real command."""
    folder = path.parent
    options = ("sinks.browser.port=0", f"sources.video.input={path}", "kernel.when_sources_end=stay")
    arguments = [part for option in options for part in ("--set", option)]
    with beats("run", "-p", "video", *arguments, cwd=folder) as program:
        due_ms: dict[int, float] = {}
        sizes: list[int] = []
        with watching(f"{program.url}/?formats=jpeg") as viewer:
            ended = threading.Event()

            def note() -> None:
                while not ended.is_set():
                    envelope = viewer.next()
                    due_ms[envelope.sequence - 1] = envelope.captured_unix_ns / 1e6
                    sizes.append(len(viewer.raw.pop()))

            thread = threading.Thread(target=note, daemon=True)
            thread.start()
            page.goto(program.url.replace("ws:", "http:"))
            page.locator("#canvas[data-sequence]").wait_for()
            seen, cores = look(page, "#canvas", seconds, program.process.pid)
            ended.set()
            thread.join()
        page.goto("about:blank")
        program.interrupt()
    return judged(seen, cores, due_ms, statistics.mean(sizes) / 1000)


@contextmanager
def ffmpeg(path: Path, port: int, due_ms: dict[int, float], sizes: list[float]) -> Generator[int]:
    """One that plays the film for the first who asks; notes when each picture was due."""
    kind = "multipart/x-mixed-replace;boundary=ffmpeg"
    options = f"-v info -re -i {path} -vf showinfo -c:v mjpeg -q:v 3 -f mpjpeg -content_type {kind} -listen 1"
    command = ["ffmpeg", *options.split(), f"http://127.0.0.1:{port}/"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None

        def note() -> None:
            for line in process.stderr or ():
                if found := re.search(r"showinfo.* n: *(\d+) ", line):
                    due_ms[int(found[1])] = time.time() * 1000
                elif found := re.search(r"size= *(\d+)kB", line):
                    sizes.append(float(found[1]))

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        try:
            yield process.pid
        finally:
            process.terminate()
            thread.join()


def by_ffmpeg(page: Page, path: Path, seconds: float) -> Watched:
    """As a page that is nothing but the stream."""
    due_ms: dict[int, float] = {}
    sizes: list[float] = []
    port = free_port()
    with ffmpeg(path, port, due_ms, sizes) as pid:
        for _ in range(100):  # it listens soon
            try:
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                break
            except Exception:
                time.sleep(0.1)
        page.locator("img").wait_for()
        seen, cores = look(page, "img", seconds, pid)
        page.goto("about:blank")
    return judged(seen, cores, due_ms, sizes[-1] / len(due_ms) if sizes else float("nan"))


WAYS: Final[dict[str, Callable[[Page, Path, float], Watched]]] = {"Beats": by_beats, "ffmpeg": by_ffmpeg}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="how long to look each time; default 15")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    given = parser.parse_args()
    taken: dict[str, list[Watched]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "film.mp4"
        film(path, given.seconds + WARM_UP_S + 20)
        for _ in range(given.rounds):
            for name, show in WAYS.items():
                browser = launch(playwright)
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                taken[name].append(show(page, path, given.seconds))
                browser.close()
    print(f"{SIZE[0]} x {SIZE[1]} at {FPS}, medians of {given.rounds} rounds of {given.seconds:g} s")
    print(f"{'':10}{'fps':>8}{'skipped':>9}{'age ms':>9}{'p99 ms':>9}{'CPU':>7}{'kB':>7}")
    for name, rows in taken.items():
        found = Watched(*(statistics.median(column) for column in zip(*rows, strict=True)))
        print(
            f"{name:10}{found.fps:8.1f}{found.skipped:9.0f}{found.age_ms:9.0f}{found.age_p99_ms:9.0f}"
            f"{found.cores:7.2f}{found.picture_kb:7.0f}"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
