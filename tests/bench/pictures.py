"""Pictures a second that reach a viewer, and what viewers of a small form cost those of the original.

    python -m tests.bench.pictures [--quick] [--only reach|variants] [--rounds N]

in the root of the repository, with the extra `bench` for OpenCV and imageio. Server and viewers are processes
of their own. The picture is the one of `tests.bench.pixels`; all figures are medians over the rounds.

Reach: a program has a new picture 30 or 60 times a second. It hands the pixels over (`publish_pixels`), or
encodes them itself in its loop with another library and publishes the file, to the same sink. `fps` is what
one viewer received; `skipped` is what was due and never came; `call ms` is what the program's loop waited;
`CPU` is cores used by the server, encoding included; `p50 ms` is from the picture to the viewer.

Variants: one stream of PNG files, as drawn and with a camera's noise, with 20 viewers of the original, then
with 20 more of a JPEG 480 pixels wide, then without these again. `ratio` is the originals' p99 latency with
them to the mean of that without, in the same round. `encodings` are those for each frame in all.
"""

import argparse
import statistics
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from tests.bench.machine import describe
from tests.bench.process import Process

STAGE: Final = "tests.bench.pictures_stage"
LOAD: Final = "tests.bench.load"
_MODULES: Final = {"OpenCV": "cv2", "imageio": "imageio"}
_IDLE_S: Final = 1.0
SMALL: Final = "/?formats=jpeg&max_width=480"
_DRAWN, _CAMERA = 0, 2
"""How much noise is in the scene."""
_MOST_RATIO: Final = 1.2
_MOST_SHARE: Final = 1 / 20


class Reach(NamedTuple):
    """A picture that is due so many times a second."""

    width: int
    height: int
    fps: int
    format: str
    hows: tuple[str, ...]


REACHES: Final = (
    Reach(640, 480, 60, "png", ("pixels", "Pillow 1", "Pillow", "OpenCV", "imageio")),
    Reach(1280, 720, 30, "png", ("pixels", "Pillow 1", "Pillow", "OpenCV", "imageio")),
    Reach(1280, 720, 60, "jpeg", ("pixels", "Pillow", "OpenCV", "imageio")),
)


def loaded(port: int, clients: int, path: str, *options: str) -> Process:
    """So many viewers of a path."""
    return Process(LOAD, ["--port", port, "--clients", clients, "--size", 0, "--path", path, *options])


def reach(case: Reach, how: str, seconds: float) -> dict[str, float]:
    """One trial."""
    frames = round(case.fps * seconds)
    with Process(STAGE, ["--format", case.format]) as stage:
        port = stage.answer()["ready"]
        with loaded(port, 1, "/?formats=png,jpeg") as viewer:
            viewer.answer()
            run = f"run {how} {case.width} {case.height} {_CAMERA} {case.fps}"
            stage.ask(f"{run} 1")  # what is loaded for the first picture is not in the figures
            viewer.tell("until 1 1")
            viewer.answer()
            viewer.ask("begin")
            done = stage.ask(f"{run} {frames}")
            seen = viewer.ask(f"until {frames} {_IDLE_S}")
    assert not seen["errors"], seen["errors"]
    spent_s = (seen["last_unix_ns"] - seen["first_unix_ns"]) / 1e9
    return {
        "fps": (seen["received"] - 1) / spent_s if spent_s else 0.0,
        "skipped": frames - seen["received"],
        "call_ms": done["call_ms"],
        "cores": done["cpu_s"] / done["wall_s"],
        "p50_ms": seen["latency"].get("p50_ms", float("nan")),
    }


def measure_reach(rounds: int, seconds: float, cases: tuple[Reach, ...] = REACHES) -> None:
    """The first table."""
    for case in cases:
        hows = [how for how in case.hows if find_spec(_MODULES.get(how, "PIL"))]
        taken: dict[str, list[dict[str, float]]] = {how: [] for how in hows}
        for _ in range(rounds):
            for how in hows:
                taken[how].append(reach(case, how, seconds))
        due = round(case.fps * seconds)
        print(f"\n{case.width} x {case.height} at {case.fps} fps as {case.format.upper()}, {due} pictures")
        print(f"{'':14}{'fps':>8}{'skipped':>9}{'call ms':>9}{'CPU':>7}{'p50 ms':>9}")
        for how, rows in taken.items():
            found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
            print(
                f"{how:14}{found['fps']:8.1f}{found['skipped']:9.0f}{found['call_ms']:9.2f}"
                f"{found['cores']:7.2f}{found['p50_ms']:9.1f}"
            )
            if how == "pixels":
                print(f"  {'met   ' if not found['skipped'] else 'MISSED'} nothing skipped")


