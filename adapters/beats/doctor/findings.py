"""What an examination finds."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

Level = Literal["ok", "note", "warning", "fault"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "warning", "fault")
"""From best to worst: right; worth knowing; works, and may not for long or not as meant; does not work."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    level: Level
    found: str
    """What there is."""
    advice: str | None = None
    """What to do about it; None when there is nothing to do."""
    is_setting: bool = False
    """Whether it is the settings that are wrong."""


class Check(NamedTuple):
    """One look at something."""

    subject: str
    look: Callable[[], Iterable[Finding]]


def run(checks: Iterable[Check]) -> Iterator[Finding]:
    """What all checks find; one that fails is a finding itself, and the others go on."""
    for check in checks:
        try:
            yield from check.look()
        except Exception as error:  # whatever it is: a look at something broken may break in any way
            why = f"could not be checked: {type(error).__name__}: {error}"
            yield Finding(check.subject, "warning", why, "look at it yourself; all else was checked")
