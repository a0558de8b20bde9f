"""Requirements as metadata has them."""

import tomllib
from pathlib import Path

import pytest

from beats.doctor.requirements import Requirement, meets, parse

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("anyio>=4.11", Requirement("anyio", ">=4.11", None)),
        ("mcap >= 1.6, < 2", Requirement("mcap", ">= 1.6, < 2", None)),
        ("rich (>=14)", Requirement("rich", ">=14", None)),
        ("pyright[nodejs]>=1.1.400; extra == 'test'", Requirement("pyright", ">=1.1.400", "test")),
        ('nats-py>=2.9 ; extra == "nats"', Requirement("nats-py", ">=2.9", "nats")),
        ("zope.interface", Requirement("zope.interface", "", None)),
        ("tomli; python_version < '3.11'", None),
        ("x; python_version < '3' and extra == 'y'", None),
        ("x @ https://example.org/x.whl", None),
        ("", None),
    ],
)
def test_a_line_is_a_name_versions_and_an_extra(line: str, expected: Requirement | None) -> None:
    """What has other conditions is left alone."""
    assert parse(line) == expected


def test_every_requirement_of_ours_is_understood() -> None:
    """As it stands in the project's own file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        found = parse(line)
        assert found is not None
        assert found.wanted != ""
        assert not meets("0.0.1", found.wanted)


@pytest.mark.parametrize(
    ("version", "wanted", "does"),
    [
        ("4.11", ">=4.11", True),
        ("4.11.0", ">=4.11", True),
        ("4.9", ">=4.11", False),
        ("10.0", ">=9", True),
        ("4", ">=4.0.1", False),
        ("1.6", ">= 1.6, < 2", True),
        ("2.0", ">= 1.6, < 2", False),
        ("2.0.0rc1", ">=2", True),
        ("1.2.3", "==1.2.*", True),
        ("1.3", "==1.2.*", False),
        ("1.3", "!=1.3", False),
        ("1.3.0", "!=1.3", False),
        ("1.4", "!=1.3.*", True),
        ("1.3", "==1.3.0", True),
        ("1.3", "===1.3", True),
        ("1.4.5", "~=1.4.2", True),
        ("1.5", "~=1.4.2", False),
        ("1.9", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("2", ">1", True),
        ("1", ">1", False),
        ("1", "<=1", True),
        ("v3", ">=2", True),
        ("1!2.0", ">=2", True),
        ("unknown", ">=1", False),
        ("anything", "", True),
    ],
)
def test_a_version_meets_what_is_wanted_or_not(version: str, wanted: str, does: bool) -> None:
    """Number by number, not letter by letter."""
    assert meets(version, wanted) == does
