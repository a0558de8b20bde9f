"""Faults in the settings, worded for the operator."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from beats.config.toml_text import key_text, value_text

MASK: Final = "********"
_SHOWN_CHARACTERS: Final = 120  # a whole table pasted into a variable must not fill the screen


class Problem(NamedTuple):
    """One fault in the settings."""

    where: str
    """The file (with its line, where known), the variable, or `--set PATH`."""
    key: str
    """The full dotted key, such as `sinks.browser.queue.size`; empty when a whole file is at fault."""
    value: str | None
    """The wrong value as TOML writes it, secrets masked; None when there is none to show."""
    message: str
    """What is wrong, or what is allowed."""
    nearest: str | None = None
    """The most similar known name."""
    lacks_package: bool = False
    """Whether a package that is not installed is all that is wrong."""

    def __str__(self) -> str:
        """One line for the operator."""
        subject = self.key if self.value is None else f"{self.key} = {self.value}".removeprefix(" = ")
        parts = [part for part in (self.where, subject, self.message) if part]
        hint = f"; did you mean '{self.nearest}'?" if self.nearest is not None else ""
        return ": ".join(parts) + hint


class SettingsError(ValueError):
    """The settings cannot be used; holds every problem found in them."""

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[str] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.warnings: tuple[str, ...] = tuple(warnings)
        """Warnings, such as a misspelt variable: often the reason for a problem."""
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is most similar to `name`, ignoring letter case."""
    from difflib import get_close_matches  # imported here, so that a start without faults does not load it

    folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def shown(value: object) -> str:
    """A value as TOML writes it, cut to a readable length."""
    text = value_text(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def dotted(path: Iterable[str | int]) -> str:
    """A key as messages show it: as TOML writes it, with `*` for any name."""
    return ".".join(part if part == "*" else key_text(part) for part in map(str, path))
