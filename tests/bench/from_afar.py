"""The page of the real command on one host, looked at from another, with a line between them."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import BEATS, clean_environment
from tests.support.hosts import Host


def seen_from_afar(
    server: Host, options: Sequence[str], folder: Path, viewer: Host, look: Sequence[object], most_s: float
) -> Any:
    """What a module sees of the page, from the JSON that it prints.

    Args:
        server: where `beats run` runs.
        options: those of `beats run`.
        folder: where it runs, with its profiles.
        viewer: where the module runs.
        look: the module and its arguments; `--url` with the page's address follows.
        most_s: how long it may take, in seconds.
    """
    with server.start([*BEATS, "run", *options], folder, clean_environment()) as program:
        address, port = viewer.way_to(server, int(program.url.rpartition(":")[2].strip("/")))
        this = [sys.executable, "-m", *map(str, look), "--url", f"http://{address}:{port}/"]
        with viewer.start(this, Path.cwd(), clean_environment()) as child:
            if child.process.wait(most_s):
                sys.exit(child.err.text())
            seen = json.loads(child.out.text())
        program.interrupt()
    return seen
