"""The threat model: its statements are held by tests, and its settings and ports are those of the code."""

import re
from functools import cache
from typing import Final

from beats.runtime.registry import InstalledAdapters
from tests.docs.documents import DOCUMENTS, ROOT

PAGE: Final = DOCUMENTS["docs/threat-model.md"]
CLIENTS: Final = {"mqtt"}
"""Adapters whose `host` and `port` are those of a server that they connect to."""


@cache
def names_of_tests() -> frozenset[str]:
    """The name of every test."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return frozenset(
        name for text in texts for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)
    )


def rows(header: str) -> list[list[str]]:
    """The rows of all tables with this header, by cell."""
    tables = re.findall(rf"^\| {header}\n\|[-:| ]+\|\n((?:\|.*\n)+)", PAGE.text, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for table in tables
        for line in table.splitlines()
    ]


def test_each_statement_is_held_by_a_test() -> None:
    """One at least, by a name that there is."""
    statements = rows(r"statement \| held by \|")
    assert len(statements) > 20
    for statement, held_by in statements:
        named = re.findall(r"`(\w+)`", held_by)
        assert named, statement
        assert set(named) <= names_of_tests(), statement


def test_what_listens_is_listed_with_its_defaults() -> None:
    """Each adapter that opens a port, and no other."""
    adapters = InstalledAdapters()
    listening = {
        (f"{group.removesuffix('s')} `{name}`", f"`{fields['host'].default}`", str(fields["port"].default))
        for group in ("sinks", "sources")
        for name in adapters.names(group)
        if {"host", "port"} <= (fields := adapters.settings(group, name).model_fields).keys()
        if name not in CLIENTS
    }
    table = rows(r"what \| address \| port \| .*")
    assert {(what, address, port) for what, address, port, _ in table} == listening


def test_the_settings_are_those_of_the_server() -> None:
    """All that the two paragraphs about viewers list."""
    known = InstalledAdapters().settings("sinks", "websocket").model_fields.keys()
    for heading in ("Watching and steering", "What a viewer can send"):
        listed = re.findall(r"`(\w+)`", PAGE.section(heading).partition("|")[0])
        assert len(listed) > 5
        assert set(listed) <= known
