"""The query of an address: its parameters, and their values with what is wrong with them."""

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from beats.kit.decimals import decimal

MAX_PATTERNS: Final = 32
MAX_FPS: Final = 1000.0
MAX_WIDTH: Final = 65_535
MAX_AGE_S: Final = 3600.0
_MOST_FIELDS: Final = 16


class InvalidQuery(ValueError):  # noqa: N818 - says what it is
    """A query that is not valid; the text tells its author why."""


def parameters(query: str) -> dict[str, str]:
    """The parameters of a query, without its `?`.

    Raises:
        InvalidQuery: it cannot be read, or one is given twice.
    """
    try:
        found = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidQuery("the query cannot be read: it has too many parameters") from None
    values = dict(found)
    if len(values) < len(found):
        raise InvalidQuery("a parameter of the query is given twice")
    return values


def refuse_others(values: Collection[str], ignored: Collection[str], known: str) -> None:
    """Refuse parameters that nothing has taken.

    Args:
        values: what is left.
        ignored: what may be left.
        known: those that there are, for the text.

    Raises:
        InvalidQuery: there is another one.
    """
    if others := set(values) - set(ignored):
        raise InvalidQuery(f"unknown parameter {next(iter(others))!r:.40}; there are {known}")


def whole(name: str, text: str | None, most: int) -> int | None:
    """A whole number from 1 on; None when it is not given.

    Raises:
        InvalidQuery: it is another number, or none.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        unit = " of pixels" if name == "max_width" else ""
        raise InvalidQuery(f"{name} is {text!r:.40}; it takes a whole number{unit} from 1 to {most}")
    return int(text)


def number(name: str, text: str | None, most: float = MAX_FPS) -> float | None:
    """A number above 0, such as a rate of frames; None when it is not given.

    Raises:
        InvalidQuery: it is out of range, or no number.
    """
    if text is None:
        return None
    value = decimal(text)
    if value is None or not 0 < value <= most:
        raise InvalidQuery(f"{name} is {text!r:.40}; it takes a number above 0, at most {most:g}")
    return value


def patterns(name: str, text: str | None, example: str) -> tuple[str, ...]:
    """Patterns with commas, sorted; none when they are not given.

    Raises:
        InvalidQuery: one is empty, or there are too many.
    """
    if text is None:
        return ()
    found = tuple(sorted(set(text.split(","))))
    if "" in found or len(found) > MAX_PATTERNS:
        raise InvalidQuery(
            f"{name} is {text!r:.40}; it takes 1 to {MAX_PATTERNS} patterns with commas, such as {example}"
        )
    return found
