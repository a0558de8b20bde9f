"""The program of a worker; what it does is tested in tests/workers/test_serve.py."""

import json
import logging
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.cli.common import Reader
from beats.cli.worker import begin, told


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Generator[None]:
    root, beats = logging.getLogger(), logging.getLogger("beats")
    before = (root.handlers[:], root.level, beats.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    beats.setLevel(before[2])


def test_a_worker_reads_what_its_parent_reads(tmp_path: Path) -> None:
    """The same profile, folder and `--set`, told as JSON, and read anew each time."""
    file = tmp_path / "wall.toml"
    file.write_text("[sinks.browser]\nport = 1\n")
    reader = Reader("wall", tmp_path, ["sinks.browser.max_clients=5"], log_format="json")
    read = begin(json.loads(json.dumps(told(reader))))
    assert read() == reader.read()
    file.write_text("[sinks.browser]\nport = 2\n")
    assert read() == reader.read()


def test_a_worker_needs_no_folder_of_profiles() -> None:
    """Without one it looks where its parent looks."""
    reader = Reader(None, None, None)
    assert begin(json.loads(json.dumps(told(reader))))() == reader.read()
