"""Python, the packages that Beats stands on, and the optional ones."""

import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from importlib import metadata
from typing import Final

from beats.doctor.findings import Finding
from beats.doctor.requirements import Requirement, meets, parse

_NAME: Final = "beats"
_PLATFORMS: Final = ("Linux", "Darwin")
_FOR_DEVELOPERS: Final = ("test", "bench", "proto")
"""Extras of which nothing of ours imports anything."""


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    version = ".".join(map(str, sys.version_info[:3]))
    system = platform.system()
    what = (
        f"{platform.python_implementation()} {version} on {system} {platform.release()} {platform.machine()}"
    )
    wanted = _about("Requires-Python")
    if not meets(version, wanted):
        yield Finding("Python", "fault", what, f"Beats needs {wanted}: install such a Python")
    elif system not in _PLATFORMS:
        yield Finding("Python", "warning", what, "Beats is tried on Linux and macOS: run it on one of these")
    else:
        yield Finding("Python", "ok", what)


def packages() -> Iterator[Finding]:
    """What Beats cannot do without."""
    lines = _requirements()
    if not lines:
        why = "Beats is not installed as a package, so that nothing says which versions it needs"
        yield Finding("packages", "note", why, "pip install beats, or pip install -e . in its sources")
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
    """What Beats can do without.

    Args:
        needed: names of extras, and of packages, that the profile cannot do without.
    """
    lines = _requirements()
    names = [name for name in dict.fromkeys(each.extra for each in lines) if name is not None]
    for name in names:
        if name not in _FOR_DEVELOPERS:
            own = [each for each in lines if each.extra == name]
            is_needed = bool({name, f"beats[{name}]", *(each.name for each in own)} & set(needed))
            yield _extra(name, own, is_needed=is_needed)


def _extra(name: str, own: Sequence[Requirement], *, is_needed: bool) -> Finding:
    versions = {each.name: installed(each.name) for each in own}
    missing = [package for package, version in versions.items() if version is None]
    old = [
        f"{each.name} {version}, and {each.wanted} is needed"
        for each in own
        if (version := versions[each.name]) is not None and not meets(version, each.wanted)
    ]
    subject, install = f"extra {name}", f"pip install --upgrade 'beats[{name}]'"
    if missing:
        what = f"{', '.join(missing)} is not installed"
        if is_needed:
            return Finding(subject, "fault", f"{what}, and this profile needs it", install)
        return Finding(subject, "note", f"{what}, nor needed by this profile", f"to have it: {install}")
    if old:
        return Finding(subject, "fault" if is_needed else "warning", f"there is {'; '.join(old)}", install)
    use = "this profile needs it" if is_needed else "this profile does not need it"
    return Finding(subject, "ok", f"{', '.join(f'{each} {versions[each]}' for each in versions)}; {use}")


def _lacking(requirement: Requirement, version: str | None) -> Finding:
    what = requirement.name + (f" {requirement.wanted}" if requirement.wanted else "")
    there = "is not installed" if version is None else f"{version} is installed"
    return Finding(
        "packages",
        "fault",
        f"{requirement.name} {there}, and Beats needs {what}",
        f"pip install --upgrade '{what}'",
    )


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
