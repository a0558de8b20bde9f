"""What is in the files that `make dist` builds."""

import email
import email.message
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.dist.files import PARTS, ROOT, SDIST, WHEEL


def in_repository() -> set[str]:
    """Every file that git knows, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata() -> email.message.Message:
    """The wheel's."""
    [text] = (data for name, data in contents(WHEEL).items() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(text)


def test_the_wheel_holds_every_file_of_the_four_parts_and_the_pages_of_the_documentation() -> None:
    """Profiles, schema, page, generated code and `py.typed`, as they are here; else only metadata."""
    here = {
        name.partition("/")[2]: (ROOT / name).read_bytes()
        for name in in_repository()
        if name.split("/")[0] in PARTS and name.split("/")[1] == "beats"
    }
    pages = {name for name in in_repository() if re.fullmatch(r"docs/[^/]+\.md", name)}
    here |= {f"beats/{name}": (ROOT / name).read_bytes() for name in pages}
    assert len(pages) > 20
    there = {name: data for name, data in contents(WHEEL).items() if ".dist-info/" not in name}
    assert there.keys() == here.keys()
    assert there == here


def test_the_source_distribution_holds_the_repository() -> None:
    """Tests and documents too, so that all of it can be checked again from there."""
    with tarfile.open(SDIST) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert names - {"PKG-INFO"} == in_repository()


def test_both_are_the_same_bytes_wherever_and_whenever_they_are_built(tmp_path: Path) -> None:
    """In another folder, from files of another time and mode, by a person with another clock and umask."""
    copy = tmp_path / "elsewhere"
    for name in sorted(in_repository(), reverse=True):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o600)
        os.utime(target, (1_000_000_000, 1_000_000_000))
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation"],
        cwd=copy,
        env={**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C"},
        umask=0o077,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (copy / "dist" / WHEEL.name).read_bytes() == WHEEL.read_bytes()
    assert (copy / "dist" / SDIST.name).read_bytes() == SDIST.read_bytes()


def test_the_metadata_are_whole(metadata: email.message.Message) -> None:
    """What PyPI shows and installers go by."""
    assert metadata["Name"] == "beats"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    for field in ("Version", "Summary", "Author", "Keywords"):
        assert metadata[field]
    pythons = [each for each in metadata.get_all("Classifier", []) if re.search(r":: 3\.\d+$", each)]
    assert [each.rpartition(".")[2] for each in pythons] == ["11", "12", "13", "14"]


def test_no_link_of_the_description_leads_nowhere(metadata: email.message.Message) -> None:
    """It is shown where there is no checkout, so paths in it are text; all words of the README are there."""
    payload = metadata.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets
    assert [each for each in targets if not each.startswith("https://")] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    plain: Final = re.compile(r"\]\([^)]+\)|[*!\[\]]")
    assert plain.sub("", text).startswith(plain.sub("", readme))
