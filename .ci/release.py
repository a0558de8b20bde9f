"""Makes a release in one go: version, CHANGELOG.md, commit and tag. `make release VERSION=0.2.0`.

It changes nothing unless everything is as it should be. Nothing is pushed.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

PROJECT: Final = Path("pyproject.toml")
CHANGES: Final = Path("CHANGELOG.md")
_VERSION_LINE: Final = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)


class RefusedError(Exception):
    """Says why there is no release, and what would be right."""


def git(*arguments: str) -> str:
    """Run git in the current folder.

    Raises:
        RefusedError: it failed; holds what git said.
    """
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def parsed(text: str) -> Version:
    """The version that a person gave.

    Raises:
        RefusedError: the text is not a version, or is not written as its tag and its files would be.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        raise RefusedError(f"{text!r} is no version: write one such as 0.2.0, or 0.2.0rc1") from None
    if len(version.release) != 3 or version.local or version.is_devrelease or version.is_postrelease:
        raise RefusedError(f"version {text!r}: write three numbers, such as 0.2.0, or 0.2.0rc1")
    if str(version) != text:
        raise RefusedError(f"version {text!r}: write it as {version}")
    return version


def check_repository(version: Version) -> None:
    """That a commit and a tag can be made here.

    Raises:
        RefusedError: files are changed, no branch is checked out, or the version is not newer than all tags.
    """
    if changed := git("status", "--porcelain"):
        raise RefusedError(f"these files are changed: commit or remove them first\n{changed}")
    if not git("branch", "--show-current"):
        raise RefusedError("no branch is checked out, so the commit would be lost: `git switch main`")
    tags = git("tag", "--list", "v*").split()
    versions = [Version(tag[1:]) for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+\w*", tag)]
    if versions and version <= max(versions):
        newest = max(versions)
        major, minor, patch = newest.release
        then = newest.base_version if newest.is_prerelease else f"{major}.{minor}.{patch + 1}"
        found = "exists" if version in versions else f"is older than v{newest}"
        raise RefusedError(f"tag v{version} {found}: the next version is {then} or a later one")


def with_version(project: str, version: Version) -> str:
    """The text of pyproject.toml with another version.

    Raises:
        RefusedError: the text has no version, or a newer one.
    """
    found = _VERSION_LINE.search(project)
    if found is None or tomllib.loads(project)["project"].get("version") != found[1]:
        raise RefusedError(f'{PROJECT} needs one line such as version = "0.1.0" under [project]')
    if version < Version(found[1]):
        raise RefusedError(f"{PROJECT} has version {found[1]}, which is newer than {version}")
    return f'{project[: found.start()]}version = "{version}"{project[found.end() :]}'


def with_heading(changes: str, version: Version, day: date) -> str:
    """The text of CHANGELOG.md with the heading of the release over what is not released.

    Raises:
        RefusedError: the first heading is not of what is not released, or nothing stands under it.
    """
    headings = list(_HEADING.finditer(changes))
    if not headings or "unreleased" not in headings[0][1].lower():
        found = f"begins with {headings[0][0]!r}" if headings else "has no heading"
        raise RefusedError(
            f"{CHANGES} {found}: nothing new is written down. Put what a user sees under a "
            "heading '## Unreleased' above all others"
        )
    first = headings[0]
    below = changes[first.end() : headings[1].start() if len(headings) > 1 else len(changes)]
    if not below.strip():
        raise RefusedError(f"{CHANGES} has nothing under {first[0]!r}: write what a user sees")
    return f"{changes[: first.start()]}## {version} ({day.isoformat()}){changes[first.end() :]}"


def release(text: str, day: date) -> None:
    """Make the release in the repository of the current folder.

    Raises:
        RefusedError: something is not as it should be; then nothing has changed.
    """
    version = parsed(text)
    check_repository(version)
    before = {path: path.read_text(encoding="utf-8") for path in (PROJECT, CHANGES)}
    after = {
        PROJECT: with_version(before[PROJECT], version),
        CHANGES: with_heading(before[CHANGES], version, day),
    }
    start = git("rev-parse", "HEAD")
    try:
        for path, content in after.items():
            path.write_text(content, encoding="utf-8")
        git("commit", "--quiet", "--message", f"Release {version}", "--", str(PROJECT), str(CHANGES))
        git("tag", "--annotate", "--message", f"Beats {version}", f"v{version}")
    except BaseException:
        git("reset", "--quiet", "--hard", start)  # the tree was clean
        raise


def main() -> None:
    """Read the version from the command line; exit with 1 if there is no release."""
    parser = argparse.ArgumentParser(description="Sets version, CHANGELOG.md and tag in one go.")
    parser.add_argument("version", help="such as 0.2.0")
    arguments = parser.parse_args()
    try:
        release(arguments.version, datetime.now(UTC).date())
    except RefusedError as refusal:
        print(f"no release: {refusal}", file=sys.stderr)
        sys.exit(1)
    print(f"tagged v{arguments.version}. See docs/releasing.md for what follows: build, look, push.")


if __name__ == "__main__":
    main()
