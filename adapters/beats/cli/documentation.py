"""The pages of the documentation: those of `docs/` in a checkout, and the same ones in an installed wheel."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from beats.config.errors import nearest

_IN_WHEEL: Final = Path(__file__).parents[1] / "docs"
FOLDER: Final = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parents[3] / "docs"
"""Where the pages are; pyproject.toml says which files the wheel brings."""

_FENCED: Final = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_NO_TEXT: Final = ("#", "|", "-", "<")
"""How headings, tables, lists and comments begin."""


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


_ORDER: Final = (
    "tutorial", "install", "sources", "websocket", "players", "mqtt", "foxglove", "recording", "led",
    "settings", "queues", "operation", "relay", "proxies", "embedding", "api", "threat-model",
    "measurements", "a-million-viewers", "comparison",
)  # fmt: skip
"""The order of those who begin, as in the README; pages for those who work on Beats follow."""


def names() -> list[str]:
    """The names of all pages, in the order in which to read them."""
    found = {path.stem for path in FOLDER.glob("*.md")}
    return [*(name for name in _ORDER if name in found), *sorted(found - set(_ORDER))]


class Page:
    """One page."""

    def __init__(self, name: str) -> None:
        """Read the page; `name` is one of `names()`."""
        self.name: Final = name
        self.text: Final = (FOLDER / f"{name}.md").read_text(encoding="utf-8")

    @cached_property
    def _prose(self) -> str:
        """The text with blanks in place of fenced blocks: comments in them look like headings."""
        return _FENCED.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), self.text)

    @property
    def title(self) -> str:
        """The first heading of the page."""
        found = _HEADING.search(self._prose)
        return _plain(found[1]) if found else self.name

    @property
    def begin(self) -> str:
        """The first sentence of the page."""
        paragraphs = (" ".join(each.split()) for each in self._prose.split("\n\n"))
        first = next((each for each in paragraphs if each and not each.startswith(_NO_TEXT)), "")
        return re.split(r"(?<=[.:])\s", _plain(first))[0].removesuffix(":")

    @cached_property
    def anchors(self) -> Mapping[str, int]:
        """Where each heading begins in the text, by its anchor."""
        places: dict[str, int] = {}
        for found in _HEADING.finditer(self._prose):
            places.setdefault(anchor(found[1]), found.start())
        return places

    def since(self, start: str) -> str:
        """The text from the heading with this anchor on; all of it for an empty one."""
        return self.text[self.anchors[start] :] if start else self.text


def for_terminal(text: str) -> str:
    """Markdown for a terminal: links to pages name the command that shows them, and other files are text."""
    known = set(names())

    def followed(link: re.Match[str]) -> str:
        picture, said, target = link.groups()
        place, _, heading = target.partition("#")
        if "://" in target:
            return link[0]
        if picture:
            return f"*{said}*"
        name = place.removesuffix(".md")
        return f"{said} (`{command(f'{name}#{heading}' if heading else name)}`)" if name in known else said

    parts = _FENCED.split(text)
    parts[::2] = [_LINK.sub(followed, part) for part in parts[::2]]  # odd parts are fenced blocks
    return "".join(parts)


def command(place: str) -> str:
    """The command that shows a page, or a heading of it as in `queues#tuning`.

    A URL or a command is returned as it is.
    """
    return place if "://" in place or " " in place else f"beats docs {place}"


def meant(name: str) -> str | None:
    """The page that is most similar to a name, or a heading that has the name in it, as `settings#pixels`."""
    known = names()
    if (page := nearest(name, known)) is not None:
        return page
    wanted = anchor(name)
    found = ((each, heading) for each in known for heading in Page(each).anchors)
    return next((f"{each}#{heading}" for each, heading in found if wanted in heading.split("-")), None)


def _plain(text: str) -> str:
    """The text without links and marks."""
    return re.sub(r"[*`]", "", _LINK.sub(r"\2", text))
