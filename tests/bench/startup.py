"""How long `beats config check` takes, beside the bare import of the packages that it is made of.

Run with `python -m tests.bench.startup`. The two run in turns; the median of each counts. Below, the packages
that the check of the default profile imports although only a run, or another profile, needs them.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.support import BEATS, clean_environment

ROUNDS: Final = 25
MOST: Final = 1.5
"""Times as long as the bare imports that the check may take."""
IMPORTS: Final = (sys.executable, "-c", "import pydantic, dynaconf, typer, google.protobuf")
CHECK: Final = (*BEATS, "config", "check")
UNNEEDED: Final = ("PIL", "mcap", "zstandard", "lz4", "websockets", "anyio", "asyncio", "rich")


def took_s(command: tuple[str, ...], folder: Path) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=clean_environment(), check=True, capture_output=True)
    return time.perf_counter() - start


def imported(folder: Path) -> set[str]:
    """The packages that the check imports, as `-X importtime` shows them."""
    command = [sys.executable, "-X", "importtime", *CHECK[1:]]
    environment = clean_environment()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return set(re.findall(r"\|\s+(\w+)(?:\.[\w.]+)?$", done.stderr, re.MULTILINE))


def main() -> int:
    """Print the figures; 1 when they are worse than they may be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times: dict[tuple[str, ...], list[float]] = {IMPORTS: [], CHECK: []}
        for _ in range(ROUNDS):
            for command, found in times.items():
                found.append(took_s(command, folder))
        medians = {command: statistics.median(found) for command, found in times.items()}
        unneeded = sorted(imported(folder) & set(UNNEEDED))
    ratio = medians[CHECK] / medians[IMPORTS]
    print(f"imports alone      {medians[IMPORTS] * 1000:6.1f} ms")
    print(f"beats config check {medians[CHECK] * 1000:6.1f} ms  {ratio:.2f} times as long (at most {MOST})")
    print(f"imported and not needed: {', '.join(unneeded) or 'nothing'}")
    return int(ratio > MOST or bool(unneeded))


if __name__ == "__main__":
    sys.exit(main())