class Crowds(NamedTuple):
    """A stream, and as many viewers of the original as of the small form."""

    noise: int
    width: int = 1280
    height: int = 720
    fps: int = 30
    viewers: int = 20


def variants(case: Crowds, seconds: float) -> dict[str, float]:
    """One round of the second table."""
    frames, crowd = round(case.fps * seconds), case.viewers
    run = f"run file {case.width} {case.height} {case.noise} {case.fps} {frames}"
    lost = 0
    with Process(STAGE, []) as stage:
        port = stage.answer()["ready"]
        with loaded(port, crowd, "/") as originals:
            originals.answer()

            def p99_ms() -> float:
                nonlocal lost
                originals.ask("begin")
                calls = stage.ask(run)["calls"]
                seen = originals.ask(f"until {calls * crowd} {_IDLE_S}")
                assert not seen["errors"], seen["errors"]
                lost += calls * crowd - seen["received"]
                return float(seen["latency"]["p99_ms"])

            without = [p99_ms()]
            with loaded(port, crowd, SMALL, "--first") as small:
                small.answer()
                begun = stage.ask("viewers")
                small.ask("begin")
                with_them = p99_ms()
                seen = small.ask(f"until {frames * crowd} {_IDLE_S}")
                ended = stage.ask("viewers")
            without.append(p99_ms())
    sent = _bytes_of(begun, ended)
    figures = {name: ended["figures"][name] - begun["figures"].get(name, 0) for name in ended["figures"]}
    return {
        "without_ms": statistics.mean(without),
        "with_ms": with_them,
        "lost": lost,
        "ratio": with_them / statistics.mean(without),
        "encodings": figures["variant_frames_total"] / (sent[2] / crowd),
        "skipped": figures["variant_frames_skipped_total"],
        "small_ms": seen["latency"]["p50_ms"],
        "small_fps": (seen["received"] / crowd - 1) * 1e9 / (seen["last_unix_ns"] - seen["first_unix_ns"]),
        "share": sent[1] / sent[0],
        "original_kb": sent[0] / 1e3,
    }


def _bytes_of(begun: dict[str, Any], ended: dict[str, Any]) -> list[float]:
    """The mean size of what the viewers of the original and the others were sent; how much the former got."""
    halves: list[float] = []
    crowd = len(ended["viewers"]) // 2
    for begin in (0, crowd):
        pairs = list(zip(begun["viewers"], ended["viewers"], strict=True))[begin : begin + crowd]
        items = sum(after["items"] - before["items"] for before, after in pairs)
        halves.append(sum(after["bytes"] - before["bytes"] for before, after in pairs) / items)
    originals = zip(begun["viewers"][:crowd], ended["viewers"][:crowd], strict=True)
    return [*halves, sum(after["items"] - before["items"] for before, after in originals)]


def measure_variants(case: Crowds, rounds: int, seconds: float) -> None:
    """The second table."""
    rows = [variants(case, seconds) for _ in range(rounds)]
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print(
        f"\n{case.width} x {case.height} PNG of {found['original_kb']:,.0f} kB at {case.fps} fps, "
        f"{case.viewers} viewers of the original, and {case.viewers} of {SMALL[2:]}"
    )
    ratios = ", ".join(f"{row['ratio']:.2f}" for row in rows)
    print(
        f"originals' p99 {found['without_ms']:.1f} ms without, {found['with_ms']:.1f} ms with the others "
        f"(rounds {ratios}), {found['lost']:.0f} lost; small pictures: {found['small_fps']:.1f} fps, "
        f"p50 {found['small_ms']:.1f} ms, {found['skipped']:.0f} skipped"
    )
    for text, value, most in (
        ("originals' p99 with to without", found["ratio"], _MOST_RATIO),
        ("encodings of each frame", found["encodings"], 1.0),
        ("bytes to a small viewer, of the original", found["share"], _MOST_SHARE),
    ):
        print(f"  {'met   ' if value <= most else 'MISSED'} {text}: {value:.3f} (at most {most:.2f})")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Pictures a second that reach viewers.")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds each")
    parser.add_argument("--only", choices=("reach", "variants"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    rounds, seconds = (1, 2.0) if given.quick else (given.rounds, given.seconds)
    print(describe())
    if given.only != "variants":
        measure_reach(rounds, seconds)
    if given.only != "reach":
        for noise in (_DRAWN, _CAMERA):
            measure_variants(Crowds(noise), rounds, seconds)


if __name__ == "__main__":
    main()
