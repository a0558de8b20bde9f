"""Recordings of whole runs: what was written, and how other programs read it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcap.reader import NonSeekingReader, make_reader

from beats.recordings.reading import Recording
from beats.recordings.scan import Damage
from tests.browser.node import NODE
from tests.support import TIMEOUT_S
from tests.system.test_main_job import NODE_FOLDER

Place = tuple[str, int]


def recorded(path: Path) -> list[tuple[str, int, bytes]]:
    """Topic, sequence and bytes of every message of a file in its order, the repeated state left out."""
    with Recording(path) as recording:
        return [
            (message.topic, message.sequence, message.encoded)
            for item in recording.items()
            if isinstance(item, list)
            for message in item
            if not message.carried
        ]


def places(paths: Sequence[Path]) -> list[Place]:
    """Topic and sequence of every message of some files."""
    return [(topic, sequence) for path in paths for topic, sequence, _ in recorded(path)]


def damages(path: Path) -> list[Damage]:
    """What cannot be read of a file."""
    with Recording(path) as recording:
        return [item for item in recording.items() if isinstance(item, Damage)]


def strictly_read(path: Path) -> int:
    """How many messages both of the mcap library's readers find, every checksum checked."""
    with path.open("rb") as file:
        indexed = sum(1 for _ in make_reader(file, validate_crcs=True).iter_messages())
    with path.open("rb") as file:
        streamed = sum(1 for _ in NonSeekingReader(file, validate_crcs=True).iter_messages())
    assert indexed == streamed
    return indexed


def read_in_node(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """What `@mcap/core` finds in each file."""
    ran = subprocess.run(
        [NODE, "mcap.mjs", *map(str, paths)],
        cwd=NODE_FOLDER,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]
