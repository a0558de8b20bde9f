"""`beats docs`."""

import re
import sys
from pathlib import Path

import pytest

from beats.cli import documentation
from tests.cli.terminal import on_a_terminal
from tests.docs.documents import DOCUMENTS, Document
from tests.support import called

PAGES = {
    document.path.stem: document for document in DOCUMENTS.values() if document.path.parent.name == "docs"
}


def test_every_page_is_listed(tmp_path: Path) -> None:
    """A line each, with its title and first sentence, for a person and for `grep`."""
    code, out, err = called("docs", cwd=tmp_path)
    assert (code, err) == (0, "")
    lines = {name: about.strip() for name, _, about in (line.partition(" ") for line in out.splitlines())}
    assert lines.keys() == PAGES.keys()
    for name, document in PAGES.items():
        assert lines[name].startswith(f"{document.headings[0].replace('`', '')}. "), name
        assert len(lines[name]) > len(document.headings[0]) + 20, name
    assert lines["queues"] == "Queues. Every sink has a queue of its own."


def test_pages_are_listed_in_the_order_of_the_readme() -> None:
    """The tutorial comes first, and what is for those who work on Beats last."""
    table = DOCUMENTS["README.md"].text.partition("| to use Beats | |")[2]
    linked = re.findall(r"\]\(docs/([\w-]+)\.md\)", table)
    wanted, rest = linked[: linked.index("architecture")], documentation.names()
    assert rest[: len(wanted)] == wanted
    assert rest[len(wanted) :] == sorted(PAGES.keys() - set(wanted))


@pytest.mark.parametrize("document", PAGES.values(), ids=PAGES.keys())
def test_a_page_can_be_read_from_each_of_its_headings(document: Document) -> None:
    """To its end, and the whole page without a heading."""
    page = documentation.Page(document.path.stem)
    assert page.since("") == document.text
    assert page.anchors.keys() == document.anchors
    for anchor in page.anchors:
        text = page.since(anchor)
        assert document.text.endswith(text)
        assert documentation.anchor(text.splitlines()[0].lstrip("# ")) == anchor


@pytest.mark.parametrize("place", [("settings#pixels",), ("settings", "pixels"), ("settings.md", "Pixels")])
def test_in_a_pipe_a_page_is_markdown(tmp_path: Path, place: tuple[str, ...]) -> None:
    """From the heading on, as it is in the file; a heading of several words may be given as words."""
    text = PAGES["settings"].text
    assert called("docs", "settings", cwd=tmp_path) == (0, text, "")
    code, out, err = called("docs", *place, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == text[text.index("## Pixels\n") :]
    assert called("docs", "install", "which", "Python", cwd=tmp_path)[1].startswith("## Which Python\n")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("quees", "there is no page 'quees'; did you mean 'queues'? There are: tutorial, install, "),
        ("universes", "there is no page 'universes'; did you mean 'led#universes'? There are: "),
        ("../README", "there is no page '../README'. There are: "),
        ("queues#tunning", "queues has no heading 'tunning'; did you mean 'queues#tuning'? It has: queues, "),
        # a comment in a block of the page
        ("settings#for-the-wall-in-the-hall", "settings has no heading 'for-the-wall-in-the-hall'. It has: "),
    ],
)
def test_what_is_not_there_is_said_with_what_is(tmp_path: Path, place: str, said: str) -> None:
    """Wrong usage, with the nearest name, or with a heading that has the word in it."""
    code, out, err = called("docs", place, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith(said)


def test_a_terminal_shows_a_page_laid_out_in_a_pager(tmp_path: Path) -> None:
    """Without marks, and each link to another page with the command that shows it."""
    pager = f"{sys.executable} -c 'import sys; print(*(\"paged: \" + line for line in sys.stdin))'"
    with on_a_terminal("docs", "install#extras", cwd=tmp_path, PAGER=pager) as terminal:
        assert terminal.end() == 0
        assert "paged: Extras" in terminal.text
        assert "#" not in terminal.text.partition("fast")[0]
        shown = " ".join(terminal.text.replace("paged: ", "").split())
        assert "see Relay (beats docs relay)" in shown
        assert "see The event loop (beats docs operation#the-event-loop)" in shown
        assert "beats doctor says which of them are installed" in shown


def test_links_lead_on_and_blocks_stay_as_they_are() -> None:
    """A link to a page names the command, one to the network stays, and any other is its text."""
    written = "[a](queues.md), [b](#here), [c](../README.md), [d](https://e.example), ![f](page.png)\n"
    block = "```\n[a](queues.md)\n```"
    shown = "a (`beats docs queues`), b, c, [d](https://e.example), *f*\n"
    assert documentation.for_terminal(written + block) == shown + block
