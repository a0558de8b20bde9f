"""Python's garbage collector in a process that is ours: its long pauses come seldom.

A collection of the oldest generation looks at every object of the process: 100 ms with a thousand viewers, in
which nothing is delivered. Python makes one when enough young objects have survived, which is when `/metrics`
or `/api/stats` is asked for and there are thousands of them for a moment. Reference counts free nearly all
that a stream leaves; cycles, such as those of connections that ended, can wait for minutes.

These settings hold for the whole process, so only the command uses them, and never `beats.app.Stream`.
"""

import gc
import time
from typing import Final

import anyio

SHARE: Final = 1000
"""Whole collections take at most one part in so many of the time, so they are no part of the 99.9th
percentile of what viewers wait for."""
LEAST_PAUSE_S: Final = 120.0
"""Shortest time between two of them, in seconds: viewers may have come since the last, and make the next one
longer."""
OLDEST_THRESHOLD: Final = 500
"""Python's own whole collection comes after so many of the middle generation (10 by default), and then only
if a quarter is new: when a few million objects were added between two of ours."""


async def collect_seldom() -> None:
    """Collect now and then until cancelled; then Python's own schedule holds again."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # modules, classes and settings stay as long as the process: never look at them again
    gc.set_threshold(*before[:2], OLDEST_THRESHOLD)
    pause_s = LEAST_PAUSE_S
    try:
        while True:
            await anyio.sleep(pause_s)
            begin_s = time.perf_counter()
            gc.collect()
            pause_s = max(LEAST_PAUSE_S, (time.perf_counter() - begin_s) * SHARE)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
