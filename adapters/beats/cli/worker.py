"""The program of a worker; `beats run --workers` starts it, and nobody else.

    python -m beats.cli.worker FD

FD is one of a pair of sockets; at the other end is the parent, which says everything else.
"""

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio

from beats.cli import logs, streams
from beats.cli.common import Reader
from beats.cli.output import err
from beats.config.settings import ProfileSettings
from beats.workers.serve import serve


def told(reader: Reader) -> dict[str, object]:
    """What a worker must know of a reader to read the same."""
    config_dir = None if reader.config_dir is None else str(reader.config_dir)
    return {
        "profile": reader.profile,
        "config_dir": config_dir,
        "sets": list(reader.sets or ()),
        "log_format": reader.log_format,
    }


def begin(settings: Mapping[str, Any]) -> Callable[[], ProfileSettings]:
    """A reader of what the parent reads; the log is as its settings say."""
    config_dir = settings["config_dir"]
    reader = Reader(
        settings["profile"],
        None if config_dir is None else Path(config_dir),
        settings["sets"],
        log_format=settings["log_format"],
    )

    def read() -> ProfileSettings:
        profile = reader.read()
        logs.set_up(profile.kernel.log_level, profile.kernel.log_format, err)
        return profile

    return read


def main() -> None:
    """Serve until the parent says that it is enough, or is gone."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):  # they are for the parent
        signal.signal(ignored, signal.SIG_IGN)
    with streams.standard_streams():
        streams.detach()  # viewers do not wait for a parent that does not read what is logged
        anyio.run(serve, int(sys.argv[1]), begin, backend="asyncio")


if __name__ == "__main__":
    main()
