"""Lays out what Sphinx builds the documentation site from: `python -m docs.site.sources FOLDER`.

The documents stay plain Markdown that a code host shows well. In the folder they have the addresses that
their pages get: `README.md` becomes `index.md`, `docs/led.md` becomes `led.md`. Links follow. One to a page
leads to the page, one to any other file downloads this file, and of one to a folder without a page the text
remains. A link that leads nowhere stays as it is, and Sphinx says so.
"""

import posixpath
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NAVIGATION: Final = "docs/site/navigation.toml"

_FENCE: Final = r"^ *(?P<fence>```+|~~~+)[^\n]*\n.*?^ *(?P=fence) *$"
_LINK: Final = r"(?P<mark>!?)\[(?P<text>(?:`[^`]*`|[^\[\]`])*)\]\((?P<target>[^()\s]+)\)"
_PARTS: Final = re.compile(rf"{_FENCE}|{_LINK}|`[^`]+`", re.MULTILINE | re.DOTALL)
_CODE: Final = {".py": "python", ".sh": "sh", ".toml": "toml"}


def documents(root: Path) -> list[str]:
    """The paths of all documents below a repository's root."""
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "examples").rglob("*.md")]
    return sorted(path.relative_to(root).as_posix() for path in found)


def place(path: str) -> str:
    """Where a file of the repository is among the sources of the site."""
    folder, name = posixpath.split(path.removeprefix("docs/"))
    if name == "README.md":
        name = "index.md"
    elif name.endswith(".md"):
        name = name.lower()
    return posixpath.join(folder, name)


class Page:
    """A document on its way to the site."""

    def __init__(self, root: Path, path: str) -> None:
        self._root: Final = root
        self._path: Final = path
        self.place: Final = place(path)
        self.files: Final[dict[str, None]] = {}
        """The files of the repository that it leads to, each once, in the order of its links."""
        self.text = _PARTS.sub(self._follow, (root / path).read_text(encoding="utf-8"))

    def _follow(self, found: re.Match[str]) -> str:
        mark, text, target = found["mark"], found["text"], found["target"]
        if target is None or re.match(r"#|[a-z]+:", target):  # code, a heading of the same page, another site
            return found[0]
        relative, _, anchor = target.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(self._path), relative))
        if (self._root / file).is_dir():
            if not (self._root / file / "README.md").is_file():
                return text
            file = f"{file}/README.md"
        if file.startswith("..") or not (self._root / file).is_file():
            return found[0]
        self.files[file] = None
        there = posixpath.relpath(place(file), posixpath.dirname(self.place) or ".")
        return f"{mark}[{text}]({there}{f'#{anchor}' if anchor else ''})"

    def add_contents(self) -> None:
        """Put the pages of its folder that it leads to below it in the navigation."""
        folder = posixpath.dirname(self._path) + "/"
        below = [file for file in self.files if file.startswith(folder) and file.endswith(".md")]
        if below:
            self.text += _contents("", [posixpath.relpath(place(file), place(folder)) for file in below])

    def add_program(self) -> None:
        """Show the files beside it, which make up an example."""
        folder = self._root / posixpath.dirname(self._path)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix in _CODE and "__pycache__" not in path.parts:
                shown = f"```{{literalinclude}} {name}\n:language: {_CODE[path.suffix]}\n```"
            elif path.suffix == ".ipynb":
                shown = f"[Download the notebook]({name})"
            else:
                continue
            self.text += f"\n## `{name}`\n\n{shown}\n"
            self.files[path.relative_to(self._root).as_posix()] = None


def _contents(caption: str, pages: list[str]) -> str:
    options = ":hidden:\n" + (f":caption: {caption}\n" if caption else "")
    return f"\n```{{toctree}}\n{options}\n" + "".join(f"{page}\n" for page in pages) + "```\n"


def _navigation(root: Path) -> Iterator[str]:
    groups: dict[str, list[str]] = tomllib.loads((root / NAVIGATION).read_text(encoding="utf-8"))
    for caption, paths in groups.items():
        yield _contents(caption, [f"/{place(path)}" for path in paths])


def lay_out(root: Path, out: Path, made: Mapping[str, str], files: tuple[str, ...] = ()) -> None:
    """Write the sources of a site, and nothing else, into a folder.

    Args:
        root: the repository.
        out: the folder; what is in it is removed.
        made: pages that are no files of the repository: their texts by their places.
        files: the files of the repository that these show.
    """
    shutil.rmtree(out, ignore_errors=True)
    pages = [Page(root, path) for path in documents(root)]
    for page in pages:
        if page.place == "index.md":
            page.text += "".join(_navigation(root))
        elif page.place.endswith("/index.md"):
            page.add_contents()
        if re.fullmatch(r"examples/\w+/index\.md", page.place):
            page.add_program()
    texts = {page.place: page.text for page in pages} | dict(made)
    for name, text in texts.items():
        _written(out / name).write_text(text, encoding="utf-8")
    for file in {file for page in pages for file in page.files} | set(files):
        if place(file) not in texts:
            shutil.copyfile(root / file, _written(out / place(file)))


def _written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def main() -> None:
    """Lay out this repository."""
    from docs.site import reference  # only now: it imports the whole product, which the tests need not

    (out,) = sys.argv[1:]
    try:
        made = reference.pages()
    except reference.UndocumentedError as error:
        sys.exit(str(error))
    lay_out(ROOT, Path(out), made, reference.FILES)


if __name__ == "__main__":
    main()
