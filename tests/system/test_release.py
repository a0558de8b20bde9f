"""The release script, in a repository of its own with the files of this one."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.support import clean_environment

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = ROOT / ".ci" / "release.py"
AUTHOR: Final = {
    "GIT_CONFIG_GLOBAL": "/dev/null",  # a person's own settings may want signatures
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.org",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.org",
}
CHANGES: Final = "# Changelog\n\n## Unreleased\n\n- A new thing.\n\n## 0.9.0 (2026-01-01)\n\n- An old one.\n"


def git(*arguments: str, cwd: Path) -> str:
    """What git prints; commits are those of a tester, whoever runs this."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=clean_environment(**AUTHOR),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clean clone at version 0.9.0, which is tagged, with one change since."""
    place = tmp_path / "clone"
    place.mkdir()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(
        re.sub(r'^version = ".*"$', 'version = "0.9.0"', project, flags=re.MULTILINE)
    )
    (place / "CHANGELOG.md").write_text(CHANGES)
    git("init", "--quiet", "--initial-branch", "main", cwd=place)
    commit(place)
    git("tag", "v0.9.0", cwd=place)
    return place


def commit(repository: Path) -> None:
    git("add", "--all", cwd=repository)
    git("commit", "--quiet", "--message", "Change", cwd=repository)


def released(version: str, repository: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, version],
        cwd=repository,
        env=clean_environment(**AUTHOR),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_release_sets_version_changelog_and_tag(repository: Path) -> None:
    """In one commit, with today's date and nothing else changed; an annotated tag is on it."""
    project = (repository / "pyproject.toml").read_text()
    begun = datetime.now(UTC).date()
    done = released("0.10.0", repository)
    assert done.returncode == 0, done.stderr
    days = {day.isoformat() for day in (begun, datetime.now(UTC).date())}
    after = (repository / "CHANGELOG.md").read_text()
    assert after in {CHANGES.replace("Unreleased", f"0.10.0 ({day})") for day in days}
    assert (repository / "pyproject.toml").read_text() == project.replace(
        'version = "0.9.0"', 'version = "0.10.0"'
    )
    assert git("log", "-1", "--format=%s", cwd=repository) == "Release 0.10.0"
    assert git("rev-parse", "v0.10.0^{commit}", cwd=repository) == git("rev-parse", "HEAD", cwd=repository)
    assert git("cat-file", "-t", "v0.10.0", cwd=repository) == "tag"
    assert git("status", "--porcelain", cwd=repository) == ""


def test_the_changelog_of_this_repository_can_be_released(repository: Path) -> None:
    """Its first heading is of what is not released, or of the version that is."""
    shutil.copy(ROOT / "CHANGELOG.md", repository)
    shutil.copy(ROOT / "pyproject.toml", repository)
    git("tag", "--delete", "v0.9.0", cwd=repository)
    commit(repository)
    done = released("99.0.0rc1", repository)
    assert done.returncode == 0 or "nothing new is written down" in done.stderr


@pytest.mark.parametrize(
    ("version", "right"),
    [
        ("next", "write one such as 0.2.0"),
        ("1.0", "write three numbers"),
        ("v1.0.0", "write it as 1.0.0"),
        ("1.0.0.dev1", "write three numbers"),
        ("0.9.0", "the next version is 0.9.1 or a later one"),
        ("0.8.0", "is older than v0.9.0"),
    ],
)
def test_a_version_that_cannot_be_next_is_refused(version: str, right: str, repository: Path) -> None:
    """The message says what would be right, and nothing is changed."""
    refused(version, right, repository)


def refused(version: str, right: str, repository: Path) -> None:
    before = git("rev-parse", "HEAD", cwd=repository), git("status", "--porcelain", cwd=repository)
    tags = git("tag", cwd=repository)
    done = released(version, repository)
    assert done.returncode == 1
    assert done.stderr.startswith("no release: ")
    assert right in done.stderr
    assert before == (git("rev-parse", "HEAD", cwd=repository), git("status", "--porcelain", cwd=repository))
    assert git("tag", cwd=repository) == tags


def test_a_tree_with_changes_is_refused(repository: Path) -> None:
    """New files count: they would be missing in the release."""
    (repository / "forgotten.py").write_text("")
    refused("1.0.0", "forgotten.py", repository)


def test_a_head_without_a_branch_is_refused(repository: Path) -> None:
    """The commit would be on no branch."""
    git("checkout", "--quiet", "--detach", cwd=repository)
    refused("1.0.0", "git switch main", repository)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ("# Changelog\n\n## 0.9.0 (2026-01-01)\n\n- Old.\n", "under a heading '## Unreleased'"),
        ("# Changelog\n\n## Unreleased\n\n## 0.9.0 (2026-01-01)\n\n- Old.\n", "write what a user sees"),
        ("# Changelog\n", "under a heading '## Unreleased'"),
    ],
)
def test_a_changelog_without_news_is_refused(changes: str, right: str, repository: Path) -> None:
    """A release that nobody can read about is none."""
    (repository / "CHANGELOG.md").write_text(changes)
    commit(repository)
    refused("1.0.0", right, repository)


def test_a_commit_that_fails_leaves_everything_as_it_was(repository: Path) -> None:
    """Here a hook says no."""
    hook = repository / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    refused("1.0.0", "not on a Friday", repository)
