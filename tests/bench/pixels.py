"""What it costs to make files of pixels, beside other libraries; and what handing them over costs a program.

    python -m tests.bench.pixels [--quick] [--rounds N] [--json FILE]

in the root of the repository, with the extra `bench` for OpenCV and imageio. The picture is a drawn scene
with slight noise, in RGB. In each round every encoder has its turn at the same picture, one after the other,
so that what else the machine does falls on all of them. Figures are CPU time of all threads, which is what a
call takes where a core is free; medians over the rounds, and the minimum. `x` is the median of the ratios
within the rounds, to our PNG. Each PNG is decoded by Pillow and must hold every pixel.

The second table is the call in the producer's own thread: `copy_pixels` of what several libraries hold,
beside the plainest copy of the same pixels (`array.tobytes()`), and how long `EncoderPool.submit` takes.
The third table is the wall time of `Stream.publish_pixels` in the program's thread, with an encoder that
sleeps, as at any usual frame rate. `x` is to `array.tobytes()` and a `publish_frame` of 64 x 64, called in
turns with it: before each call a picture is encoded, which empties the caches for both. `x hot` is to the
same called again and again with nothing between, so that the pixels are still in the caches.

The last lines say whether two threads encode twice as much as one.
"""

import argparse
import io
import json
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from beats.app import Stream
from beats.pictures.encoders import encode
from beats.pictures.encoding import EncoderPool
from beats.pictures.formats import Format
from beats.pictures.pixels import Pixels, copy_pixels
from tests.bench.machine import describe

Array = np.ndarray[Any, np.dtype[np.uint8]]
Call = Callable[[], object]

SIZES: Final = ((64, 64), (640, 480), (1280, 720), (1920, 1080))
QUALITY: Final = 85
OURS: Final = "Beats PNG"
_PACKAGES: Final = ("pillow", "isal", "opencv-python-headless", "imageio", "numpy")
_SHORTEST_S: Final = 0.002
"""A turn repeats a call that takes less, and divides: a clock read at 64 x 64 would be noise."""


def scene(width: int, height: int, noise: int = 2) -> Array:
    """Waves, a disc and a bar with hard edges, and noise of `noise` levels up and down."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:height, 0:width]
    waves = [
        128 + 100 * np.sin(x / width * 6 + y / height * 2),
        128 + 90 * np.sin(y / height * 5),
        60 + 120 * x / width,
    ]
    whole = np.stack(waves, -1)
    whole[(x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 5) ** 2] = (220, 40, 30)
    whole[height // 8 : height // 4, width // 8 : width // 2] = (20, 200, 90)
    whole += random.integers(-noise, noise + 1, whole.shape)
    pixels: Array = np.clip(whole, 0, 255).astype(np.uint8)
    return pixels


def encoders(whole: Array) -> dict[str, Callable[[], bytes]]:
    """Everything that can encode this picture here, by name."""
    image = Image.fromarray(whole)
    pixels = copy_pixels(whole)

    def ours(form: Format) -> Callable[[], bytes]:
        return lambda: encode(pixels, form, QUALITY)

    def pillow(form: str, **options: int) -> Callable[[], bytes]:
        def save() -> bytes:
            out = io.BytesIO()
            image.save(out, form, **options)
            return out.getvalue()

        return save

    found = {
        OURS: ours("png"),
        "Pillow PNG level 1": pillow("PNG", compress_level=1),
        "Pillow PNG": pillow("PNG"),
        "Beats JPEG": ours("jpeg"),
        "Pillow JPEG": pillow("JPEG", quality=QUALITY),
        "Beats WebP": ours("webp"),
        "Pillow WebP": pillow("WEBP", quality=QUALITY),
    }
    return {**found, **_opencv(whole), **_imageio(whole)}


def _opencv(whole: Array) -> dict[str, Callable[[], bytes]]:
    try:
        library: Any = import_module("cv2")  # by name: the checks run where it is not installed
    except ImportError:
        return {}
    blue_first = np.ascontiguousarray(whole[..., ::-1])

    def call(ending: str, *options: int) -> Callable[[], bytes]:
        return lambda: bytes(library.imencode(ending, blue_first, list(options))[1])

    return {
        "OpenCV PNG": call(".png"),
        "OpenCV PNG level 1": call(".png", library.IMWRITE_PNG_COMPRESSION, 1),
        "OpenCV JPEG": call(".jpg", library.IMWRITE_JPEG_QUALITY, QUALITY),
        "OpenCV WebP": call(".webp", library.IMWRITE_WEBP_QUALITY, QUALITY),
    }


def _imageio(whole: Array) -> dict[str, Callable[[], bytes]]:
    try:
        library: Any = import_module("imageio.v3")
    except ImportError:
        return {}
    return {"imageio PNG": lambda: library.imwrite("<bytes>", whole, extension=".png")}


def copies(whole: Array) -> dict[str, Call]:
    """The ways in which a program hands its pixels over; the first is the plain copy."""
    image = Image.fromarray(whole)
    data = whole.tobytes()
    height, width, _ = whole.shape
    return {
        "array.tobytes()": whole.tobytes,
        "array": lambda: copy_pixels(whole),
        "array of OpenCV, order='bgr'": lambda: copy_pixels(whole, order="bgr"),
        "array[..., ::-1]": lambda: copy_pixels(whole[..., ::-1]),
        "array[::-1]": lambda: copy_pixels(whole[::-1]),
        "numpy.ascontiguousarray(array[:, ::-1])": lambda: np.ascontiguousarray(whole[:, ::-1]),
        "array[:, ::-1]": lambda: copy_pixels(whole[:, ::-1]),
        "PIL image": lambda: copy_pixels(image),
        "bytes": lambda: copy_pixels(data, size=(width, height)),
    }


def turn_ms(call: Call) -> float:
    """The CPU time of a call, repeated for at least two milliseconds."""
    calls = 0
    begin_s = time.process_time()
    while True:
        call()
        calls += 1
        taken_s = time.process_time() - begin_s
        if taken_s > _SHORTEST_S:
            return taken_s / calls * 1e3


def rounds_of(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """The times of all calls in milliseconds, taken in turns."""
    for call in calls.values():
        call()  # whatever is loaded or allocated the first time
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(turn_ms(call))
    return taken


def ratio(taken: dict[str, list[float]], name: str, base: str) -> float:
    """The median of the ratios within the rounds."""
    return statistics.median(one / other for one, other in zip(taken[name], taken[base], strict=True))


def is_equal(data: bytes, whole: Array) -> bool:
    """Whether a file holds exactly these pixels, for Pillow's decoder."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array_equal(np.asarray(image), whole)


