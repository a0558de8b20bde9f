"""The licences of what Beats needs."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support import clean_environment

SCRIPT: Final = Path(__file__).resolve().parents[2] / ".ci" / "licences.py"


def listed(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
    )


def installed(folder: Path, name: str, *fields: str) -> None:
    """What an installer leaves behind of a package."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *fields])
    )


def test_every_package_may_be_passed_on_with_beats() -> None:
    """All of them have a licence that asks for no more than to name it, extras for users included."""
    done = listed()
    assert done.returncode == 0, done.stderr
    assert {"anyio", "pydantic", "nats-py", "av"} <= {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        (["License-Expression: MIT OR GPL-3.0-only"], None),
        (["License-Expression: GPL-3.0-only"], "GPL-3.0-only"),
        (["License-Expression: MIT AND AGPL-3.0-or-later"], "AGPL-3.0-or-later"),
        (
            ["Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"],
            "GNU General Public License v3",
        ),
        (["License: for friends only"], "for friends only"),
        ([], "(none)"),
    ],
)
def test_what_is_unknown_or_asks_for_more_is_refused(
    fields: list[str], word: str | None, tmp_path: Path
) -> None:
    """By name, also when another package needs it; of two to choose from, one has to be right."""
    installed(tmp_path, "beats", "Requires-Dist: middle[more]")
    installed(tmp_path, "middle", "License: MIT", 'Requires-Dist: below; extra == "more"')
    installed(tmp_path, "below", *fields)
    done = listed(PYTHONPATH=str(tmp_path))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["below", "middle"]
    assert done.returncode == (1 if word else 0)
    assert word is None or ("below 1.0" in done.stderr and word in done.stderr)
