"""The wheel that users install."""

import subprocess
from pathlib import Path

from tests.support.wheel import environment

__all__ = ["environment"]  # the fixture


def test_the_wheel_runs(environment: Path, tmp_path: Path) -> None:
    """A program that is not in this checkout publishes with it; all files are there."""
    code = (
        "from beats.app import Stream\n"
        "with Stream.open(overrides={'sinks': {'browser': {'port': 0}}}) as stream:\n"
        "    print(stream.publish_peripheral('knob', 1), __import__('beats.app').app.__file__)\n"
    )
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.stderr == ""
    number, file = done.stdout.split()
    assert number == "1"
    package = Path(file).parent
    assert package.is_relative_to(environment)
    for part in ("kernel", "adapters", "proto", "config"):
        assert (package / part / "py.typed").exists()
    assert (package / "config" / "default.toml").exists()
    assert (package / "proto" / "streaming.proto").exists()
    assert not (package / "__init__.py").exists()
