"""Prints pip constraints for the oldest versions that pyproject.toml allows: `make pytest-oldest`.

Of the packages that Beats depends on, the lowest version; of all others, what constraints.txt says.
"""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
WITH_THEM: Final = {
    "pydantic_core": None,  # each pydantic needs its own
    "typing-inspection": None,  # that of today needs newer typing-extensions
    "grpcio-tools": "1.62.3",  # its protoc is as old as protobuf 4.25; tests generate code with it
    "click": "8.1.8",  # later ones warn of what typer 0.19 does
}
"""What has to go with the oldest versions: a version, or None for what pip chooses."""


def floors() -> dict[str, str]:
    """The lowest version of each package that Beats depends on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (re.match(r"([\w.-]+) >= ([\w.]+)", line) for line in project["dependencies"])
    return {match[1]: match[2] for match in found if match}


def constraints() -> dict[str, str | None]:
    """All versions, by package."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pinned = {_plain(name): version for name, _, version in (line.partition("==") for line in lines)}
    return {**pinned, **{_plain(name): version for name, version in {**floors(), **WITH_THEM}.items()}}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    for name, version in sorted(constraints().items()):
        if version is not None:
            print(f"{name}=={version}")
