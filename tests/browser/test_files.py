"""The files of the page: plain, small, complete, and of nobody else."""

import re
from pathlib import Path

from beats.adapters.http.assets import FOLDER, INDEX, page
from tests.browser.host import Host
from tests.browser.tab import Tab
from tests.test_architecture import MAX_LINES

MODULES = sorted(FOLDER.glob("*.js"))
_IMPORT = re.compile(r'^(?:import|export) [^;]*?"\./([a-z]+\.js)";', re.MULTILINE)
_OTHER_HOSTS = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9.-]+\.[a-z]{2,}[/\"']")


def imported(name: str, above: tuple[str, ...] = ()) -> frozenset[str]:
    """All modules that a module needs, itself among them; none may need itself."""
    assert name not in above, " -> ".join([*above, name])
    others = _IMPORT.findall((FOLDER / name).read_text(encoding="utf-8"))
    return frozenset({name}).union(*(imported(other, (*above, name)) for other in others))


def code_of(path: Path) -> str:
    """A file without its comments."""
    return re.sub(
        r"/\*.*?\*/|^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def test_every_module_is_needed_and_none_is_missing() -> None:
    """By the page or by its worker, and none by itself, in however many steps."""
    assert imported("main.js") | imported("worker.js") == {path.name for path in MODULES}


def test_modules_are_short_and_say_what_they_are_for() -> None:
    """As those in Python."""
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= MAX_LINES, path.name
        assert re.match(r"// [A-Z]", lines[0]), path.name


def test_the_page_is_small() -> None:
    """Everything together, as it is sent, is less than one picture of a small wall."""
    sent = [page().document, *(asset for name, asset in page().others.items() if not name.endswith(".map"))]
    assert sum(len(asset.zipped) for asset in sent) < 50_000


def test_nothing_comes_from_elsewhere() -> None:
    """No file names another host, but for the name of SVG, which is none."""
    for path in FOLDER.iterdir():
        assert _OTHER_HOSTS.findall(code_of(path)) == [], path.name


def test_nothing_is_inline() -> None:
    """No script, no style and no handler stands in the document itself; the policy would not have it."""
    document = (FOLDER / INDEX).read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", document) == []
    assert set(re.findall(r"<script[^>]*>([^<]*)</script>", document)) == {""}
    for path in MODULES:
        assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", code_of(path)) == []


def test_the_browser_lets_nothing_else_in(tab: Tab, host: Host) -> None:
    """Neither text as elements or scripts, nor another policy, nor a request to another host."""
    tab.open(host.url)
    tab.is_live()
    tab.expect_complaints("Content Security Policy", "Trusted(HTML|Script|ScriptURL|TypePolicy)")
    refused = "attempt => { try { return String(attempt()) } catch (error) { return error.name } }"
    for attempt in (
        "() => { document.body.innerHTML = '<p>' }",
        "() => { document.createElement('script').text = 'alert(1)' }",
        "() => new Worker('/page/x/page.js')",
        "() => document.body.setAttribute('onclick', 'alert(1)')",
        "() => trustedTypes.createPolicy('other', {})",
    ):
        assert tab.page.evaluate(f"({refused})({attempt})") == "TypeError", attempt
    fetched = "fetch('http://127.0.0.1:1/').then(() => 'fetched').catch(error => error.name)"
    assert tab.page.evaluate(fetched) == "TypeError"
