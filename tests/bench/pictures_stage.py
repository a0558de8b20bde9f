"""A program that shows pictures through the WebSocket sink, for `tests.bench.pictures`.

    python -m tests.bench.pictures_stage [--format png|jpeg] [--workers N]

prints `{"ready": PORT}`; then each line on standard input is answered with one line of JSON:

* `run HOW WIDTH HEIGHT NOISE FPS FRAMES`: a thread takes a picture FRAMES times, each when it is due, and
  publishes it as HOW says. NOISE is that of the scene: 0 as drawn, 2 as from a camera. `pixels`:
  `publish_pixels`. `file`: `publish_frame` of a file that is made up already. `Pillow`, `Pillow 1` (PNG of
  level 1), `OpenCV`, `imageio`: that library encodes, then `publish_frame`. A picture that is due while the
  thread is still at an earlier one is left out, as a camera's is. Answers once nothing is left to encode:
  `calls` (pictures that were published or handed over), `call_ms` (median), `cpu_s` (of this process, all
  threads), `wall_s`.
* `viewers`: the counters of each: `path`, `items`, `bytes`, `drops`; and the sink's `figures`.
* `stop`, or the end of its input.
"""

import argparse
import io
import statistics
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np
from PIL import Image

from beats.app import Stream
from beats.pictures.encoders import encode
from beats.pictures.formats import Format
from beats.pictures.pixels import copy_pixels
from tests.bench.machine import answer
from tests.bench.pixels import QUALITY, Array, scene

PICTURES: Final = 4
"""Different ones, which take turns."""


def encoder(how: str, form: Format) -> Callable[[Array], bytes]:
    """What turns an array into a file, by a library's name.

    Raises:
        ImportError: it is not installed.
    """
    if how.startswith("Pillow"):
        options: dict[str, int] = {"compress_level": 1} if how.endswith("1") else {}

        def pillow(pixels: Array) -> bytes:
            out = io.BytesIO()
            if form == "jpeg":
                options["quality"] = QUALITY
            Image.fromarray(pixels).save(out, form.upper(), **options)
            return out.getvalue()

        return pillow
    library: Any = import_module({"OpenCV": "cv2", "imageio": "imageio.v3"}[how])
    if how == "imageio":
        more: dict[str, int] = {"quality": QUALITY} if form == "jpeg" else {}
        return lambda pixels: library.imwrite("<bytes>", pixels, extension=f".{form}", **more)
    quality = [library.IMWRITE_JPEG_QUALITY, QUALITY] if form == "jpeg" else []
    # OpenCV has blue first; a program that uses it has its pictures so.
    return lambda pixels: bytes(library.imencode(f".{form}", pixels, quality)[1])


def publisher(
    stream: Stream, how: str, form: Format, size: tuple[int, int], noise: int
) -> Callable[[int], object]:
    """What publishes the picture with a number."""
    whole = scene(*size, noise)
    pictures = [np.ascontiguousarray(np.roll(whole, 40 * number, axis=1)) for number in range(PICTURES)]
    if how == "pixels":
        return lambda number: stream.publish_pixels(pictures[number % PICTURES])
    if how == "file":
        files = [encode(copy_pixels(pixels), form, QUALITY) for pixels in pictures]
        return lambda number: stream.publish_frame(files[number % PICTURES])
    make = encoder(how, form)

    def call(number: int) -> object:
        # The time of the picture, not of when it was encoded.
        captured_unix_ns = time.time_ns()
        return stream.publish_frame(make(pictures[number % PICTURES]), captured_unix_ns=captured_unix_ns)

    return call


def settled(stream: Stream) -> int:
    """How many pictures were published, or given up by encoders."""
    stats = stream.stats()
    return stats.published + sum(each.items for each in stats.given_up)


def run(publish: Callable[[int], object], stream: Stream, fps: float, frames: int) -> dict[str, Any]:
    """Publish so many pictures, see above."""
    calls_s: list[float] = []

    def produce() -> None:
        begin_s = time.perf_counter()
        number = 0
        while number < frames:
            time.sleep(max(0.0, begin_s + number / fps - time.perf_counter()))
            called_s = time.perf_counter()
            publish(number)
            calls_s.append(time.perf_counter() - called_s)
            number = max(number + 1, int((time.perf_counter() - begin_s) * fps))

    thread = threading.Thread(target=produce)
    before = settled(stream)
    begin_cpu_s, begin_s = time.process_time(), time.perf_counter()
    thread.start()
    thread.join()
    wall_s = time.perf_counter() - begin_s
    while settled(stream) < before + len(calls_s):
        time.sleep(0.001)
    return {
        "calls": len(calls_s),
        "call_ms": statistics.median(calls_s) * 1e3,
        "cpu_s": time.process_time() - begin_cpu_s,
        "wall_s": wall_s,
    }


def viewers(stream: Stream) -> dict[str, Any]:
    """The sink's counters."""
    (sink,) = stream.stats().sinks
    return {
        "viewers": [
            {
                "items": each.queue.taken.items,
                "bytes": each.queue.taken.bytes,
                "drops": {drop.reason: drop.items for drop in each.queue.drops},
            }
            for each in sink.clients
        ],
        "figures": dict(sink.figures),
    }


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--format", choices=("png", "jpeg"), default="png")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    form: Format = given.format
    browser = {"port": 0, "host": "127.0.0.1"}
    overrides = {
        "sources": {"demo": {"enabled": False}},
        "sinks": {"browser": browser},
        "pixels": {"format": form, "quality": QUALITY, "workers": given.workers},
    }
    with Stream.open(overrides=overrides) as stream:
        answer({"ready": stream.sinks["browser"].address.port})
        for line in sys.stdin:
            command, *words = line.split()
            if command == "run":
                *name, width, height, noise, fps, frames = words
                publish = publisher(stream, " ".join(name), form, (int(width), int(height)), int(noise))
                answer(run(publish, stream, float(fps), int(frames)))
            elif command == "viewers":
                answer(viewers(stream))
            else:
                return


if __name__ == "__main__":
    main()
