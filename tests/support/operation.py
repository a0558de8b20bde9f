"""The files for operation, taken apart: Dockerfile, compose.yaml, and those in `examples/operation`."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support import BEATS

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples" / "operation"
SERVICES: Final[dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@cache
def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each in one line."""
    lines = (ROOT / "Dockerfile").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("#")).replace("\\\n", "")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line]


IMAGE: Final = dict(
    pair.split("=", 1) for word, value in instructions() if word == "ENV" for pair in shlex.split(value)
)
"""The variables of the image."""


def service(name: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    """Command and BEATS_ variables of a service that runs Beats.

    Args:
        name: of the service.
        variables: in place of its own.
    """
    of = SERVICES[name]
    given = {**IMAGE, **of["environment"], **variables}
    kept = {key: value for key, value in given.items() if re.match("BEATS_", key)}
    return [*BEATS, *shlex.split(of["command"])], kept
