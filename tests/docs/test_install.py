"""What the page about installation says of extras and Pythons."""

import re
import tomllib
from typing import Any, Final

from tests.docs.documents import DOCUMENTS, ROOT
from tests.test_architecture import FOR_DEVELOPERS, named

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
PAGE: Final = DOCUMENTS["docs/install.md"]
FOR_USERS: Final = PROJECT["optional-dependencies"].keys() - FOR_DEVELOPERS


def test_the_extras_are_those_of_the_project() -> None:
    """Each with the package that it brings."""
    table = re.findall(r"^\| `(\w+)` \|.*\| `([\w-]+)` \|$", PAGE.section("Extras"), re.MULTILINE)
    extras = PROJECT["optional-dependencies"]
    assert {(extra, frozenset([package])) for extra, package in table} == {
        (extra, frozenset(named(extras[extra]))) for extra in FOR_USERS
    }


def test_the_readme_names_the_extras() -> None:
    """Those for users, and no others."""
    named_there = re.search(r"is an extra: (.*), as in", DOCUMENTS["README.md"].section("Install"))
    assert named_there is not None
    assert set(re.findall(r"`(\w+)`", named_there[1])) == FOR_USERS


def test_the_bill_of_materials_is_of_all_extras() -> None:
    """`make sbom` installs each of them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [line] = re.findall(r"^EXTRAS := (.*)$", makefile, re.MULTILINE)
    assert set(line.split(",")) == FOR_USERS


def test_each_python_of_the_metadata_has_its_line() -> None:
    """What has been run on it."""
    first_column = re.findall(r"^\| ([\d., ]+) \|", PAGE.section("Which Python"), re.MULTILINE)
    classified = [re.search(r":: (3\.\d+)$", each) for each in PROJECT["classifiers"]]
    assert [python for cell in first_column for python in cell.split(", ")] == [
        found[1] for found in classified if found
    ]
