"""What the documents name exists: files, modules, classes, commands, options, settings and variables."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final, NamedTuple

from typer.main import get_command

from beats.cli import app
from beats.config.schema import TABLES, Group, is_model, members
from beats.recordings import format as recording_format
from beats.runtime.live import NOTE
from beats.runtime.registry import InstalledAdapters
from tests.docs.documents import DOCUMENTS, EXAMPLES, ROOT, Document
from tests.test_architecture import ROOMS

PARTS: Final = ("kernel/beats", "proto/beats", "config/beats", "adapters/beats")
SOURCES: Final = ("*.py", "*.js", "*.toml", "*.conf", "*.proto")
ENTRY_POINT_GROUPS: Final = {"beats.sinks", "beats.sources"}
METADATA: Final = {value for value in vars(recording_format).values() if isinstance(value, str)} | {NOTE}

OF_OTHERS: Final = {
    *("worker_connections", "MaxRequestWorkers"),
    *(
        "dynaconf_hooks.py",
        "dynaconf_include",
        "dynaconf_merge",
        "get_history",
        "inspect_settings",
        "list_merge",
        "object_merge",
    ),
    "Settings.set(…, merge=True)",
}
"""Names of other programs and packages."""


@cache
def words() -> frozenset[str]:
    """Every word in the sources, the tests and the files that configure the project."""
    folders = [*(ROOT / part for part in PARTS), ROOT / "tests"]
    paths = [path for folder in folders for pattern in SOURCES for path in folder.rglob(pattern)]
    paths += [ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "examples/operation/beats.service"]
    texts = [path.read_text(encoding="utf-8") for path in paths if "node_modules" not in path.parts]
    texts += [text for document in DOCUMENTS.values() for text in document.files.values()]
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


@cache
def file_names() -> frozenset[str]:
    """The name of every file of the product and the tests."""
    folders = [*(ROOT / part for part in PARTS), ROOT / "tests", ROOT / "docs"]
    return frozenset(path.name for folder in folders for path in folder.rglob("*"))


class _Class(NamedTuple):
    """Of the classes of one name: what is in their bodies, and what they inherit from."""

    names: set[str]
    bases: set[str]


@cache
def classes() -> Mapping[str, _Class]:
    """The classes of the product by name."""
    found: dict[str, _Class] = {}
    for path in (path for part in PARTS for path in (ROOT / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                known = found.setdefault(node.name, _Class(set(), set()))
                known.names.update(_names(node))
                known.bases.update(base.id for base in node.bases if isinstance(base, ast.Name))
    return found


def _names(body: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def has_member(name: str, member: str) -> bool:
    """Whether a class of ours has such a member; True for a class of another project that we use."""
    if name not in classes():
        return name in words()
    return member in classes()[name].names or any(
        base in classes() and has_member(base, member) for base in classes()[name].bases
    )


def matches(pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The spans in backticks that a pattern matches as a whole, each with the name of its document."""
    for document in DOCUMENTS.values():
        for span in document.spans:
            if (match := re.fullmatch(pattern, span)) is not None:
                yield document.name, match


def test_links_lead_somewhere() -> None:
    """To a file, and to a heading in it."""
    wrong: list[str] = []
    documents = {**DOCUMENTS, **EXAMPLES}
    for document in documents.values():
        for link in document.links:
            target, _, anchor = link.partition("#")
            path = (document.path.parent / target).resolve() if target else document.path
            if "://" in link or (path.exists() and not anchor):
                continue
            known = documents.get(path.relative_to(ROOT).as_posix())
            if known is None or anchor not in known.anchors:
                wrong.append(f"{document.name}: {link}")
    assert wrong == []


def test_paths_exist() -> None:
    """A path in backticks that begins with a folder of this repository, and the name of a module."""
    folder = r"(docs|tests|kernel|adapters|proto|config/beats|\.ci)/[\w./-]*"
    to_write = {file for document in DOCUMENTS.values() for file in document.files}
    paths = [(name, path[0]) for name, path in matches(folder) if path[0] not in to_write]
    assert [(name, path) for name, path in paths if not (ROOT / path).exists()] == []
    known = file_names() | {Path(file).name for file in to_write}
    assert [
        (name, file[0]) for name, file in matches(r"\w+\.(py|js)") if file[0] not in known | OF_OTHERS
    ] == []


def test_the_picture_of_the_rooms_is_whole() -> None:
    """Each room that the rules of the architecture know is in the picture."""
    picture = DOCUMENTS["docs/architecture.md"].blocks[0].text
    assert [room for row in ROOMS for room in row if not re.search(rf"\b{room}\b", picture)] == []


def test_pages_are_in_the_navigation_of_the_site() -> None:
    """`make docs` refuses one that is not; this says so without Sphinx."""
    groups = tomllib.loads((ROOT / "docs/site/navigation.toml").read_text(encoding="utf-8"))
    listed = {page for pages in groups.values() for page in pages}
    pages = {name for name in DOCUMENTS if not re.match(r"docs/decisions/\d", name)}
    assert pages - listed == {"README.md"}  # the start page


