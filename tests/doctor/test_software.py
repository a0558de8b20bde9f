"""Checks of Python and packages."""

import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from beats.doctor import software
from beats.doctor.findings import Finding
from beats.doctor.software import Requirement, meets, parse
from beats.kit import event_loop as kit_event_loop
from beats.kit.event_loop import Wanted
from tests.doctor.support import always

LINES = [
    "rich>=14",
    "typer>=0.19",
    "nats-py>=2.9; extra == 'nats'",
    "sacn>=1; extra == 'led'",
    "pytest>=8; extra == 'test'",
]
RIGHT = {"beats": "1.0", "rich": "15.0", "typer": "0.20", "sacn": "1.3"}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The packages that seem to be installed."""
    versions = dict(RIGHT)

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", always(LINES))
    return versions


@pytest.mark.parametrize(
    ("wanted", "system", "level", "advice"),
    [
        (">=3.99", "Linux", "fault", "Beats needs >=3.99: install such a Python"),
        (">=3.11", "Windows", "warning", "Beats is tested on Linux only"),
        (">=3.11", "Darwin", "warning", "Beats is tested on Linux only"),
        (">=3.11", "Linux", "ok", None),
    ],
)
def test_another_python_or_system_is_told(
    wanted: str, system: str, level: str, advice: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to use instead."""
    about = Message()
    about["Requires-Python"] = wanted
    monkeypatch.setattr(metadata, "metadata", always(about))
    monkeypatch.setattr(software, "platform", platform_of(system))
    [found] = software.python()
    assert (found.level, found.advice) == (level, advice)


def platform_of(system: str) -> SimpleNamespace:
    names = {"system": system, "release": "6", "machine": "x", "python_implementation": "CPython"}
    return SimpleNamespace(**{name: always(value) for name, value in names.items()})


def test_this_installation_is_right() -> None:
    """Otherwise the tests would not run."""
    [python], [packages] = software.python(), software.packages()
    assert (python.subject, python.level, packages.level) == ("Python", "ok", "ok")
    assert "Python 3." in python.found
    assert "pydantic 2." in packages.found


def test_packages_are_named_and_wrong_ones_are_faults(there: dict[str, str]) -> None:
    """As bug reports need them, without extras; a missing or old one has the command that fixes it."""
    assert there
    [found] = software.packages()
    assert found == Finding("packages", "ok", "Beats 1.0; rich 15.0, typer 0.20")
    del there["rich"]
    there["typer"] = "0.16"
    one, other = software.packages()
    assert one.level == other.level == "fault"
    assert (one.found, one.advice) == (
        "rich is not installed, and Beats needs rich >=14",
        "pip install --upgrade 'rich >=14'",
    )
    assert other.found == "typer 0.16 is installed, and Beats needs typer >=0.19"


def test_without_an_installation_nothing_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when Beats runs from its sources."""

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    for name in ("requires", "version", "metadata"):
        monkeypatch.setattr(metadata, name, missing)
    [found] = software.packages()
    assert found.level == "note"
    assert list(software.extras()) == []
    [found] = software.python()
    assert found.level == "ok"


def test_extras_are_those_of_users(there: dict[str, str]) -> None:
    """A missing one is no fault unless it is needed."""
    assert there
    nats, led = software.extras()
    assert (nats.subject, nats.level) == ("extra nats", "note")
    assert nats.found == "nats-py is not installed, and not needed by this profile"
    assert nats.advice == "to install it: pip install 'beats[nats]'"
    assert (led.level, led.found) == ("ok", "sacn 1.3; this profile does not need it")


MISSING: Final = "asyncio; uvloop, which needs less processor time for large frames, is not installed"


@pytest.mark.parametrize(
    ("wanted", "installed", "expected"),
    [
        ("auto", True, [("ok", "uvloop 0.23.0", None)]),
        ("uvloop", True, [("ok", "uvloop 0.23.0", None)]),
        ("asyncio", True, [("ok", "asyncio", None)]),
        ("auto", False, [("note", MISSING, "to install it: pip install 'beats[fast]'")]),
        ("uvloop", False, []),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_event_loop_of_a_run_is_told(
    wanted: Wanted,
    installed: bool,
    expected: list[tuple[str, str, str | None]],
    there: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is wrong with the setting is a finding of the settings."""

    def find_spec(name: str) -> object:
        return name if installed else None

    monkeypatch.setattr(kit_event_loop, "find_spec", find_spec)
    if installed:
        there["uvloop"] = "0.23.0"
    found = [(each.level, each.found, each.advice) for each in software.event_loop(wanted)]
    assert found == expected


@pytest.mark.parametrize("needed", ["nats", "nats-py", "beats[nats]"])
def test_an_extra_that_is_needed_and_lacks_is_a_fault(there: dict[str, str], needed: str) -> None:
    """Under any name that the profile uses."""
    assert there
    nats, _ = software.extras({needed})
    assert (nats.level, nats.advice) == ("fault", "pip install 'beats[nats]'")


@pytest.mark.parametrize(("needed", "level"), [((), "warning"), (("led",), "fault")])
def test_an_extra_that_is_too_old_is_told(there: dict[str, str], needed: tuple[str, ...], level: str) -> None:
    """Even if it is not needed."""
    there["sacn"] = "0.9"
    _, led = software.extras(needed)
    assert (led.level, led.found) == (level, "there is sacn 0.9, and >=1 is needed")


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
    """Lines with other conditions are skipped."""
    assert parse(line) == expected


def test_every_requirement_of_ours_is_understood() -> None:
    """From the project's own file; one with a condition is for some machines only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (each for each in project["dependencies"] if ";" not in each):
        found = parse(line)
        assert found is not None
        assert found.wanted != ""
        assert not meets("0.0.1", found.wanted)


@pytest.mark.parametrize(
    ("wanted", "meeting", "others"),
    [
        (">=4.11", "4.11 4.11.0", "4.9"),
        (">=9", "10.0", "unknown"),
        (">=4.0.1", "", "4"),
        (">= 1.6, < 2", "1.6", "2.0"),
        (">=2", "2.0.0rc1 v3 1!2.0", ""),
        ("==1.2.*", "1.2.3", "1.3"),
        ("==1.3.0", "1.3", ""),
        ("===1.3", "1.3", ""),
        ("!=1.3", "", "1.3 1.3.0"),
        ("!=1.3.*", "1.4", ""),
        ("~=1.4.2", "1.4.5", "1.5"),
        ("~=1.4", "1.9", "2.0"),
        (">1", "2", "1"),
        ("<=1", "1", ""),
        ("", "anything", ""),
    ],
)
def test_a_version_meets_what_is_wanted_or_not(wanted: str, meeting: str, others: str) -> None:
    """Versions are compared by number, not by letter."""
    assert [version for version in meeting.split() if not meets(version, wanted)] == []
    assert [version for version in others.split() if meets(version, wanted)] == []
