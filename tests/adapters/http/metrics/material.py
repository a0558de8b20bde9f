"""Counters as a kernel could have them."""

from dataclasses import replace
from typing import Final

from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    GivenUp,
    Latency,
    Playback,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)

QUEUE: Final = QueueStats(
    "browser",
    offered=Amount(100, 10_000),
    taken=Amount(90, 9_000),
    dropped=Amount(7, 700),
    waiting=Amount(3, 300),
    drops=(DropStats("drop_oldest", "frame", 5, 500), DropStats("failed", "peripheral", 2, 200)),
    high_water=8,
)
GROUPS: Final = (
    ClientGroup("full", 2, Amount(50, 5_000), Amount(4, 400), (DropStats("drop_oldest", "frame", 6, 600),)),
    ClientGroup(
        "thinned",
        1,
        Amount(10, 1_000),
        Amount(),
        (DropStats("max_fps", "frame", 30, 3_000), DropStats("left", "peripheral", 1, 9)),
    ),
)
CLIENTS: Final = (
    ClientStats(1, "127.0.0.1:5001", 0, False, replace(QUEUE, high_water=0), "full"),
    ClientStats(2, "127.0.0.1:5002", 0, True, replace(QUEUE, high_water=9), "full"),
    ClientStats(3, "127.0.0.1:5003", 0, True, replace(QUEUE, high_water=2), "thinned"),
)
BROWSER: Final = SinkStats(
    "browser",
    "running",
    1,
    "OSError: a disk, or 127.0.0.1:5001",
    QUEUE,
    CLIENTS,
    ClientTotals(3, 12, 5, 2, 1, Amount(60, 6_000), Amount(37, 3_609), GROUPS, 4, 6),
    Latency((0.001, 0.1), (70, 15, 5), 1.25),
    (("free_bytes", 5.0),),
)
RECORDER: Final = SinkStats("rec", "failed", 0, "OSError: full", replace(QUEUE, name="rec", drops=()))
STATS: Final = Stats(
    published=100,
    frames=60,
    sources=(
        SourceStats("demo", "running", 0, "", 40),
        SourceStats("tape", "ended", 2, "", 60, Playback(1.5, 60.0, float("inf"), True, 3)),
    ),
    sinks=(BROWSER, RECORDER),
    given_up=(
        GivenUp("encoder", "frame", 4),
        GivenUp("encoder", "frame/cam-1", 5),
        GivenUp("failed", "frame", 1),
    ),
)
