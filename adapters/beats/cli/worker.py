"""The program of one worker process; only `beats run --workers` starts it.

    python -m beats.cli.worker LOOP FD

LOOP is `kernel.event_loop`: the settings are read in the event loop. FD is the worker's end of a socket pair.
The parent sends everything else through it.
"""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anyio

from beats.cli import streams
from beats.cli.collector import collect_seldom
from beats.cli.runner import set_log
from beats.kit.event_loop import Wanted, run
from beats.runtime.reader import Reader
from beats.workers.serve import serve


def told(reader: Reader) -> dict[str, object]:
    """What a worker needs to read the same settings, as JSON values."""
    return {
        "profile": reader.profile,
        "config_dir": None if reader.config_dir is None else str(reader.config_dir),
        "sets": list(reader.sets or ()),
        "log_format": reader.log_format,
    }


def reader_of(settings: Mapping[str, Any]) -> Reader:
    """A reader of what the parent reads."""
    config_dir = settings["config_dir"]
    return Reader(
        settings["profile"],
        None if config_dir is None else Path(config_dir),
        settings["sets"],
        log_format=settings["log_format"],
    )


def main() -> None:
    """Serve until the parent sends `stop` or is gone."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):  # they are for the parent
        signal.signal(ignored, signal.SIG_IGN)
    with streams.standard_streams():
        streams.detach()  # viewers do not wait for a parent that does not read the log
        run(_serve, int(sys.argv[2]), event_loop=cast("Wanted", sys.argv[1]))


async def _serve(fd: int) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(collect_seldom)
        await serve(fd, reader_of, set_log)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    main()