def test_decisions_are_listed() -> None:
    """Each page of `docs/decisions` has its number in the table of its folder."""
    index = DOCUMENTS["docs/decisions/README.md"]
    pages = {path.name[:3] for path in index.path.parent.glob("[0-9]*.md")}
    assert pages <= set(re.findall(r"^\| \[?(\d{3})\b", index.text, re.MULTILINE))


def test_dotted_names_can_be_imported() -> None:
    """`beats.…` is a module or something in one, a group of entry points, or metadata of recordings."""
    wrong: list[str] = []
    for document, match in matches(r"beats(\.\w+)+"):
        if match[0] not in ENTRY_POINT_GROUPS | METADATA:
            try:
                resolve_name(match[0])
            except (ImportError, AttributeError) as error:
                wrong.append(f"{document}: {error}")
    assert wrong == []


def test_members_of_classes_exist() -> None:
    """`Class.member` is in a class of this name."""
    found = matches(r"([A-Z][a-z]\w*)\.(\w+)(\(.*\))?")
    assert [
        (name, match[0])
        for name, match in found
        if not (match[0] in OF_OTHERS or has_member(match[1], match[2]))
    ] == []


def test_names_of_code_are_in_the_code() -> None:
    """`snake_case` and `CamelCase` words in backticks: functions, parameters, settings, classes."""
    known = words() | OF_OTHERS | {f"beats_{word}" for word in words()}  # metrics get this prefix
    found = matches(r"[a-z]+(_[a-z0-9]+)+|([A-Z][a-z]+){2,}")
    assert [(name, match[0]) for name, match in found if match[0] not in known] == []


def commands(document: Document) -> Iterator[list[str]]:
    """Each `beats …` that the document shows, as words."""
    for span in document.spans:
        if span.startswith("beats "):
            yield shlex.split(span)
    for block in document.blocks:
        if block.language in ("sh", "ini"):
            for text in re.findall(r"(?:^|[|=/ ])(beats [^|#\n]*)", block.text, re.MULTILINE):
                yield shlex.split(text)


def options(command: Any) -> Mapping[str, bool]:
    """The options of a command, and whether each is a flag."""
    named = {
        name: bool(getattr(parameter, "is_flag", False))
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    return {**named, "--help": True}


def test_commands_take_what_is_shown() -> None:
    """Each command and each option of it exists."""
    for words_ in (each for document in DOCUMENTS.values() for each in commands(document)):
        command: Any = get_command(app)
        rest = iter(words_[1:])
        for word in rest:
            if word.startswith("-") and word != "-":
                known = options(command)
                assert word in known, words_
                if not known[word]:
                    next(rest, None)  # its value
            elif hasattr(command, "list_commands"):
                assert word in command.list_commands(None), words_
                command = command.get_command(None, word)


def every_option(command: Any) -> Iterator[str]:
    """The options of a command and of those below it."""
    yield from options(command)
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from every_option(command.get_command(None, name))


def test_options_exist() -> None:
    """An option that is named alone belongs to some command."""
    known = set(every_option(get_command(app)))
    assert [(name, each[0]) for name, each in matches(r"(--[a-z0-9-]+).*") if each[1] not in known] == []


def settings_of(group: Group) -> Iterator[Any]:
    """The settings of all adapters of a group."""
    adapters = InstalledAdapters()
    return (adapters.settings(group, name) for name in adapters.names(group))


def has(model: Any, keys: list[str]) -> bool:
    """Whether a model has a setting at this place."""
    if not keys:
        return True
    field = model.model_fields.get(keys[0])
    if field is None:
        return False
    inner = [member for member in members(field.annotation) if is_model(member)]
    return len(keys) == 1 or any(has(each, keys[1:]) for each in inner)


def is_setting(path: list[str]) -> bool:
    """Whether a path such as `sinks.browser.port` is a setting of some adapter."""
    if path[0] in TABLES:
        return has(TABLES[path[0]], path[1:])
    if path[0] not in ("sinks", "sources"):
        return False
    group: Group = "sinks" if path[0] == "sinks" else "sources"
    return any(has(model, path[2:]) for model in settings_of(group))


def test_settings_exist() -> None:
    """`kernel.…`, `pixels.…`, `sinks.NAME.…` and `sources.NAME.…`."""
    found = matches(r"(kernel|pixels|sinks|sources)(\.(?!py\b)\w+)+")
    assert [(name, path[0]) for name, path in found if not is_setting(path[0].split("."))] == []


def test_variables_exist() -> None:
    """`BEATS_…` is a variable that the code knows, one of a shipped profile, or names a setting."""
    text = "".join(document.text for document in DOCUMENTS.values())
    names = set(re.findall(r"\bBEATS_[A-Z0-9_]*[A-Z0-9]\b", text))
    settings = {name for name in names if is_setting(name.removeprefix("BEATS_").lower().split("__"))}
    assert names - settings - words() == set()
