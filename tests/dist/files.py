"""What `make dist` and `make sbom` left in the folder dist/, and what a person has who installs it."""

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
PARTS: Final = ("kernel", "adapters", "proto", "config")
[WHEEL] = (ROOT / "dist").glob("*.whl")
[SDIST] = (ROOT / "dist").glob("*.tar.gz")
SBOM: Final = ROOT / "dist" / "beats.cdx.json"


def environment(home: Path) -> dict[str, str]:
    """As this one, but for the person: nothing of theirs, of Python's or of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BEATS_", "PYTHON", "XDG_", "PIPX_", "UV_", "VIRTUAL_ENV"))
    }
    return {**kept, "HOME": str(home), "PATH": f"{home}/.local/bin:{BIN}:{os.environ['PATH']}"}