def measure_encoders(width: int, height: int, rounds: int) -> list[dict[str, object]]:
    """The first table for one size, printed and returned."""
    whole = scene(width, height)
    calls = encoders(whole)
    taken = rounds_of(dict(calls), rounds)
    print(f"\n{width} x {height}: {whole.nbytes:,} bytes of pixels")
    print(f"{'':22}{'median ms':>10}{'minimum':>10}{'x':>8}{'bytes':>12}  pixels")
    rows: list[dict[str, object]] = []
    for name, call in calls.items():
        data = call()
        is_exact = is_equal(data, whole)
        assert is_exact or "PNG" not in name, f"{name} lost pixels"
        row: dict[str, object] = {
            "encoder": name,
            "width": width,
            "height": height,
            "median_ms": statistics.median(taken[name]),
            "min_ms": min(taken[name]),
            "times_ours": ratio(taken, name, OURS),
            "bytes": len(data),
            "is_exact": is_exact,
        }
        rows.append(row)
        print(
            f"{name:22}{row['median_ms']:10.3f}{row['min_ms']:10.3f}{row['times_ours']:8.2f}{len(data):12,}"
            f"  {'equal' if is_exact else 'alike'}"
        )
    sizes = {name: len(call()) for name, call in calls.items()}
    for peer, least in (("Pillow PNG", 20.0), ("Pillow PNG level 1", 5.0)):
        factor = ratio(taken, peer, OURS)
        print(f"  {'met   ' if factor >= least else 'MISSED'} {least:g} x faster than {peer}: {factor:.1f} x")
    share = sizes[OURS] / sizes["Pillow PNG level 1"]
    print(f"  {'met   ' if share <= 1.1 else 'MISSED'} at most 1.1 x the size of level 1: {share:.3f} x")
    return rows


def measure_copies(width: int, height: int, rounds: int) -> list[dict[str, object]]:
    """The second table for one size, printed and returned."""
    calls = copies(scene(width, height))
    taken = rounds_of(calls, rounds)
    base = next(iter(calls))
    print(f"\n{width} x {height}: copying the pixels")
    print(f"{'':42}{'median us':>11}{'minimum':>11}{'x':>8}")
    rows: list[dict[str, object]] = []
    for name in calls:
        row: dict[str, object] = {
            "source": name,
            "width": width,
            "height": height,
            "median_us": statistics.median(taken[name]) * 1e3,
            "min_us": min(taken[name]) * 1e3,
            "times_plain": ratio(taken, name, base),
        }
        rows.append(row)
        print(f"{name:42}{row['median_us']:11.1f}{row['min_us']:11.1f}{row['times_plain']:8.2f}")
    return rows


