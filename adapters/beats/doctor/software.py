"""Checks Python, required packages and optional ones."""

import platform
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from importlib import metadata
from itertools import zip_longest
from typing import Final, NamedTuple

from beats.doctor.findings import Finding
from beats.kernel.resources import pip_install
from beats.kit.event_loop import Wanted, chosen
from beats.kit.extras import as_requirement

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
    """Whether a version meets a requirement."""
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


_NAME: Final = "beats"
TESTED_ON: Final = ("Linux",)
"""The systems on which Beats is tested, by the names that Python gives them."""
FOR_DEVELOPERS: Final = frozenset({"test", "bench", "dist", "docs", "examples", "proto"})
"""Extras that Beats itself never imports: for those who work on it, not for users."""


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    version = ".".join(map(str, sys.version_info[:3]))
    system = platform.system()
    kind, machine = platform.python_implementation(), platform.machine()
    what = f"{kind} {version} on {system} {platform.release()} {machine}"
    wanted = _about("Requires-Python")
    if not meets(version, wanted):
        yield Finding("Python", "fault", what, f"Beats needs {wanted}: install such a Python")
    elif system not in TESTED_ON:
        yield Finding("Python", "warning", what, f"Beats is tested on {' and '.join(TESTED_ON)} only")
    else:
        yield Finding("Python", "ok", what)


def packages() -> Iterator[Finding]:
    """The required packages."""
    lines = _requirements()
    if not lines:
        why = "Beats is not installed as a package, so the required versions are unknown"
        yield Finding(
            "packages",
            "note",
            why,
            "pip install its wheel file beats-….whl, or pip install -e . in its sources",
        )
        return
    needed = [each for each in lines if each.extra is None]
    right: list[str] = []
    for requirement in needed:
        version = installed(requirement.name)
        if version is not None and meets(version, requirement.wanted):
            right.append(f"{requirement.name} {version}")
        else:
            yield _lacking(requirement, version)
    if len(right) == len(needed):
        yield Finding("packages", "ok", f"Beats {installed(_NAME)}; {', '.join(right)}")


def extras(needed: Collection[str] = ()) -> Iterator[Finding]:
    """The optional packages.

    Args:
        needed: names of extras and packages that the profile needs.
    """
    lines = _requirements()
    names = [name for name in dict.fromkeys(each.extra for each in lines) if name is not None]
    for name in names:
        if name not in FOR_DEVELOPERS:
            own = [each for each in lines if each.extra == name]
            is_needed = bool({name, as_requirement(name), *(each.name for each in own)} & set(needed))
            yield _extra(name, own, is_needed=is_needed)


def event_loop(wanted: Wanted) -> Iterator[Finding]:
    """The event loop that a run gets.

    Args:
        wanted: `kernel.event_loop`; that uvloop is missing where it is wanted is a finding of the settings.
    """
    version, subject = installed("uvloop"), "event loop"
    if chosen(wanted) == "asyncio":
        if wanted == "auto" and sys.platform != "win32":
            what = "asyncio; uvloop, which needs less processor time for large frames, is not installed"
            yield Finding(subject, "note", what, f"to install it: {pip_install(as_requirement('fast'))}")
        else:
            yield Finding(subject, "ok", "asyncio")
    elif version is not None:
        yield Finding(subject, "ok", f"uvloop {version}")


def _extra(name: str, own: Sequence[Requirement], *, is_needed: bool) -> Finding:
    versions = {each.name: installed(each.name) for each in own}
    missing = [package for package, version in versions.items() if version is None]
    old = [
        f"{each.name} {version}, and {each.wanted} is needed"
        for each in own
        if (version := versions[each.name]) is not None and not meets(version, each.wanted)
    ]
    subject, install = f"extra {name}", pip_install(as_requirement(name))
    if missing:
        what = f"{', '.join(missing)} is not installed"
        if is_needed:
            return Finding(subject, "fault", f"{what}, and this profile needs it", install)
        what += ", and not needed by this profile"
        return Finding(subject, "note", what, f"to install it: {install}")
    if old:
        return Finding(subject, "fault" if is_needed else "warning", f"there is {'; '.join(old)}", install)
    use = "this profile needs it" if is_needed else "this profile does not need it"
    return Finding(subject, "ok", f"{', '.join(f'{each} {versions[each]}' for each in versions)}; {use}")


def _lacking(requirement: Requirement, version: str | None) -> Finding:
    what = requirement.name + (f" {requirement.wanted}" if requirement.wanted else "")
    there = "is not installed" if version is None else f"{version} is installed"
    found = f"{requirement.name} {there}, and Beats needs {what}"
    return Finding("packages", "fault", found, f"pip install --upgrade '{what}'")


def installed(package: str) -> str | None:
    """The version of a package; None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _requirements() -> list[Requirement]:
    try:
        lines = metadata.requires(_NAME) or ()
    except metadata.PackageNotFoundError:  # it runs from its sources
        return []
    return [requirement for line in lines if (requirement := parse(line)) is not None]


def _about(key: str) -> str:
    try:
        return ", ".join(metadata.metadata(_NAME).get_all(key) or ())
    except metadata.PackageNotFoundError:
        return ""
