"""The documents of this repository, taken apart."""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from beats.cli.documentation import anchor

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    """Empty for diagrams and files of other programs."""
    text: str


class Document:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.name: Final = path.relative_to(ROOT).as_posix()
        self.text: Final = path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks."""
        return [Block(*found) for found in _FENCE.findall(self.text)]

    def of(self, language: str) -> list[str]:
        """The texts of the blocks in a language."""
        return [block.text for block in self.blocks if block.language == language]

    @cached_property
    def prose(self) -> str:
        """The text without the fenced blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def spans(self) -> list[str]:
        """What stands in backticks."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    @cached_property
    def links(self) -> list[str]:
        """The targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", self.prose))

    @cached_property
    def files(self) -> dict[str, str]:
        """The files that a reader is to write: blocks after a line with nothing but a name in backticks."""
        return dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL))

    @cached_property
    def headings(self) -> list[str]:
        """The headings, as they are written."""
        return re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors that GitHub gives the headings."""
        return {anchor(heading) for heading in self.headings}

    def section(self, heading: str) -> str:
        """The text below a heading, to the next heading."""
        _, found, rest = self.text.partition(f"# {heading}\n")
        assert found, f"{self.name} has no heading {heading!r}"
        return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]

    def first_column(self, heading: str) -> list[str]:
        """What stands in backticks in the first column of the tables below a heading."""
        rows = re.findall(r"^\|(?! ?-)(.*?)\|.*\|$(?!\n\| ?-)", self.section(heading), re.MULTILINE)
        return [span for row in rows for span in re.findall(r"`([^`]+)`", row)]


def _paths() -> Iterator[Path]:
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


DOCUMENTS: Final = {document.name: document for document in map(Document, _paths())}
EXAMPLES: Final = {
    document.name: document for document in map(Document, sorted((ROOT / "examples").rglob("README.md")))
}
"""Those of the examples, whose commands tests/examples runs."""
