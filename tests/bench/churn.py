"""Memory of `beats run` while viewers come and go: `python -m tests.bench.churn [VIEWERS_PER_S] [SECONDS]`.

Prints every ten seconds how many viewers have come, and the resident memory of the server.
"""

import sys
import time
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.adapters.sinks.websocket.support import RawClient
from tests.support import beats

STAY: Final = 30
"""How many viewers are there at a time."""
LOOK_S: Final = 10.0


def rss_mb(pid: int) -> float:
    """The resident memory of a process (Linux, proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024 / 1e6


def main(viewers_per_s: float, duration_s: float) -> None:
    """Connect viewers at a rate; each leaves when `STAY` others have come."""
    with (
        TemporaryDirectory() as name,
        beats("run", "--set", "sinks.browser.port=0", cwd=Path(name)) as program,
    ):
        assert program.url
        port = int(program.url.rpartition(":")[2])
        here: deque[RawClient] = deque()
        come, begin_s, look_s = 0, time.monotonic(), 0.0
        while (at_s := time.monotonic() - begin_s) < duration_s:
            if at_s >= look_s:
                look_s += LOOK_S
                print(f"{at_s:5.0f} s {come:7,} viewers {rss_mb(program.process.pid):6.1f} MB", flush=True)
            if come >= at_s * viewers_per_s:
                time.sleep(0.002)
                continue
            here.append(RawClient(port).handshaken())
            come += 1
            if len(here) > STAY:
                here.popleft().close()


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]]
    main(*given) if len(given) == 2 else main(100, 300)