def measure_calls(sizes: Sequence[tuple[int, int]], rounds: int) -> list[dict[str, object]]:
    """The third table, printed and returned: medians of the calls of a round, and of the rounds."""
    small = encode(copy_pixels(scene(64, 64)))
    sinks = {"browser": {"enabled": False}, "null": {"type": "null"}}
    print(f"\n{'publish_pixels':22}{'median us':>11}{'minimum':>11}{'x':>8}{'x hot':>8}")
    rows: list[dict[str, object]] = []
    with Stream.open(overrides={"sinks": sinks}) as stream:
        for width, height in sizes:
            whole = scene(width, height)

            def plain(whole: Array = whole) -> None:
                whole.tobytes()
                stream.publish_frame(small)

            ours = partial(stream.publish_pixels, whole, id="pixels")
            taken: dict[str, list[float]] = {"ours": [], "plain": [], "hot": []}
            for _ in range(rounds + 1):
                alone: dict[str, list[float]] = {name: [] for name in taken}
                for _ in range(20):
                    alone["ours"].append(_alone_us(ours, stream))
                    alone["plain"].append(_alone_us(plain, stream))
                    _alone_us(ours, stream)
                alone["hot"] = [_alone_us(plain, stream) for _ in range(20)][1:]
                for name, times in alone.items():
                    taken[name].append(statistics.median(times))
            taken = {name: times[1:] for name, times in taken.items()}  # the first round warms up
            row: dict[str, object] = {
                "width": width,
                "height": height,
                "median_us": statistics.median(taken["ours"]),
                "min_us": min(taken["ours"]),
                "times_plain": ratio(taken, "ours", "plain"),
                "times_hot": ratio(taken, "ours", "hot"),
            }
            rows.append(row)
            print(
                f"{f'{width} x {height}':22}{row['median_us']:11.1f}{row['min_us']:11.1f}"
                f"{row['times_plain']:8.2f}{row['times_hot']:8.2f}  "
                f"{'met' if ratio(taken, 'ours', 'plain') <= 1.5 else 'MISSED'} at most 1.5 x"
            )
        assert stream.stats().given_up == (), "a picture was given up: the calls were not alone"
    return rows


def _alone_us(call: Call, stream: Stream) -> float:
    """The wall time of a call; returns when all that it handed over is published."""
    before = stream.stats().published
    begin_s = time.perf_counter()
    call()
    taken_s = time.perf_counter() - begin_s
    while stream.stats().published == before:
        time.sleep(0.0005)
    return taken_s * 1e6


def measure_submit(rounds: int) -> dict[str, float]:
    """What handing over to the worker costs, with the worker asleep (each waits for the last) and at work."""
    pixels = copy_pixels(scene(64, 64))
    done = threading.Event()
    pool = EncoderPool[Pixels, bytes](
        encode,
        workers=1,
        on_encoded=lambda _topic, _pixels, _data: done.set(),
        on_given_up=lambda _topic, _pixels: None,
        on_failed=lambda _topic, _pixels, _error: done.set(),
    )
    asleep: list[float] = []
    for _ in range(rounds * 50):
        done.clear()
        begin_s = time.perf_counter()
        pool.submit("frame", pixels)
        asleep.append(time.perf_counter() - begin_s)
        done.wait()
    at_work: list[float] = []
    for _ in range(rounds * 50):
        begin_s = time.perf_counter()
        pool.submit("frame", pixels)
        at_work.append(time.perf_counter() - begin_s)
    pool.close()
    found = {"asleep_us": statistics.median(asleep) * 1e6, "at_work_us": statistics.median(at_work) * 1e6}
    in_call_us = min(turn_ms(lambda: encode(pixels)) for _ in range(rounds)) * 1e3
    print(
        f"\nhanding over to a worker that sleeps {found['asleep_us']:.1f} us, that works "
        f"{found['at_work_us']:.1f} us; encoding 64 x 64 in the call {in_call_us:.0f} us"
    )
    return {**found, "encode_64_us": in_call_us}


def measure_threads(rounds: int) -> dict[str, float]:
    """How many pictures two threads encode in the time in which one encodes one; on a machine that is idle.

    2.0 where the interpreter is released all the time; 1.0 where it is held, or where no second core is free.
    """
    pixels = copy_pixels(scene(1280, 720))
    forms: tuple[Format, ...] = ("png", "jpeg", "webp")
    found: dict[str, float] = {}
    for form in forms:
        call = partial(encode, pixels, form)
        gains = [2 * _wall_s(1, call) / _wall_s(2, call) for _ in range(rounds)]
        found[form] = statistics.median(gains)
        print(f"two threads encode {form} {found[form]:.2f} times as fast as one")
    return found


def _wall_s(threads: int, call: Call, calls: int = 5) -> float:
    def work() -> None:
        for _ in range(calls):
            call()

    crowd = [threading.Thread(target=work) for _ in range(threads)]
    begin_s = time.perf_counter()
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return time.perf_counter() - begin_s


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description="What it costs to make files of pixels, beside other libraries."
    )
    parser.add_argument("--quick", action="store_true", help="three rounds, and no 1920 x 1080")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each encoder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    rounds: int = 3 if given.quick else given.rounds
    sizes = SIZES[:-1] if given.quick else SIZES
    packages = {name: _version(name) for name in _PACKAGES}
    print(describe())
    print(", ".join(f"{name} {number}" for name, number in packages.items()))
    report = {
        "machine": describe(),
        "packages": packages,
        "rounds": rounds,
        "encoders": [row for size in sizes for row in measure_encoders(*size, rounds)],
        "copies": [row for size in sizes for row in measure_copies(*size, rounds)],
        "calls": measure_calls(sizes, rounds),
        "submit": measure_submit(rounds),
        "threads": measure_threads(rounds),
    }
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
