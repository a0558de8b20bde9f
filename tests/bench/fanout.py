"""What a delivery costs the server, how many it can make, and how that grows with the clients; beside peers.

    python -m tests.bench.fanout [--quick] [--only ROW[,ROW]] [--peers NAME[,NAME]] [--rounds N] [--json FILE]

in the root of the repository. Server and load generator are processes of their own, each pinned to one CPU
(the first and the last that this one may use). In each round every peer has its turn at the same work, one
after the other, so that what else the machine does falls on all of them; figures are medians over the rounds,
and `x` is the median of the ratios within the rounds.

Ours is measured through the whole pipeline: a producer thread calls `Stream.publish_frame` or
`publish_peripheral`, and its encoding is in the CPU per delivery; peers are given bytes that are made up
already. CPU per delivery is user and system time of the server's process from the first publish to the last
arrival, divided by what the clients got. A message is lost if it had not arrived 3 s after the last one that
did. Flat out, peers without a bound of their own make the producer wait (see `tests.bench.peers`).
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.bench.fanout_rows import Medians, Row, rows
from tests.bench.peers import PEERS, missing
from tests.bench.peers.machine import describe, rest_factor
from tests.bench.peers.process import AnswerError
from tests.bench.peers.trial import Case, Pins, run

_BUDGET_S: Final = 420.0
"""When so much time has passed, the rows that are left get one round each."""

Round = dict[tuple[str, int], dict[str, float]]


def pins() -> Pins:
    """The first CPU for the server, the last one for the load generator; none where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return Pins(None, None)
    cpus = sorted(os.sched_getaffinity(0))
    return Pins(cpus[0], cpus[-1]) if len(cpus) > 1 else Pins(None, None)


def run_round(row: Row, peers: Iterable[str], where: Pins) -> Round:
    """Each peer once with each case; one that fails is said to, and left out."""
    results: Round = {}
    for case in row.cases:
        for peer in peers:
            try:
                results[peer, case.clients] = run(peer, row.case_for(peer, case), where)
            except AnswerError as error:
                print(f"  {peer}, {case.clients} clients: {error}", flush=True)
        _compare(results, row, case)
    return results


def _compare(results: Round, row: Row, case: Case) -> None:
    base = results.get((row.base or "", case.clients))
    key = "per_s" if case.rate_hz == 0 else "cpu_us"
    for (_, clients), figures in results.items():
        if base is not None and clients == case.clients:
            figures["times_base"] = figures[key] / base[key]


def medians_of(rounds: list[Round]) -> Medians:
    """The median of each figure."""
    merged: dict[tuple[str, int], dict[str, float]] = {}
    for name in dict.fromkeys(name for results in rounds for name in results):
        found = [results[name] for results in rounds if name in results]
        merged[name] = {key: statistics.median(one[key] for one in found) for key in found[0]}
    return merged


def show(row: Row, medians: Medians, rounds: int) -> None:
    """Print a row's table and targets."""
    print(f"\n{row.title} ({row.name}; medians of {rounds})")
    print(f"{'':12}{'clients':>8}" + "".join(f"{column.title:>17}" for column in row.columns))
    for (peer, clients), figures in medians.items():
        cells = (
            column.form.format(figures[column.key] * column.scale) if column.key in figures else "-"
            for column in row.columns
        )
        print(f"{peer:12}{clients:8,}" + "".join(f"{cell:>17}" for cell in cells))
    for target in row.targets(medians):
        print(f"  {'met   ' if target.met else 'MISSED'} {target.text}: {target.value}")


def main() -> None:
    """Run the rows and print them."""
    given = _arguments()
    begin_s = time.monotonic()
    wanted: list[str] = given.peers.split(",") if given.peers else list(PEERS)
    chosen: list[str] = given.only.split(",") if given.only else []
    where = pins()
    print(describe())
    print(f"server on CPU {where.server}, load generator on CPU {where.load}")
    rest = rest_factor()
    print(f"after 1/60 s of rest the same Python takes {rest:.1f} times as long as without")
    absent = {peer: package for peer in wanted if (package := missing(peer)) is not None}
    for peer, package in absent.items():
        print(f"{peer} is left out: {package} is not installed")

    report: dict[str, object] = {
        "machine": describe(),
        "rest_factor": rest,
        "quick": given.quick,
        "missing": absent,
    }
    for row in rows(quick=given.quick):
        if chosen and row.name not in chosen:
            continue
        peers = [peer for peer in row.peers if peer in wanted and peer not in absent]
        results: list[Round] = []
        while peers and len(results) < given.rounds:
            if results and time.monotonic() - begin_s > _BUDGET_S:
                break
            results.append(run_round(row, peers, where))
        medians = medians_of(results)
        if medians:
            show(row, medians, len(results))
            report[row.name] = _as_json(row, medians, results)
    print(f"\n{time.monotonic() - begin_s:.0f} s in all")
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2, ensure_ascii=False))


def _as_json(row: Row, medians: Medians, results: list[Round]) -> dict[str, object]:
    return {
        "title": row.title,
        "rounds": len(results),
        "medians": [
            {"peer": peer, "clients": clients, **figures} for (peer, clients), figures in medians.items()
        ],
        "each": [
            [{"peer": peer, "clients": clients, **figures} for (peer, clients), figures in one.items()]
            for one in results
        ],
        "targets": [target._asdict() for target in row.targets(medians)],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does it all run?")
    parser.add_argument("--only", help="names of rows, with commas between")
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}, with commas between")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 3)
    return given


if __name__ == "__main__":
    main()
