"""What the page says of the stream: what came, what was missed, what could not be read."""

import re
from collections import Counter

import pytest
from playwright.sync_api import expect

from beats.app import Stream
from beats.kernel.stats import QueueStats
from tests.browser.host import Host, frame, update
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import TIMEOUT_MS, Tab
from tests.line import Line
from tests.proxy import Proxy
from tests.support import tiny_png


def missed_by_topic(tab: Tab) -> dict[str, int]:
    """What the page says in the sheet below its drops."""
    rows: list[list[str]] = tab["#drops-rows tr"].evaluate_all(
        "rows => rows.map(row => [row.cells[0].textContent, row.cells[1].querySelector('data').value])"
    )
    return {topic: int(missed) for topic, missed in rows}


def test_gaps_are_shown_by_topic(scene: Scene) -> None:
    """The sum in the bar, each topic in the sheet, the worst first."""
    tab, _, connection = scene
    for sequence in (10, 11, 15):
        connection.send(frame(tiny_png(sequence), sequence))
    for sequence in (3, 4, 104):
        connection.send(update("knob", {"turn": 1}, sequence))
    tab.until_figure("drops", 102)
    tab["#about summary"].click()
    expect(tab["#drops-rows tr"]).to_have_count(2, timeout=TIMEOUT_MS)
    assert list(missed_by_topic(tab).items()) == [("peripheral/knob", 99), ("frame", 3)]


def test_a_producer_that_begins_anew_is_no_loss(scene: Scene) -> None:
    """A lower number is where counting begins again."""
    tab, _, connection = scene
    for sequence in (500, 501, 1, 2, 4):
        connection.send(frame(tiny_png(), sequence))
    tab.until_drawn(4)
    tab.until_figure("drops", 1)


def test_what_is_missed_on_a_slow_line_is_what_the_server_dropped(on_air: OnAir, tab: Tab) -> None:
    """The line carries a part of the stream for a while; in the end both have the same counts, by topic."""
    line = Line()
    stream = on_air(client_queue={"size": 16}, send_buffer_bytes=16384)
    with Proxy(stream.sinks["browser"].address.port, line) as proxy:
        tab.open(f"http://127.0.0.1:{proxy.port}/")
        tab.is_live()
        stream.publish_peripheral("knob", {"turn": 0})
        tab.until_drawn(stream.publish_frame(tiny_png()))
        tab.until_figure("received", 2)
        line.bytes_per_s = 2e6
        while _viewer(stream).dropped.items < 40:
            stream.publish_frame(tiny_png() + bytes(100_000))
            stream.publish_peripheral("knob", {"turn": 1})
        line.bytes_per_s = 1e9
        # Once all that waited is through, the last of each topic comes for certain.
        tab.wait_for(lambda: not _viewer(stream).waiting.items)
        last = stream.publish_frame(tiny_png(1))
        stream.publish_peripheral("knob", {"turn": 2})
        tab.until_drawn(last)
        tab.until_figure("received", _viewer(stream).taken.items)
        tab["#about summary"].click()
        tab["#drops-rows tr"].first.wait_for()
        topics = {"frame": "frame", "peripheral": "peripheral/knob"}
        missed: Counter[str] = Counter()
        # A machine that is busy elsewhere may have lost some before the viewer's queue, too.
        for drop in (*_viewer(stream).drops, *stream.stats().sinks[0].queue.drops):
            missed[topics[drop.kind]] += drop.items
        assert missed_by_topic(tab) == missed
        tab.until_figure("drops", missed.total())
        tab.page.close()


def _viewer(stream: Stream) -> QueueStats:
    """The counters of the only viewer."""
    (client,) = stream.stats().sinks[0].clients
    return client.queue


def test_garbage_is_counted_and_harms_nothing(scene: Scene) -> None:
    """Bytes that are no envelope, text, an envelope of nothing; what follows is shown."""
    tab, _, connection = scene
    garbage: list[bytes | str] = [b"", b"\xff" * 100, "text", b"\x0a\x05\x0a", frame(tiny_png(), 1)[:20]]
    for message in garbage:
        connection.send(message)
    connection.send(frame(tiny_png(), 1))
    tab.until_drawn(1)
    tab.until_figure("unreadable", len(garbage))
    tab.until_figure("received", len(garbage) + 1)


def test_a_page_that_cannot_keep_up_draws_the_newest(scene: Scene) -> None:
    """A burst of pictures: the last is drawn, and those that were not count as skipped, not as drops."""
    tab, _, connection = scene
    count = 300
    for sequence in range(1, count + 1):
        connection.send(frame(tiny_png(sequence), sequence))
    tab.until_drawn(count)
    tab.until_figure("received", count)
    assert 0 < tab.figure("skipped") < count
    assert tab.figure("drops") == 0


def test_what_the_page_is_asked_for_it_asks_for(on_air: OnAir, tab: Tab) -> None:
    """A choice in its own address is passed on to the stream."""
    stream = on_air()
    tab.open(stream, "?topics=peripheral/a*&snapshot=0")
    tab.is_live()
    stream.publish_frame(tiny_png())
    stream.publish_peripheral("b", 1)
    stream.publish_peripheral("a1", 1)
    tab.shows("#list h3", "a1")
    tab.until_figure("received", 1)


def test_pictures_that_were_not_asked_for_are_no_drops(on_air: OnAir, tab: Tab) -> None:
    """A page that wants ten a second does not miss the others; what it misses of the rest counts as ever."""
    stream = on_air({"sources": {"demo": {"enabled": True, "fps": 60}}})
    tab.open(stream, "?max_fps=5")
    tab.is_live()
    tab.until("+received.value > 40")
    tab["#about summary"].click()
    why = r"because this page asked for fewer \(max_fps\)\.$"
    tab.shows("#left-out", re.compile(rf"^\d+ pictures were left out {why}"))
    assert tab.figure("drops") == 0
    assert "some" not in (tab["#drops"].get_attribute("class") or "")
    tab.page.close()


def test_gaps_of_sensors_count_beside_pictures_that_were_not_asked_for(tab: Tab, host: Host) -> None:
    """They are losses."""
    tab.open(host.url, "?max_fps=5")
    connection = host.connection()
    for sequence in (1, 9):
        connection.send(frame(tiny_png(), sequence))
        connection.send(update("knob", 1, sequence))
    tab.until_figure("drops", 7)
    tab["#about summary"].click()
    tab.shows("#left-out", re.compile("^7 pictures"))
    tab.shows("#drops-rows td:first-child", "peripheral/knob")


@pytest.mark.parametrize("count", [150, 10_000])
def test_a_crowd_of_peripherals_is_listed_as_far_as_there_is_room(scene: Scene, count: int) -> None:
    """The first hundred by name; it says how many more there are, and a search finds any of them."""
    tab, _, connection = scene
    for number in range(count):
        connection.send(update(f"probe-{number}", {"n": number}, 1))
    tab.shows("#peripherals-count", f"{count:,}")
    tab.shows("#list-more", f"and {count - 100:,} more: search to find them")
    expect(tab["#list > li"]).to_have_count(100)
    expect(tab["#list h3"].nth(11)).to_have_text("probe-11")
    tab["#search"].fill(f"probe-{count - 1}")
    tab.shows("#list h3", f"probe-{count - 1}")
    tab.shows("#list .value", str(count - 1))
    tab["#search"].fill("nobody")
    tab.shows("#list-none", "No peripheral matches the search.")
