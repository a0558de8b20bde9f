"""Requirements as a package's metadata has them, and whether a version meets them.

As much of PEP 440 and PEP 508 as our own metadata uses: versions are compared by their numbers alone.
"""

import re
from itertools import zip_longest
from typing import NamedTuple

_LINE = re.compile(r"([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([<>=!~][^;()]*|)\)?\s*(?:;(.*))?")
_EXTRA = re.compile(r"""\s*extra\s*==\s*["']([\w.-]+)["']\s*""")
_CLAUSE = re.compile(r"(===|==|!=|~=|>=|<=|>|<)\s*([\w.*+!-]+)")
_NUMBERS = re.compile(r"v?(?:\d+!)?(\d+(?:\.\d+)*)")


class Requirement(NamedTuple):
    """A package that another one needs."""

    name: str
    wanted: str
    """The versions that will do, such as `>=4.11,<5`; empty for any."""
    extra: str | None
    """The extra that needs it; None when it is always needed."""


def parse(line: str) -> Requirement | None:
    """A line of `Requires-Dist`; None for one that holds only under conditions other than an extra."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    name, wanted, marker = found.groups()
    extra = None if marker is None else _EXTRA.fullmatch(marker)
    if marker is not None and extra is None:
        return None
    return Requirement(name, wanted.strip(), None if extra is None else extra[1])


def meets(version: str, wanted: str) -> bool:
    """Whether a version is one of those that will do."""
    return all(_clause(_numbers(version), sign, text) for sign, text in _CLAUSE.findall(wanted))


def _clause(ours: tuple[int, ...], sign: str, text: str) -> bool:
    theirs = _numbers(text)
    order = _order(ours, theirs)
    same_beginning = ours[: len(theirs)] == theirs
    if sign == "~=":  # PEP 440, "Compatible release"
        return order >= 0 and ours[: len(theirs) - 1] == theirs[:-1]
    if sign in ("==", "!=") and text.endswith("*"):
        return same_beginning == (sign == "==")
    return {
        "===": order == 0,
        "==": order == 0,
        "!=": order != 0,
        ">=": order >= 0,
        "<=": order <= 0,
        ">": order > 0,
        "<": order < 0,
    }[sign]


def _order(ours: tuple[int, ...], theirs: tuple[int, ...]) -> int:
    pairs = list(zip_longest(ours, theirs, fillvalue=0))
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return (one > other) - (one < other)


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
