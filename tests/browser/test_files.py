"""The files of the page, and how it loads them."""

import re
from collections.abc import Callable
from pathlib import Path

from beats.adapters.http.assets import FOLDER, INDEX, page
from tests.browser.host import Host
from tests.browser.stage import OnAir
from tests.browser.tab import NOTE_TIMES, Tab
from tests.support import tiny_png
from tests.support.lines import Line, Proxy
from tests.test_architecture import MAX_LINES

MODULES = sorted(FOLDER.glob("*.js"))
_IMPORT = re.compile(r'^(?:import|export) [^;]*?"\./([a-z]+\.js)";', re.MULTILINE)
_OTHER_HOSTS = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9.-]+\.[a-z]{2,}[/\"']")


def imported(name: str, above: tuple[str, ...] = ()) -> frozenset[str]:
    """A module and all modules that it needs; fails on a circle."""
    assert name not in above, " -> ".join([*above, name])
    others = _IMPORT.findall((FOLDER / name).read_text(encoding="utf-8"))
    return frozenset({name}).union(*(imported(other, (*above, name)) for other in others))


def code_of(path: Path) -> str:
    """A file without comments."""
    return re.sub(
        r"/\*.*?\*/|^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def test_every_module_is_used_and_exists() -> None:
    """By the page or its worker, without circles."""
    assert imported("main.js") | imported("worker.js") == {path.name for path in MODULES}


def test_modules_are_short_and_start_with_a_description() -> None:
    """As in Python."""
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= MAX_LINES, path.name
        assert re.match(r"// [A-Z]", lines[0]), path.name


def test_the_page_is_small() -> None:
    """All compressed files together are smaller than one picture of a small wall."""
    sent = [page().document, *(asset for name, asset in page().others.items() if not name.endswith(".map"))]
    assert sum(len(asset.zipped) for asset in sent) < 50_000


def test_no_file_names_another_host() -> None:
    """Except the namespace of SVG."""
    for path in FOLDER.iterdir():
        assert _OTHER_HOSTS.findall(code_of(path)) == [], path.name


def test_nothing_is_inline() -> None:
    """The document contains no script, style or handler: the policy forbids them."""
    document = (FOLDER / INDEX).read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", document) == []
    assert set(re.findall(r"<script[^>]*>([^<]*)</script>", document)) == {""}
    for path in MODULES:
        assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", code_of(path)) == []


def test_the_policy_blocks_everything_else(tab: Tab, host: Host) -> None:
    """Text as elements or scripts, other policies, requests to other hosts."""
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


def test_visits_make_few_requests(new_tab: Callable[..., Tab], host: Host) -> None:
    """The first at most ten, including the stream and two polls of the session.

    Everything but the document is cached then, also for another tab; then it polls the session.
    """
    tab = new_tab()
    tab.open(host.url)
    tab.is_live()
    tab.wait_for(lambda: host.asked.count("/api/session") == 2)
    assert len(host.asked) + len(["the stream"]) <= 10
    files = [path for path in host.asked if path != "/api/session"]
    named = {f"/page/{page().version}/{name}" for name in page().others if not name.endswith(".map")}
    assert (files[0], sorted(files[1:])) == ("/", sorted(named))
    host.asked.clear()
    again = Tab(tab.page.context.new_page())
    again.open(host.url)
    again.is_live()
    again.may_control()
    assert host.asked.count("/") == 1
    assert set(host.asked) == {"/", "/api/session"}
    again.page.reload()
    again.is_live()
    assert host.asked.count("/") == 2
    assert set(host.asked) == {"/", "/api/session"}


def test_it_is_live_after_few_round_trips(tab: Tab, on_air: OnAir) -> None:
    """Three on a very long line: for the document, its files and the stream; and one to connect."""
    stream = on_air()
    stream.publish_frame(tiny_png())
    trips, trip_s = 4, 2.0  # so long that the time of a busy machine does not count
    with Proxy(stream.sinks["browser"].address.port, Line(delay_s=trip_s / 2)) as proxy:
        tab.prepare(NOTE_TIMES)
        tab.open(f"http://127.0.0.1:{proxy.port}/")
        tab.until("at.live && at.drawn")
        # The rights of the viewer are not known yet, and no message is shown.
        assert tab["#controls-why"].is_hidden()
        for name in ("live", "drawn"):
            assert tab.page.evaluate(f"at.{name}") < trips * trip_s * 1000
        tab.leave()


def test_each_file_fits_into_one_round_trip() -> None:
    """A server sends ten packets before the first acknowledgement (RFC 6928)."""
    for name, asset in page().others.items():
        if not name.endswith(".map"):
            assert len(asset.zipped) < 10 * 1460 - 800, name
