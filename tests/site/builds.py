"""Small sites, built as `make docs` builds the whole one."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from docs.site.sources import NAVIGATION, ROOT, lay_out

_MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """A repository with these files: their texts by their paths."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert (root / NAVIGATION).exists()
    return root


def build(root: Path, site: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Lay out a repository, and run Sphinx with the options of the Makefile."""
    sources, doctrees = site.with_name(f"{site.name}-sources"), site.with_name(f"{site.name}-doctrees")
    lay_out(root, sources, {})
    (line,) = re.findall(r"^SPHINX = (.*)$", _MAKEFILE, re.MULTILINE)
    line = line.replace("$(BIN)", str(Path(sys.executable).parent)).replace(".build/doctrees", str(doctrees))
    return subprocess.run(
        [*shlex.split(line), str(sources), str(site)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
