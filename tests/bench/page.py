"""What the page shows beside 59 other viewers, and whether its memory grows.

    python -m tests.bench.page [--seconds S] [--clients N] [--fps F]

in the root of the repository. The real command shows the demo; all viewers but one read and discard, in a
process of their own; the last is the page in headless Chromium, which draws without a graphics card. Each
second its own figures are read: pictures drawn, and their age from capture to drawing, the middle of the last
64. Every tenth of the time its heap and that of its worker are measured after a collection, and the memory of
two processes: the renderer's, which holds both with all pictures, and the browser's own. The others are sent
no pings, since they do not look at what they read.
"""

import argparse
import json
import multiprocessing
import select
import socket
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.bench.wire import Opening
from tests.browser.chromium import launch
from tests.support import TIMEOUT_S, beats

WARM_UP_S: Final = 5.0
MEASUREMENTS: Final = 10
_PIECE_BYTES: Final = 1 << 18
_MIB: Final = 2**20
_COLLECT: Final = "HeapProfiler.collectGarbage"
_USAGE: Final = "Runtime.getHeapUsage"


class Memory(NamedTuple):
    """What is in use, in MiB, the heaps after a collection."""

    at_s: float
    page_mib: float
    worker_mib: float
    renderer_mib: float
    browser_mib: float


def read_along(host: str, port: int, count: int, stop: Connection) -> None:
    """Be so many viewers that keep up, until told to stop."""
    poll = select.poll()
    sockets: dict[int, socket.socket] = {}
    for _ in range(count):
        opening = Opening(host, port, "plain")
        sockets[opening.sock.fileno()] = opening.sock
        poll.register(opening.sock, select.POLLIN)
    poll.register(stop, select.POLLIN)
    stop.send("ready")
    while True:
        for fd, _ in poll.poll():
            if fd == stop.fileno():
                return
            if not sockets[fd].recv(_PIECE_BYTES):
                raise EOFError("the server closed a connection")


class Watcher:
    """The page, and the browser's own measurements of it."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser: Final[CDPSession] = browser.new_browser_cdp_session()
        self._page: Final = page
        self._session: Final = page.context.new_cdp_session(page)
        self._answers: Final[dict[int, Any]] = {}
        self._worker = ""
        self._asked = 0
        self._session.on("Target.attachedToTarget", self._attached)
        self._session.on("Target.receivedMessageFromTarget", self._received)
        # Not flat: then a worker is spoken to through the page, the one session that there is.
        self._ask("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=False)

    def second(self) -> tuple[float, float]:
        """Pictures a second and their age in ms now, as the page shows them."""
        fps, age = self._page.evaluate("[fps.value, age.value]")
        return float(fps), float(age)

    def memory(self, at_s: float) -> Memory:
        """What is in use now."""
        self._ask(_COLLECT)
        page = self._ask(_USAGE)
        self._ask_worker(_COLLECT)
        worker = self._ask_worker(_USAGE)
        heaps = (page["usedSize"] / _MIB, worker["usedSize"] / _MIB)
        # Other renderers are those of empty tabs.
        return Memory(at_s, *heaps, self._resident_mib("renderer"), self._resident_mib("browser"))

    def totals(self) -> dict[str, int]:
        """What was received, missed and skipped."""
        found: dict[str, str] = self._page.evaluate(
            "Object.fromEntries([received, drops, skipped, unreadable].map(({ id, value }) => [id, value]))"
        )
        return {name: int(value) for name, value in found.items()}

    def _resident_mib(self, kind: str) -> float:
        """The memory of the largest process of a kind."""
        processes: Any = _send(self._browser, "SystemInfo.getProcessInfo")
        return max(resident_mib(each["id"]) for each in processes["processInfo"] if each["type"] == kind)

    def _ask(self, method: str, **parameters: object) -> Any:
        return _send(self._session, method, **parameters)

    def _ask_worker(self, method: str) -> Any:
        self._asked += 1
        message = json.dumps({"id": self._asked, "method": method})
        self._ask("Target.sendMessageToTarget", sessionId=self._worker, message=message)
        end_s = time.monotonic() + TIMEOUT_S
        while self._asked not in self._answers:
            if time.monotonic() > end_s:
                raise TimeoutError(f"the worker does not answer {method}")
            self._page.wait_for_timeout(10)
        return self._answers.pop(self._asked)

    def _attached(self, event: Any) -> None:
        self._worker = event["sessionId"]

    def _received(self, event: Any) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message["result"]


def _send(session: CDPSession, method: str, **parameters: object) -> Any:
    # Playwright does not say what is in the dictionaries.
    return session.send(method, parameters)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def resident_mib(pid: int) -> float:
    """What a process has in memory (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def watch(url: str, seconds: float) -> None:
    """Look at the page for so long, and print what came of it."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(url)
        page.locator("#canvas[data-sequence]").wait_for()
        watcher = Watcher(browser, page)
        page.wait_for_timeout(WARM_UP_S * 1000)
        begin_s = time.monotonic()
        every: list[tuple[float, float]] = []
        memory = [watcher.memory(0.0)]
        while (now_s := time.monotonic() - begin_s) < seconds:
            page.wait_for_timeout(1000)
            every.append(watcher.second())
            if now_s >= len(memory) * seconds / MEASUREMENTS:
                memory.append(watcher.memory(now_s))
        totals = watcher.totals()
        browser.close()
    for at_s, *sizes in memory:
        print(f"{at_s:7.0f} s" + "".join(f"{size:10.2f} MiB" for size in sizes))
    rates, ages = zip(*every, strict=True)
    print(f"\n{len(rates)} seconds:")
    print(f"  drawn a second: median {statistics.median(rates):.1f}, least {min(rates):.1f} (at least 55)")
    print(f"  age: median {statistics.median(ages):.0f} ms, most {max(ages):.0f} ms (at most 50)")
    print("  " + ", ".join(f"{number:,} {name}" for name, number in totals.items()))
    for name, column in zip(Memory._fields[1:], list(zip(*memory, strict=True))[1:], strict=True):
        half, least, most = len(column) // 2, min(column), max(column)
        first, second = statistics.mean(column[:half]), statistics.mean(column[half:])
        print(f"  {name}: first half {first:.2f}, second half {second:.2f}, {least:.2f} to {most:.2f}")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to look; default 300")
    parser.add_argument("--clients", type=int, default=60, help="viewers with the page; default 60")
    parser.add_argument("--fps", type=float, default=60.0, help="pictures a second; default 60")
    given = parser.parse_args()
    here, there = multiprocessing.Pipe()
    settings = (
        "sinks.browser.port=0",
        "sinks.browser.ping_interval_s=86400",
        f"sources.demo.fps={given.fps}",
    )
    server = ("run", *(argument for setting in settings for argument in ("--set", setting)))
    with tempfile.TemporaryDirectory() as folder, beats(*server, cwd=Path(folder)) as program:
        address = urlsplit(program.url)
        assert address.hostname is not None
        others = multiprocessing.Process(
            target=read_along, args=(address.hostname, address.port, given.clients - 1, there), daemon=True
        )
        others.start()
        if here.recv() != "ready":
            sys.exit("the other viewers were not let in")
        print(" " * 9 + "".join(f"{name:>14}" for name in ("page", "worker", "renderer", "browser")))
        watch(f"http://{address.hostname}:{address.port}/", given.seconds)
        here.send("stop")
        others.join(TIMEOUT_S)
        program.interrupt()


if __name__ == "__main__":
    main()
