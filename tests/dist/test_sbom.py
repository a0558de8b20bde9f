"""The bill of materials that `make sbom` writes; the tool has checked it against the schema of CycloneDX."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.dist.files import ROOT, SBOM, WHEEL
from tests.system.test_licences import listed

BOM: Final[dict[str, Any]] = json.loads(SBOM.read_text(encoding="utf-8"))


def test_it_is_of_this_wheel() -> None:
    """Name, version and licence of the whole."""
    component = BOM["metadata"]["component"]
    assert (BOM["bomFormat"], component["name"], component["version"]) == (
        "CycloneDX",
        "beats",
        WHEEL.name.split("-")[1],
    )
    assert component["licenses"][0]["license"]["id"] == "Apache-2.0"


def test_it_lists_what_users_get_and_nothing_else() -> None:
    """The packages of `make licences`, each with its version, a package URL and a licence."""
    lines = [line.split() for line in listed().stdout.splitlines()]
    assert {(each["name"], each["version"]) for each in BOM["components"]} == {
        (name, version) for name, version, *_ in lines
    }
    assert all(each["purl"].startswith("pkg:pypi/") for each in BOM["components"])
    # protobuf says it in words of its own, which `make licences` knows.
    assert {each["name"] for each in BOM["components"] if "licenses" not in each} == {"protobuf"}


def test_it_says_who_needs_whom() -> None:
    """From Beats down to each package."""
    below = {each["ref"]: each.get("dependsOn", []) for each in BOM["dependencies"]}
    reached, waiting = set[str](), [BOM["metadata"]["component"]["bom-ref"]]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += below[reference]
    assert reached >= {each["bom-ref"] for each in BOM["components"]}


def test_it_is_the_same_each_time_and_names_no_folder() -> None:
    """Written again, it has the same bytes; no path of the machine is in it."""
    program = str(Path(sys.executable).parent / "cyclonedx-py")
    options = ["--pyproject", "pyproject.toml", "--mc-type", "application", "--short-PURLs"]
    command = [program, "environment", *options, "--output-reproducible", ".venv/wheel"]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout.strip() == SBOM.read_text(encoding="utf-8").strip()
    assert str(ROOT) not in again.stdout
    assert "file:" not in again.stdout
