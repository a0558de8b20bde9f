"""Packages that not everybody needs: which extra of Beats brings each, and what to say without it."""

from typing import Final

from beats.kernel.errors import MissingPackageError
from beats.kernel.resources import Package

EXTRA_OF: Final = {"aiomqtt": "mqtt", "av": "video", "mss": "screen", "nats": "nats", "uvloop": "fast"}
"""The extra of each module."""


def as_requirement(extra: str) -> str:
    """What to give to `pip install`: where Beats is installed, it adds the packages of the extra alone."""
    return f"beats[{extra}]"


def package(key: str, module: str) -> Package:
    """The package that a setting needs, with what brings it: an extra, or else the package of that name."""
    return Package(key, module, as_requirement(EXTRA_OF[module]) if module in EXTRA_OF else module)


def missing(who: str, module: str) -> MissingPackageError:
    """The error of a command or setting whose package is not installed."""
    return MissingPackageError(f"{who} {package('', module).lacking}")
