"""What is wrong with the settings, said to the operator."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from beats.config.toml_text import dotted, value_text

__all__ = ["MASK", "Problem", "SettingsError", "dotted", "nearest", "shown"]

MASK: Final = "********"
_SHOWN_CHARACTERS: Final = 120  # a whole table pasted into a variable must not fill the screen


class Problem(NamedTuple):
    """One fault in the settings."""

    where: str
    """The file (with its line, where known), the variable, or `--set PATH`."""
    key: str
    """The full dotted key, such as `sinks.browser.queue.size`; empty when a whole file is at fault."""
    value: str | None
    """The offending value as TOML would write it, secrets masked; None when there is none to show."""
    message: str
    """What is wrong, or what is allowed."""
    nearest: str | None = None
    """The nearest known name."""

    def __str__(self) -> str:
        """One line for the operator."""
        subject = self.key if self.value is None else f"{self.key} = {self.value}".removeprefix(" = ")
        parts = [part for part in (self.where, subject, self.message) if part]
        hint = f"; did you mean '{self.nearest}'?" if self.nearest is not None else ""
        return ": ".join(parts) + hint


class SettingsError(ValueError):
    """The settings cannot be used; holds everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[str] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.warnings: tuple[str, ...] = tuple(warnings)
        """What was odd besides, such as a misspelt variable: often the reason for a problem."""
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that `name` was probably meant to be, letter case aside."""
    # Imported here because only a fault needs it, and a start without faults should not pay for it.
    from difflib import get_close_matches

    folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def shown(value: object) -> str:
    """A value as TOML would write it, cut to a readable length."""
    text = value_text(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
