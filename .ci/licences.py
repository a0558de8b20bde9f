"""Lists the licence of every package that Beats needs, with all of its extras for users. `make licences`.

Exits with 1 if there is one that is unknown, or that asks more of those who pass Beats on than to name it.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final, NamedTuple

from packaging.requirements import Requirement

from beats.doctor.software import FOR_DEVELOPERS

ALLOWED: Final = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
}
"""SPDX identifiers, and `BSD` for packages that do not say which of its forms; all go with Apache-2.0."""
OTHER_WORDS: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages wrote before there were SPDX expressions in their metadata."""


class Package(NamedTuple):
    """An installed package."""

    name: str
    version: str
    licence: str
    """An SPDX expression, or the package's own words; empty if it has none."""


def licence_of(package: Distribution) -> str:
    """What the metadata say: the expression, else the classifiers, else the first line of the free text."""

    def told(field: str) -> list[str]:
        return package.metadata.get_all(field) or []

    if expressions := told("License-Expression"):
        return expressions[0]
    classifiers = [
        each.split(" :: ")[-1]
        for each in told("Classifier")
        if each.startswith("License :: ") and each.count(" :: ") > 1
    ]
    if classifiers:
        return " AND ".join(OTHER_WORDS.get(each, each) for each in classifiers)
    first = "".join(told("License")).strip().partition("\n")[0]
    return OTHER_WORDS.get(first, first)


def is_allowed(licence: str) -> bool:
    """Whether a licence, or one of those to choose from, may be used: `A OR B`, `A AND B`, no parentheses."""
    return any(
        all(part.strip() in ALLOWED for part in choice.split(" AND ")) for choice in licence.split(" OR ")
    )


def needed(
    name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]
) -> Iterator[Distribution]:
    """A package with all that it needs on this machine."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    package = distribution(name)
    yield package
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
        ):
            yield from needed(_plain(requirement.name), frozenset(requirement.extras), seen)


def packages() -> list[Package]:
    """All packages below Beats, by name."""
    extras = set(distribution("beats").metadata.get_all("Provides-Extra") or []) - FOR_DEVELOPERS
    found = {
        _plain(each.name): Package(each.name, each.version, licence_of(each))
        for each in needed("beats", frozenset(extras), set())
    }
    return [found[name] for name in sorted(found.keys() - {"beats"})]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print the list, and what is wrong with it."""
    try:
        listed = packages()
    except PackageNotFoundError as missing:
        sys.exit(
            f"{missing.name} is not installed, so its licence is not known: `make .venv/.installed-test`"
        )
    for each in listed:
        print(f"{each.name:20} {each.version:14} {each.licence or '(none)'}")
    wrong = [each for each in listed if not is_allowed(each.licence)]
    for each in wrong:
        print(
            f"{each.name} {each.version}: licence {each.licence or '(none)'!r} is not one of "
            f"{', '.join(sorted(ALLOWED))}: take another package, or read it and add it to .ci/licences.py",
            file=sys.stderr,
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
