"""The packages that Beats and its extras need, as an installer sees them on machines that are not here."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.dist.files import ROOT

UV: Final = Path(sys.executable).parent / "uv"
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS: Final = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if ":: 3." in each]
[EXTRAS] = (line[10:] for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("EXTRAS := "))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_has_to_be_built(python: str, machine: str) -> None:
    """Each has a wheel for each Python of the metadata, on Linux on both processors."""
    command = [str(UV), "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", f"{machine}-manylinux_2_28"]
    command += ["--constraint", "constraints.txt", "pyproject.toml"]
    command += [f"--extra={extra}" for extra in EXTRAS.split(",")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "protobuf==" in done.stdout
