"""Figures come from scripts, and are the same wherever they are told."""

import re
from collections.abc import Iterator
from typing import Final

from beats.cli.documentation import anchor
from tests.docs.documents import DOCUMENTS, ROOT, Document

MEASUREMENTS: Final = DOCUMENTS["docs/measurements.md"]
MEASURED: Final = {
    document.path: document for document in (MEASUREMENTS, DOCUMENTS["docs/a-million-viewers.md"])
}
SCRIPT: Final = re.compile(r"tests[./](?:bench|dist|docs|system)[./]\w+|make bench(?:-peers)?")
LINK: Final = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def sections(document: Document) -> dict[str, str]:
    """The parts of a document by their headings; what is before the first is left out."""
    _, *rest = re.split(r"^## (.+)\n", document.text, flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def numbers(text: str) -> set[str]:
    """The numbers in a text, as they are written."""
    return set(re.findall(r"\d[\d,]*(?:\.\d+)?(?<!,)", text))


def sources(document: Document, text: str) -> str:
    """The sections with figures to which a text leads."""
    found = ""
    for _, link in LINK.findall(text):
        target, _, heading = link.partition("#")
        measured = MEASURED.get((document.path.parent / target).resolve())
        if measured is not None and heading and measured is not document:
            [section] = (body for head, body in sections(measured).items() if anchor(head) == heading)
            found += section
    return found


def told() -> Iterator[tuple[Document, str]]:
    """Each sentence of a document, but for lists of what things cost: of these, each item is one."""
    costs = DOCUMENTS["README.md"].section("What it costs")
    yield from ((DOCUMENTS["README.md"], item) for item in re.split(r"^- ", costs, flags=re.MULTILINE)[1:])
    for document in DOCUMENTS.values():
        for paragraph in re.split(r"\n\s*\n|^\s*- ", document.prose, flags=re.MULTILINE):
            yield from ((document, sentence) for sentence in re.split(r"(?<=[.:])\s", paragraph))


def test_figures_are_those_of_the_measurements() -> None:
    """A sentence that leads to a section with figures, or an item of what things cost, has no others."""
    wrong: list[str] = []
    compared = 0
    for document, text in told():
        if known := sources(document, text):
            figures = numbers(LINK.sub(r"\1", text))
            compared += len(figures)
            wrong += [f"{document.name}: {each} in {text!r}" for each in figures - numbers(known)]
    assert wrong == []
    assert compared > 30


def test_each_item_of_what_things_cost_leads_to_its_figures() -> None:
    """To a section of the measurements."""
    readme = DOCUMENTS["README.md"]
    items = re.split(r"^- ", readme.section("What it costs"), flags=re.MULTILINE)[1:]
    assert len(items) > 3
    assert [item for item in items if not sources(readme, item)] == []


def test_each_section_names_what_makes_its_figures() -> None:
    """A script, a test or a target of make that exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for heading, text in sections(MEASUREMENTS).items():
        named = SCRIPT.findall(text)
        assert named, heading
        for each in named:
            path = ROOT / each.replace(".", "/")
            is_there = path.with_suffix(".py").exists()
            assert is_there or f"\n{each.removeprefix('make ')}:" in makefile, each
