"""The results of checks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

Level = Literal["ok", "note", "warning", "fault"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "warning", "fault")
"""From best to worst: fine; good to know; works, but perhaps not for long or as intended; does not work."""


class Finding(NamedTuple):
    """The result of one check."""

    subject: str
    level: Level
    found: str
    """What was found."""
    advice: str | None = None
    """What to do; None if nothing."""
    is_setting: bool = False
    """Whether the settings are invalid."""


class Check(NamedTuple):
    """One check."""

    subject: str
    look: Callable[[], Iterable[Finding]]


def run(checks: Iterable[Check]) -> Iterator[Finding]:
    """Run all checks; a check that raises becomes a finding, and the others go on."""
    for check in checks:
        try:
            yield from check.look()
        except Exception as error:  # a check of something broken may fail in any way
            why = f"could not be checked: {type(error).__name__}: {error}"
            yield Finding(check.subject, "warning", why, "check it yourself; everything else was checked")
