"""One evening of an origin, a broker and edges, each on a host of its own, and what viewers saw of it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support import BEATS, Program, clean_environment
from tests.support.hosts import Host, Maker
from tests.support.lines import Line
from tests.support.nats import READY, shipped_command
from tests.system.links_viewer import TENTH_NS

_ROOT: Final = Path(__file__).parents[2]
_S: Final = 10**9
_DEAD: Final = 10 * _S
"""How long a cut line is cut."""
_BLINK: Final = 1 * _S
"""How long one is that is soon whole again."""
_AFTER: Final = 4 * _S
"""How long the viewers go on watching when all lines are whole again."""
RATE_HZ: Final = 20

EDGES: Final[Mapping[str, str]] = {
    "near": "nats",
    "far": "nats",
    "blinking": "nats",
    "cut": "nats",
    "unplugged": "nats",
    "chained": "websocket",
}
"""Each edge's host, and by which source it gets the stream."""
LINES: Final[Mapping[str, Line]] = {"far": Line(delay_s=0.08, jitter_s=0.02, loss=0.015)}


class Frame(NamedTuple):
    """One frame at one viewer; times in nanoseconds of Unix time."""

    sequence: int
    captured_ns: int
    arrived_ns: int

    @property
    def age_s(self) -> float:
        """How old it was when it was seen."""
        return (self.arrived_ns - self.captured_ns) / _S


class Evidence(NamedTuple):
    """What one host's viewer saw, and what the program there said."""

    frames: list[Frame]
    was_closed: bool
    """Whether the viewer's own connection ended."""
    stats: dict[str, Any]
    log: str
    exit_code: int

    def missed(self, since_ns: int) -> list[int]:
        """How many frames are missing at each place where some are, of those that came since a moment."""
        frames = [frame for frame in self.frames if frame.arrived_ns >= since_ns]
        steps = [b.sequence - a.sequence for a, b in pairwise(frames)]
        return [step - 1 for step in steps if step != 1]


class Evening(NamedTuple):
    """Everything that was seen."""

    seen: Mapping[str, Evidence]
    """By host: the origin and each edge."""
    broker_log: str
    settled_ns: int
    """Everyone had begun before, and had what was last."""
    cut_ns: int
    mended_ns: Mapping[str, int]
    """When the line of each host that was cut was whole again."""


def spend(maker: Maker, folder: Path) -> Evening:
    """Have everyone watch, cut some lines for ten seconds, mend them, and watch on for a while."""
    with ExitStack() as stack:
        lines = {name: LINES.get(name, Line()) for name in ("origin", "broker", *EDGES)}
        hosts = stack.enter_context(maker(**lines))
        broker, port = _broker(stack, hosts["broker"], folder)
        programs = _programs(stack, hosts, port, folder)
        viewers = {
            name: stack.enter_context(_viewer(hosts[name], program)) for name, program in programs.items()
        }
        for name, viewer in viewers.items():
            try:
                viewer.out.wait_for("^tenth")
            except AssertionError as error:
                error.add_note(f"{name} has said so far: {programs[name].err.so_far()}")
                raise
        _wait_until(viewers["origin"], time.time_ns() + _S)
        settled_ns = time.time_ns()
        _wait_until(viewers["far"], settled_ns + _S // 2)
        cut_ns = time.time_ns()
        mended_ns: dict[str, int] = {}
        cut, chained, blinking, unplugged = (
            hosts[name] for name in ("cut", "chained", "blinking", "unplugged")
        )
        for host in (cut, chained, blinking):
            host.line.cut()
        unplugged.pull_the_plug()
        _wait_until(viewers["origin"], cut_ns + _BLINK)
        mended_ns["blinking"] = time.time_ns()
        blinking.line.mend()
        _wait_until(viewers["origin"], cut_ns + _DEAD)
        mended_ns |= dict.fromkeys(("cut", "chained", "unplugged"), time.time_ns())
        unplugged.plug_in()
        for host in (chained, cut):
            host.line.mend()
        _wait_until(viewers["near"], mended_ns["cut"] + _AFTER)
        for viewer in viewers.values():
            viewer.close_input()
        said = {name: _answer(viewer) for name, viewer in viewers.items()}
        codes = {name: program.interrupt() for name, program in programs.items()}
        broker.interrupt()
        seen = {
            name: Evidence(
                [Frame(*frame) for frame in answer["seen"]["frame"]],
                answer["closed"],
                answer["stats"],
                programs[name].err.text(),
                codes[name],
            )
            for name, answer in said.items()
        }
        return Evening(seen, broker.err.text(), settled_ns, cut_ns, mended_ns)


def _broker(stack: ExitStack, host: Host, folder: Path) -> tuple[Program, int]:
    """A NATS server with the settings that are shipped, and its port."""
    program = stack.enter_context(
        host.start(shipped_command(folder, host.address), folder, clean_environment())
    )
    return program, int(program.err.wait_for(READY)[1])


def _programs(stack: ExitStack, hosts: Mapping[str, Host], broker: int, folder: Path) -> dict[str, Program]:
    """The origin, and all edges."""

    def start(name: str, *arguments: str) -> Program:
        environment = clean_environment()
        if EDGES.get(name, "nats") == "nats":
            host, port = hosts[name].way_to(hosts["broker"], broker)
            environment["BEATS_NATS_URL"] = f"nats://{host}:{port}"
        beats = [*BEATS, "run", *arguments, "--set", "sinks.browser.port=0"]
        return stack.enter_context(hosts[name].start(beats, folder, environment))

    # It is the host's own network that keeps others out.
    open_door = ("--set", "sinks.browser.host=0.0.0.0", "--set", f"sources.demo.fps={RATE_HZ}")
    programs = {"origin": start("origin", "--profile", "origin", *open_door)}
    for name, source in EDGES.items():
        if source == "nats":
            programs[name] = start(name, "--profile", "edge")
            continue
        own_port = int(programs["origin"].url.rpartition(":")[2])
        host, port = hosts[name].way_to(hosts["origin"], own_port)
        profile = folder / "config" / "chain.toml"
        profile.parent.mkdir()
        profile.write_text(
            f'[sources.demo]\nenabled = false\n[sources.chain]\ntype = "websocket"\nurl = "ws://{host}:{port}"\n'
        )
        programs[name] = start(name, "--profile", "chain")
    return programs


def _viewer(host: Host, program: Program) -> Program:
    viewer = [sys.executable, "-m", "tests.system.links_viewer", program.url]
    return host.start(viewer, _ROOT, clean_environment(), stdin=subprocess.PIPE)


def _wait_until(viewer: Program, moment_ns: int) -> None:
    """Wait until a viewer has seen something that was captured so late."""
    first = moment_ns // TENTH_NS + 1
    later = "|".join(str(first + number) for number in range(100))  # it may have been busy just then
    viewer.out.wait_for(rf"^tenth ({later})$")


def _answer(viewer: Program) -> dict[str, Any]:
    assert viewer.end() == 0, viewer.err.text()
    answer: dict[str, Any] = json.loads(viewer.out.text().splitlines()[-1])
    return answer


def said_missed(log: str) -> list[int]:
    """How many frames a source says are missing at each place, also where no viewer looked any more."""
    return [int(found) for found in re.findall(r"frame: (\d+) before number \d+ did not come", log)]
