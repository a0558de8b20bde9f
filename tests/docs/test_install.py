"""What the pages say of extras, Pythons and packages to install."""

import ast
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from beats.doctor.software import FOR_DEVELOPERS, TESTED_ON
from beats.kit.extras import EXTRA_OF
from tests.docs.documents import DOCUMENTS, EXAMPLES, ROOT
from tests.test_architecture import PROVIDERS as MODULES
from tests.test_architecture import imports, named

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


def test_the_systems_are_those_of_the_metadata() -> None:
    """Each page that says where Beats runs says the same: where it is tested."""
    classified = [each.split(" :: ")[-1] for each in PROJECT["classifiers"] if each.startswith("Operating")]
    assert tuple(classified) == TESTED_ON
    for name in ("docs/install.md", "docs/tutorial.md", "docs/comparison.md"):
        said = re.findall(r"tested on ([\w, ]+?) only", DOCUMENTS[name].text)
        assert set(said) == {" and ".join(TESTED_ON)}, name
        assert not re.search(r"Linux (?:or|and) macOS", DOCUMENTS[name].text), name


TEXTS: Final = {".md", ".py", ".sh", ".toml", ".service"}
PROVIDERS: Final = {"cv2": "opencv-python-headless", "IPython": "jupyterlab", "pygame": "pygame-ce"}
"""The package that brings a module, where it has another name."""
TO_INSTALL: Final = {name: page for name, page in EXAMPLES.items() if "pip install" in page.text}


def imported(folder: Path) -> Iterator[str]:
    """The modules that the programs of an example import."""
    for program in folder.glob("*.py"):
        yield from imports(program)
    for notebook in folder.glob("*.ipynb"):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield from imports(notebook, ast.walk(ast.parse("".join(cell["source"]))))


@pytest.mark.parametrize("name", TO_INSTALL)
def test_an_example_installs_what_it_imports(name: str) -> None:
    """By the first line of its commands: the wheel file, and what its programs import."""
    page = TO_INSTALL[name]
    _, _, wheel, *words = shlex.split(page.of("sh")[0].splitlines()[0])
    assert wheel == "../../dist/beats-*.whl"
    tops = {module.split(".")[0] for module in imported(page.path.parent)} - sys.stdlib_module_names
    assert {PROVIDERS.get(top, top) for top in tops - {"beats"}} <= named(words)


def test_each_extra_has_its_modules() -> None:
    """What is said when a module is missing names the extra that brings it."""
    extras = PROJECT["optional-dependencies"]
    assert {extra: named(extras[extra]) for extra in FOR_USERS} == {
        extra: {MODULES.get(module, module) for module, each in EXTRA_OF.items() if each == extra}
        for extra in EXTRA_OF.values()
    }


FOR_STRANGERS: Final = (
    "README.md",
    "docs/**/*.md",
    "examples/**/*",
    "config/**/*.toml",
    "kernel/**/*.py",
    "adapters/**/*.py",
)
INSTALLED: Final = re.compile(r"(?:pipx?|uv tool) install ([^`\n):,;&]+)")


def test_beats_and_its_extras_are_installed_in_one_way() -> None:
    """Beats as a wheel file, since no index has it; extras as `beats[mqtt]`, where it is installed.

    Who has a checkout also installs its folder.
    """
    named_by_extra = set[str]().union(*(named(PROJECT["optional-dependencies"][each]) for each in FOR_USERS))
    paths = {path for pattern in FOR_STRANGERS for path in ROOT.glob(pattern)}
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.suffix in TEXTS}
    found = [
        (path.relative_to(ROOT).as_posix(), word)
        for path, text in texts.items()
        for words in INSTALLED.findall(text)
        for word in words.replace("'", " ").split()
        if word == "beats" or named([word]) & (named_by_extra | EXTRA_OF.keys())
    ]
    assert found == []
