"""What `make dist` and `make sbom` left in the folder dist/."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = ("kernel", "adapters", "proto", "config")
[WHEEL] = (ROOT / "dist").glob("*.whl")
[SDIST] = (ROOT / "dist").glob("*.tar.gz")
SBOM: Final = ROOT / "dist" / "beats.cdx.json"
