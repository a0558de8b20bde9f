"""The program of a worker; what it does is tested in tests/workers/test_serve.py."""

import json
from pathlib import Path

from beats.cli.worker import reader_of, told
from beats.runtime.reader import Reader


def test_a_worker_reads_what_its_parent_reads(tmp_path: Path) -> None:
    """The same profile, folder and `--set`, passed on as JSON, read again each time; or no folder."""
    file = tmp_path / "wall.toml"
    file.write_text("[sinks.browser]\nport = 1\n")
    reader = Reader("wall", tmp_path, ["sinks.browser.max_clients=5"], log_format="json")
    worker = reader_of(json.loads(json.dumps(told(reader))))
    assert worker.read() == reader.read()
    file.write_text("[sinks.browser]\nport = 2\n")
    assert worker.read() == reader.read()
    reader = Reader(None, None, None)
    assert reader_of(json.loads(json.dumps(told(reader)))).read() == reader.read()
