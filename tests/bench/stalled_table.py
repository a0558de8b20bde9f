"""The table of the stalled-client benchmark: its lines, its columns, and what was expected of ours."""

import math
from collections.abc import Mapping
from typing import Any, Final

from tests.bench.fanout_rows import Target
from tests.bench.stalled_phases import Scenario, Work

WORKS: Final = (Work("1MB", 1_000_000, 30), Work("20kB", 20_000, 60))
SCENARIOS: Final = (
    Scenario("none", "nobody", "", 0),
    Scenario("frozen", "1 frozen", "frozen", 1),
    Scenario("slow", "1 slow", "slow", 1),
    Scenario("frozen10", "10 frozen", "frozen", 10),
    Scenario("slow10", "10 slow", "slow", 10),
    Scenario("resetting", "1 resetting", "resetting", 1),
    Scenario("half_open", "50 half-open", "half_open", 50),
    Scenario("churning", "300/s come, go", "churning", 1),
)
PEER_SCENARIOS: Final = ("frozen", "slow", "frozen10", "churning")
"""Peers have no limits whose effect the others would show."""
HEAD: Final = (
    f"{'':11}{'crowd':16}{'missing':>8}{'p50 ms':>9}{'x':>6}{'p99 ms':>9}{'x':>6}{'publish p99':>13}{'x':>6}"
    f"{'x CPU':>7}{'+MB':>8}{'closed':>8}{'after s':>9}{'age p99':>9}{'gaps':>7}{'uncounted':>10}"
)

Figures = Mapping[str, Any]


def line(peer: str, scenario: Scenario, figures: Figures) -> str:
    """One run as a line of the table."""
    closed_s: list[float] = figures["closed_s"]
    cells = [
        _cell(figures["healthy_missing"], "{:,.0f}", 8),
        _cell(figures["p50_ms"], "{:.2f}", 9),
        _cell(figures["p50_ms_x"], "{:.2f}", 6),
        _cell(figures["p99_ms"], "{:.2f}", 9),
        _cell(figures["p99_ms_x"], "{:.2f}", 6),
        _cell(figures["publish_p99_us"], "{:,.0f} µs", 13),
        _cell(figures["publish_p99_us_x"], "{:.2f}", 6),
        _cell(figures["publish_cpu_p99_us_x"], "{:.2f}", 7),
        _cell(figures["peak_mb"], "{:,.0f}", 8),
        _cell(figures["closed"] if scenario.manner else None, "{}", 8),
        _cell(min(closed_s, default=None), "{:.1f}", 9),
        _cell(figures.get("age_p99_ms"), "{:,.0f} ms", 9),
        _cell(figures.get("missing"), "{:,}", 7),
        _cell(figures.get("uncounted"), "{:,}", 10),
    ]
    ended = "  ended: over 1.5 GB" if figures["stopped"] else ""
    return f"{peer:11}{scenario.title:16}" + "".join(cells) + ended


def _cell(value: float | None, form: str, width: int) -> str:
    known = value is not None and not math.isnan(value)
    return f"{form.format(value) if known else '-':>{width}}"


def targets(scenario: Scenario, figures: Figures, bound_mb: float) -> list[Target]:
    """How ours stands to what was expected.

    Args:
        scenario: which crowd.
        figures: of the run.
        bound_mb: what the settings let the crowd take.
    """
    healthy, p99_x = figures["healthy_missing"], figures["p99_ms_x"]
    counted, cpu_x = figures["healthy_counted"], figures["publish_cpu_p99_us_x"]
    publish_x, peak = figures["publish_p99_us_x"], figures["peak_mb"]
    found = [
        Target(
            "healthy clients get every envelope",
            f"{healthy:.0f} missing, {counted:.0f} of them counted",
            healthy == 0,
        ),
        Target("healthy p99 <= 1.2 x", f"{p99_x:.2f} x", p99_x <= 1.2),
        Target("producer's p99 <= 1.2 x", f"{publish_x:.2f} x", publish_x <= 1.2),
        Target("of it CPU time <= 1.2 x", f"{cpu_x:.2f} x", cpu_x <= 1.2),
        Target(f"memory <= {bound_mb:.0f} MB", f"{peak:.1f} MB", peak <= bound_mb),
    ]
    if scenario.manner == "frozen":
        least = min(figures["closed_s"], default=math.nan)
        value = f"{figures['closed']} closed, first after {least:.1f} s"
        found.append(Target("frozen clients closed after 2 s", value, 1.9 <= least <= 3.0))
    if scenario.manner == "slow":
        age, stays = figures["age_p99_ms"], figures["connected"]
        updates, uncounted = figures["peripherals_missing"], figures["uncounted"]
        found += [
            Target(
                "slow readers stay connected", f"{stays} of {scenario.clients}", stays == scenario.clients
            ),
            Target("p99 age of their frames <= 500 ms", f"{age:.0f} ms", age <= 500),
            Target("their peripherals all arrive", f"{updates} missing", updates == 0),
            Target("their gaps are what the server counted", f"{uncounted} differ", uncounted == 0),
        ]
    return found


def bound_mb(work: Work, scenario: Scenario) -> float:
    """Memory that the settings let a crowd take, in MB.

    For each client 200 kB, and for those that do not keep up the frame that waits and the one that is being
    written, with a copy of each while it is joined; 10 MB for the server's heap to breathe.
    """
    behind = scenario.clients if scenario.manner in ("frozen", "slow", "resetting") else 0
    connections = 100 if scenario.manner == "churning" else scenario.clients
    return 10 + connections * 0.2 + behind * 4 * work.size / 1e6
