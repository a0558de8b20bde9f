"""What badly behaved clients do to everyone else, to the producer and to the server's memory; beside peers.

    python -m tests.bench.stalled [--quick] [--only SCENARIO[,SCENARIO]] [--work NAME[,NAME]]
                                  [--peers NAME[,NAME]] [--clients N] [--json FILE]

in the root of the repository. Healthy clients watch 1 MB x 30/s or 20 kB x 60/s: 50 of them, or as many as
this machine can serve with half of each of two CPUs, which is said. Each line of a table is a run of its own:
healthy clients alone, then with a crowd of bad ones, twice in a row (peers: once), so that what else the
machine does falls on both; `x` is the ratio of with to without. The line `nobody` has no crowd: how far its
`x` are from 1 is how far every other one may be by chance.

Server and load generator are pinned to a CPU each; the crowd is on that of the load generator, nice. Slow
readers take bytes evenly at a sixth of the stream's rate, through the system's own buffers. A run whose
server grows over 1.5 GB is ended. Ours has its defaults but for a client's queue, which keeps the `latest`
frame, and a `stall_timeout_s` of 2 s; each sixth frame is followed by an update of a peripheral.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.bench.fanout import pins
from tests.bench.peers import PEERS, missing
from tests.bench.peers.machine import describe
from tests.bench.peers.process import AnswerError
from tests.bench.peers.trial import Pins
from tests.bench.stalled_phases import Scenario, Times, Work
from tests.bench.stalled_table import HEAD, PEER_SCENARIOS, SCENARIOS, WORKS, bound_mb, line, targets
from tests.bench.stalled_trial import Trial, room

_BUDGET_S: Final = 440.0
"""When so much time has passed, the runs that are left are left out."""


class Bench:
    """The runs that were asked for, and what they found."""

    def __init__(self, given: argparse.Namespace, peers: list[str], where: Pins) -> None:
        self._given: Final = given
        self._peers: Final = peers
        self._where: Final = where
        self._begin_s: Final = time.monotonic()

    def run(self, work: Work) -> dict[str, Any]:
        """All scenarios of one kind of work, printed; the figures for the JSON."""
        most: int = self._given.clients
        clients, server_cpu, load_cpu = room(work, most, self._where)
        carried = "" if clients == most else f"; {most} are more than this machine can carry"
        print(
            f"\n{work.size:,} bytes x {work.rate_hz:g}/s x {clients} healthy clients (10 take "
            f"{server_cpu:.0%} of the server's CPU, {load_cpu:.0%} of their own{carried})\n{HEAD}",
            flush=True,
        )
        rows = [self._run_one(peer, work, scenario, clients) for peer, scenario in self._runs()]
        for row in rows:
            for target in row.get("targets", ()):
                met = "met   " if target["met"] else "MISSED"
                print(f"  {met} {row['title']}: {target['text']}: {target['value']}")
        return {"clients": clients, "runs": rows}

    def _runs(self) -> Iterator[tuple[str, Scenario]]:
        only = self._given.only.split(",") if self._given.only else [scenario.name for scenario in SCENARIOS]
        for peer in self._peers:
            for scenario in SCENARIOS:
                if scenario.name in only and (peer == "ours" or scenario.name in PEER_SCENARIOS):
                    yield peer, scenario

    def _run_one(self, peer: str, work: Work, scenario: Scenario, clients: int) -> dict[str, Any]:
        row: dict[str, Any] = {"peer": peer, "scenario": scenario.name, "title": scenario.title}
        if time.monotonic() - self._begin_s > _BUDGET_S:
            print(f"{peer:11}{scenario.title:16} left out: the time is over", flush=True)
            return row
        try:
            figures = Trial(peer, work, scenario, self._times(peer), self._where).run(clients)
        except AnswerError as error:
            print(f"{peer:11}{scenario.title:16} {error}", flush=True)
            return {**row, "error": str(error)}
        print(line(peer, scenario, figures), flush=True)
        if peer == "ours":
            row["targets"] = [
                target._asdict() for target in targets(scenario, figures, bound_mb(work, scenario))
            ]
        return row | figures

    def _times(self, peer: str) -> Times:
        if self._given.quick:
            return Times(0.5, 0.7, 1)
        return Times(1.5, 3.0, 2) if peer == "ours" else Times(1.2, 3.0, 1)


def main() -> None:
    """Run the scenarios and print them."""
    given = _arguments()
    begin_s = time.monotonic()
    where = pins()
    wanted: list[str] = given.peers.split(",") if given.peers else [name for name in PEERS if name != "bare"]
    print(describe())
    print(f"server on CPU {where.server}, clients on CPU {where.load}", flush=True)
    absent = {peer: package for peer in wanted if (package := missing(peer)) is not None}
    for peer, package in absent.items():
        print(f"{peer} is left out: {package} is not installed")
    bench = Bench(given, [peer for peer in wanted if peer not in absent], where)
    report: dict[str, Any] = {"machine": describe(), "quick": given.quick, "missing": absent}
    for work in WORKS:
        if not given.work or work.name in given.work.split(","):
            report[work.name] = bench.run(work)
    print(f"\n{time.monotonic() - begin_s:.0f} s in all")
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2, ensure_ascii=False))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="short phases: does it all run?")
    parser.add_argument("--only", help=f"of {', '.join(scenario.name for scenario in SCENARIOS)}")
    parser.add_argument("--work", help=f"of {', '.join(work.name for work in WORKS)}")
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}, with commas between")
    parser.add_argument("--clients", type=int, default=50, help="healthy clients, at most")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
