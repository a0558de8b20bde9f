"""The site that `make docs` built, in the folder `site`."""

import re
import zlib
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, sync_playwright
from typer.main import get_command

from beats.cli import app
from beats.config.schema import GROUPS, TABLES
from beats.runtime.registry import InstalledAdapters
from docs.site.sources import ROOT
from tests.browser.chromium import PATH, launch

SITE: Final = ROOT / "site"
PAGES: Final = sorted(path for path in SITE.rglob("*.html"))
START: Final = SITE / "index.html"
OF_THIS_REPOSITORY: Final = {
    *("beats.cli", "beats.cli.output", "beats.kernel.queue.bounds", "beats.kernel.queue.overflow"),
    *("beats.kernel.queue.queue", "beats.proto.streaming_pb2"),
}
"""Modules for what is added to this repository only; and generated code, whose schema the site shows."""


@cache
def inventory() -> dict[str, set[str]]:
    """What has an address on the site: its names by kind, such as `std:setting`."""
    _, _, _, _, packed = (SITE / "objects.inv").read_bytes().split(b"\n", 4)
    found: dict[str, set[str]] = {}
    for line in zlib.decompress(packed).decode().splitlines():
        entry = re.fullmatch(r"(.+?) (\S+:\S+) \S+ \S+ .*", line)
        assert entry is not None, line
        found.setdefault(entry[2], set()).add(entry[1])
    return found


def test_every_setting_has_an_address() -> None:
    """Those of every sink and source, and of the tables that each profile has once."""
    adapters = InstalledAdapters()
    models = {**TABLES}
    for group in GROUPS:
        models |= {f"{group}.{name}": adapters.settings(group, name) for name in adapters.names(group)}
    known = {f"{name}.{key}" for name, model in models.items() for key in model.model_fields if key != "type"}
    assert known - inventory()["std:setting"] == set()


def every_option(command: Any, path: str = "beats") -> Iterator[str]:
    """The arguments and options of a command and of those below it, as the inventory has them."""
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        names = parameter.opts if is_option else [(parameter.metavar or parameter.name).strip("[]….")]
        yield from (f"{path}.{name}" for name in names)
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from every_option(command.get_command(None, name), f"{path}-{name}")


def test_every_option_has_an_address() -> None:
    """And every argument."""
    assert set(every_option(get_command(app))) - inventory()["std:cmdoption"] == set()


def test_what_programs_import_has_an_address() -> None:
    """Every name that a snippet in a document, or an example, imports for a program or an adapter."""
    paths = [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    lines = re.findall(r"^ *from (beats\.[\w.]+) import ([\w, ]+)$", text, re.MULTILINE)
    names = {
        f"{module}.{name.strip()}"
        for module, names in lines
        for name in names.split(",")
        if module not in OF_THIS_REPOSITORY
    }
    known = {name for kind, found in inventory().items() if kind.startswith("py:") for name in found}
    assert names - known == set()


def test_nothing_comes_from_elsewhere() -> None:
    """No page loads a script, style sheet, font or picture of another host."""
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]*"')
    styles = re.compile(r"(?:@import|url\()\s*['\"]?(?:https?:)?//")
    texts = {path: path.read_text(encoding="utf-8") for path in [*PAGES, *SITE.rglob("*.css")]}
    assert texts
    assert [
        (path, found[0])
        for path, text in texts.items()
        if (found := loads.search(text) or styles.search(text))
    ] == []


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """A browser, for the pages as files."""
    if not PATH.exists():
        pytest.skip(f"there is no {PATH}: on Debian, install the package chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def test_the_search_works_in_a_plain_folder(browser: Browser) -> None:
    """Without server and network; a setting is found by its key, and the result leads to it."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{(SITE / 'search.html').as_uri()}?q=max_clients")
    page.get_by_role("link", name="sinks.websocket.max_clients", exact=True).click()
    assert page.url.endswith("reference/settings.html#setting-sinks.websocket.max_clients")
    assert page.locator(":target").inner_text().startswith("max_clients")
    context.close()


def test_the_start_page_is_the_readme(browser: Browser) -> None:
    """Its first sentence and its picture, with the version beside them."""
    page = browser.new_page()
    page.goto(START.as_uri())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (first,) = re.findall(r"\A# Beats\n\n([^.]*)", readme)
    assert " ".join(first.split()) in page.locator("article").inner_text()
    assert page.locator("article img").first.evaluate("image => image.naturalWidth") > 0
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version in page.title()
    page.close()


def test_no_page_is_wider_than_a_phone(browser: Browser) -> None:
    """Long lines of code and wide tables scroll by themselves, and nothing else does."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    wide: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(path.as_uri())
        if found := page.evaluate(
            """[...document.querySelectorAll("html, body *")].filter(each =>
                 each.scrollWidth > each.clientWidth + 1 && !each.matches("pre, .table-wrapper")
                 && (each.matches("html") || getComputedStyle(each).overflowX === "auto")
               ).map(each => `${each.localName}.${each.className}`)"""
        ):
            wide[str(path.relative_to(SITE))] = found
    assert wide == {}
    page.close()
