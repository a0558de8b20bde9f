"""How soon the page is there, and what it asks for until then."""

import re
from collections.abc import Callable

import pytest

from beats.adapters.http.assets import page
from tests.browser.host import Host
from tests.browser.stage import OnAir
from tests.browser.tab import Tab
from tests.line import Line
from tests.proxy import Proxy
from tests.support import tiny_png

# When the page is live, and when the first picture is drawn, in milliseconds since it was asked for.
_WATCH = """addEventListener("DOMContentLoaded", () => {
    window.at = {};
    const note = name => { at[name] ??= performance.now(); };
    new MutationObserver(() => {
        if (document.getElementById("status-text").textContent === "Live") note("live");
        if (document.getElementById("canvas").dataset.sequence) note("drawn");
    }).observe(document.documentElement, { subtree: true, childList: true, attributes: true });
})"""


def test_a_first_visit_asks_for_little(tab: Tab, host: Host) -> None:
    """Ten requests at most, with the stream itself, until it has asked twice what time it is."""
    tab.open(host.url)
    tab.is_live()
    tab.wait_for(lambda: host.asked.count("/api/session") == 2)
    assert len(host.asked) + len(["the stream"]) <= 10
    files = [path for path in host.asked if path != "/api/session"]
    named = {f"/page/{page().version}/{name}" for name in page().others if not name.endswith(".map")}
    assert (files[0], sorted(files[1:])) == ("/", sorted(named))


def test_a_second_visit_asks_for_the_document_alone(new_tab: Callable[..., Tab], host: Host) -> None:
    """Everything else has been kept, in another tab as well; then it asks what a viewer may do."""
    tab = new_tab()
    tab.open(host.url)
    tab.is_live()
    tab.wait_for(lambda: host.asked.count("/api/session") == 2)
    host.asked.clear()
    again = Tab(tab.page.context.new_page())
    again.open(host.url)
    again.is_live()
    again.may_steer()
    tab.page.close()
    assert host.asked.count("/") == 1
    assert set(host.asked) == {"/", "/api/session"}
    again.page.reload()
    again.is_live()
    assert host.asked.count("/") == 2
    assert set(host.asked) == {"/", "/api/session"}


@pytest.mark.parametrize("trips", [4])
def test_it_is_live_after_few_round_trips(tab: Tab, on_air: OnAir, trips: int) -> None:
    """The document, its files, the connection: three, on a line so long that nothing else counts.

    With one of 100 ms, and a connection to be made for each, that is less than a second.
    """
    stream = on_air()
    stream.publish_frame(tiny_png())
    trip_s = 1.0
    with Proxy(stream.sinks["browser"].address.port, Line(delay_s=trip_s / 2)) as proxy:
        tab.page.add_init_script(_WATCH)
        tab.open(f"http://127.0.0.1:{proxy.port}/")
        tab.until("at.live && at.drawn")
        # What a viewer may do is not known yet, and nothing is said of it.
        assert tab["#controls-why"].is_hidden()
        for name in ("live", "drawn"):
            assert tab.page.evaluate(f"at.{name}") < trips * trip_s * 1000
        tab.page.close()


def test_a_locked_stream_is_not_asked_for_without_a_token(tab: Tab, on_air: OnAir) -> None:
    """The document says that it is locked: the token is asked for at once, and nobody is refused."""
    stream = on_air(token="secret")
    tab.open(stream)
    tab.shows("#status-text", "Token needed")
    totals = stream.stats().sinks[0].client_totals
    assert totals is not None
    assert (totals.accepted, totals.refused) == (0, 0)
    tab["#gate-token"].fill("secret")
    tab["#gate [type=submit]"].click()
    tab.is_live()


def test_each_file_can_be_sent_at_once() -> None:
    """Ten packets are sent before the first answer (RFC 6928); what is longer takes a round trip more."""
    for name, asset in page().others.items():
        if not name.endswith(".map"):
            assert len(asset.zipped) < 10 * 1460 - 800, name


def test_the_page_runs_from_its_versioned_files(tab: Tab, host: Host) -> None:
    """The worker, too: it is one of the scripts that the document has already."""
    tab.open(host.url)
    tab.is_live()
    (worker,) = tab.page.workers
    assert re.search(rf"/page/{page().version}/stream\.js$", worker.url)
