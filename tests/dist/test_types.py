"""The types of the wheel, looked at by the checkers that users have; `make pytest-dist` runs it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.wheel import environment

__all__ = ["environment"]  # the fixture

RIGHT: Final = """
import numpy
from beats.app import Location, Stream, Tag, input_event
from beats.proto.streaming_pb2 import StreamEnvelope

with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    remove = stream.on_control(lambda control: print(control.command))
    frame: int = stream.publish_frame(bytearray(b""))
    stream.publish_peripheral("knob", {"by": numpy.arange(3)}, tags=["a", Tag("b"), {"name": "c"}])
    stream.publish_peripheral("button", input_event("press"), location={"x": 1})
    stream.publish_peripheral("phone", None, location=Location(1), captured_unix_ns=5)
    address: str = stream.sinks["browser"].address.url
    remove()
stream.close()
envelope: int = StreamEnvelope.FromString(b"").sequence
"""
WRONG: Final = """
from beats.app import Stream

with Stream.open(profile=7) as stream:
    stream.publish_frame("text")
    stream.publish_peripheral("knob")
    stream.no_such_call()
"""


def lines_with_errors(checker: str, script: Path, environment: Path) -> set[int]:
    """The lines of a user's script in which a type checker, in its strictest mode, finds something wrong."""
    python = environment / "bin" / "python"
    if checker == "mypy":
        options = ["--strict", "--cache-dir=cache", f"--python-executable={python}", script.name]
    else:
        (script.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
        options = ["--pythonpath", str(python), "--project", "."]
    done = subprocess.run(
        [sys.executable, "-m", checker, *options],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.stderr == ""
    found = re.findall(rf"{script.name}:(\d+):.*\berror:", done.stdout)
    assert bool(found) == (done.returncode == 1), done.stdout
    return {int(line) for line in found}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_user_s_script_is_checked_against_the_types_of_the_wheel(
    checker: str, environment: Path, tmp_path: Path
) -> None:
    """What is right passes; what is wrong is found, line by line."""
    (tmp_path / "right").mkdir()
    (tmp_path / "wrong").mkdir()
    right, wrong = tmp_path / "right" / "script.py", tmp_path / "wrong" / "script.py"
    right.write_text(RIGHT)
    wrong.write_text(WRONG)
    assert lines_with_errors(checker, right, environment) == set()
    assert lines_with_errors(checker, wrong, environment) == {4, 5, 6, 7}
