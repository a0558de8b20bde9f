"""How late frames are while somebody reads the metrics of a stream with a thousand viewers.

    python -m tests.bench.scrape [--viewers N] [--seconds S]

`beats run` with the demo at 20 frames a second; the viewers read in a process of their own. Once a second
`/metrics` and `/api/stats` are asked for in turn, as Prometheus and the page do. Latency is from a frame's
capture until a viewer has read it. The command as it is stands beside one that leaves the garbage collector
to Python's own schedule; they run one after the other, twice.
"""

import argparse
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.process import ROOT, Process
from tests.support import Program, clean_environment

PROFILE: Final = """
[sources.demo]
type = "demo"
fps = 20
[sinks.browser]
type = "websocket"
port = 0
max_clients = 5000
max_clients_per_address = 5000
"""
AS_IT_IS: Final = "beats run"
PYTHONS_OWN: Final = "Python's own schedule"
WAYS: Final = {
    AS_IT_IS: "from beats.cli import main; main()",
    PYTHONS_OWN: (
        "import anyio, beats.cli.runner as runner; runner.collect_seldom = anyio.sleep_forever; "
        "from beats.cli import main; main()"
    ),
}
PATHS: Final = ("metrics", "api/stats")
TIMEOUT_S: Final = 30.0


@contextmanager
def running(way: str) -> Generator[int]:
    """The stream in a process of its own; gives its port."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "scraped.toml").write_text(PROFILE)
        arguments = ["run", "--profile", "scraped", "--config", name]
        command = [sys.executable, "-c", WAYS[way], *arguments]
        with Program(command, ROOT, clean_environment()) as program:
            yield int(program.out.wait_for(r"On air: \w+://[^:]+:(\d+)")[1])


def measure(way: str, viewers: int, seconds: int) -> dict[str, float]:
    """Milliseconds, for one run."""
    with (
        running(way) as port,
        Process("tests.bench.load", ["--port", port, "--clients", viewers, "--size", 0]) as load,
    ):
        load.answer()
        time.sleep(2)
        load.ask("begin")
        asked_ms: dict[str, list[float]] = {path: [] for path in PATHS}
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            for path in PATHS:
                begin_s = time.perf_counter()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=TIMEOUT_S) as answer:
                    answer.read()
                asked_ms[path].append((time.perf_counter() - begin_s) * 1e3)
                time.sleep(1)
        figures = load.ask("stats")
        assert figures["closed"] == 0, "a viewer left"
        latency: dict[str, float] = figures["latency"]
        return {**latency, **{path: statistics.median(found) for path, found in asked_ms.items()}}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=15)
    given = parser.parse_args()
    columns = ("p50_ms", "p99_ms", "p999_ms", "max_ms", *PATHS)
    print(f"{'ms':24}" + "".join(f"{column.removesuffix('_ms'):>12}" for column in columns))
    for _ in range(2):
        for way in WAYS:
            figures = measure(way, given.viewers, given.seconds)
            print(f"{way:24}" + "".join(f"{figures[column]:12.1f}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
