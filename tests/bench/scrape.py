"""How late frames are while somebody reads the metrics of a stream with a thousand viewers.

    python -m tests.bench.scrape [--viewers N] [--seconds S]

`beats run --stdin` is given ten updates a second; the viewers read in a process of their own. Once a second
`/metrics` and `/api/stats` are asked for in turn, as Prometheus and the page do. Latency is from an update's
capture until a viewer has read it. The command as it is stands beside one that leaves the garbage collector
to Python's own schedule, each with requests and without; they run one after the other, twice.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.process import ROOT, Process
from tests.support import Program, clean_environment

PROFILE: Final = """
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
RATE_HZ: Final = 10


@contextmanager
def running(way: str) -> Generator[int]:
    """The stream in a process of its own; gives its port."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "scraped.toml").write_text(PROFILE)
        arguments = ["run", "--stdin", "--profile", "scraped", "--config", name]
        command = [sys.executable, "-c", WAYS[way], *arguments]
        with Program(command, ROOT, clean_environment(), subprocess.PIPE) as program:
            port = int(program.out.wait_for(r"On air: \w+://[^:]+:(\d+)")[1])
            end = threading.Event()

            def turn() -> None:
                number = 0
                while not end.wait(1 / RATE_HZ):
                    number += 1
                    program.write(f'{{"id": "knob", "data": {number}}}')

            turning = threading.Thread(target=turn)
            turning.start()
            try:
                yield port
            finally:
                end.set()
                turning.join()


def measure(way: str, viewers: int, seconds: int, *, scraped: bool) -> dict[str, float]:
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
            for path in PATHS if scraped else ():
                begin_s = time.perf_counter()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=TIMEOUT_S) as answer:
                    answer.read()
                asked_ms[path].append((time.perf_counter() - begin_s) * 1e3)
                time.sleep(1)
            if not scraped:
                time.sleep(1)
        figures = load.ask("stats")
        assert figures["closed"] == 0, "a viewer left"
        latency: dict[str, float] = figures["latency"]
        return {**latency, **{path: statistics.median(found or [0]) for path, found in asked_ms.items()}}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=15)
    given = parser.parse_args()
    columns = ("p50_ms", "p99_ms", "p999_ms", "max_ms", *PATHS)
    print(f"{'ms':36}" + "".join(f"{column.removesuffix('_ms'):>12}" for column in columns))
    for _ in range(2):
        for way, scraped in itertools.product(WAYS, (True, False)):
            figures = measure(way, given.viewers, given.seconds, scraped=scraped)
            label = way + ("" if scraped else ", no requests")
            print(f"{label:36}" + "".join(f"{figures[column]:12.1f}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
