"""docs/plugins.md: its code, written to files as it says, works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.docs.documents import DOCUMENTS, ROOT
from tests.support import beats, clean_environment, ran

TUTORIAL: Final = DOCUMENTS["docs/plugins.md"]
PARTS: Final = ("kernel", "proto", "config", "adapters")
IN_BEATS: Final = {
    name: text
    for name, text in TUTORIAL.files.items()
    if name.startswith((*(f"{part}/beats" for part in PARTS), "tests/"))
}
"""The files that are added to this repository; all others are those of a package."""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def pass_in(cwd: Path, tests: Iterable[str], **variables: str) -> None:
    """Run tests of the tutorial in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    environment = clean_environment(**variables)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the package, and where it is installed."""
    folder = tmp_path_factory.mktemp("lab")
    write(folder, {name: text for name, text in TUTORIAL.files.items() if name not in IN_BEATS})
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", folder / "site", str(folder)], check=True, cwd=folder, timeout=150)
    return folder, folder / "site"


def test_the_tests_of_the_package_pass(package: tuple[Path, Path]) -> None:
    """Those of the tutorial, with the package installed."""
    folder, site = package
    pass_in(folder, (name for name in TUTORIAL.files if name.startswith("test_")), PYTHONPATH=str(site))


def test_the_profile_runs(package: tuple[Path, Path]) -> None:
    """Both types are listed, the profile passes its check, and what it says happens."""
    folder, site = package
    variables = {"PYTHONPATH": str(site), "BEATS_WEBSOCKET_PORT": "0"}
    code, out, err = ran("adapters", cwd=folder, **variables)
    assert code == 0, err
    assert "sink csv_file" in out
    assert "source dimmer" in out
    code, _, err = ran("config", "check", "--profile", "lab", cwd=folder, **variables)
    assert code == 0, err
    with beats("run", "--profile", "lab", cwd=folder, stdin=None, **variables) as program:
        assert program.url
        assert program.interrupt() == 0
    assert (folder / "lab.csv").read_text().startswith("peripheral/lamp,1,")


def test_what_is_added_to_beats_works(tmp_path: Path) -> None:
    """In a copy of this repository with what the tutorial adds to it, the tutorial's tests pass."""
    copy = tmp_path / "copy"
    for part in PARTS:
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/support/__init__.py"):
        write(copy, {name: (ROOT / name).read_text(encoding="utf-8")})
    assert not [name for name in IN_BEATS if (copy / name).exists()]
    write(copy, IN_BEATS)
    path = os.pathsep.join(str(copy / part) for part in PARTS)
    pass_in(copy, (name for name in IN_BEATS if name.startswith("tests/")), PYTHONPATH=path)
