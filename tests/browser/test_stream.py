"""What the page shows about the stream: received, missed and unreadable messages."""

import re
from collections import Counter

from playwright.sync_api import expect

from beats.app import Stream
from beats.kernel.stats import QueueStats
from tests.browser.host import Host, frame, update
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import Tab
from tests.support import tiny_png
from tests.support.lines import Line, Proxy


def missed_by_topic(tab: Tab) -> dict[str, int]:
    """The drops in the sheet."""
    rows: list[list[str]] = tab["#drops-rows tr"].evaluate_all(
        "rows => rows.map(row => [row.cells[0].textContent, row.cells[1].querySelector('data').value])"
    )
    return {topic: int(missed) for topic, missed in rows}


def test_drops_are_shown_by_topic(scene: Scene) -> None:
    """The total in the bar, topics in the sheet in descending order."""
    tab, _, connection = scene
    for sequence in (10, 11, 15):
        connection.send(frame(tiny_png(sequence), sequence))
    for sequence in (3, 4, 104):
        connection.send(update("knob", {"turn": 1}, sequence))
    tab.until_number("drops", 102)
    tab["#about summary"].click()
    expect(tab["#drops-rows tr"]).to_have_count(2)
    assert list(missed_by_topic(tab).items()) == [("peripheral/knob", 99), ("frame", 3)]


def test_drops_on_a_slow_line_are_those_that_the_server_counts(on_air: OnAir, tab: Tab) -> None:
    """By topic, after a line was too slow for a while."""
    line = Line()
    stream = on_air(client_queue={"size": 16}, send_buffer_bytes=16384)
    with Proxy(stream.sinks["browser"].address.port, line) as proxy:
        tab.open(f"http://127.0.0.1:{proxy.port}/")
        tab.is_live()
        stream.publish_peripheral("knob", {"turn": 0})
        tab.until_drawn(stream.publish_frame(tiny_png()))
        tab.until_number("received", 2)
        line.bytes_per_s = 2e6
        while _viewer(stream).dropped.items < 40:
            stream.publish_frame(tiny_png() + bytes(100_000))
            stream.publish_peripheral("knob", {"turn": 1})
        line.bytes_per_s = 1e9
        # Once nothing waits, the last envelope of each topic is certain to arrive.
        tab.wait_for(lambda: not _viewer(stream).waiting.items)
        last = stream.publish_frame(tiny_png(1))
        stream.publish_peripheral("knob", {"turn": 2})
        tab.until_drawn(last)
        tab.wait_for(lambda: tab.number("received") == _viewer(stream).taken.items)
        tab["#about summary"].click()
        topics = {"frame": "frame", "peripheral": "peripheral/knob"}
        dropped: Counter[str] = Counter()
        # On a busy machine the queue of the sink may have dropped some, too.
        for drop in (*_viewer(stream).drops, *stream.stats().sinks[0].queue.drops):
            dropped[topics[drop.kind]] += drop.items
        tab.wait_for(lambda: missed_by_topic(tab) == dropped)
        tab.until_number("drops", dropped.total())
        tab.leave()


def _viewer(stream: Stream) -> QueueStats:
    """The counters of the single viewer."""
    (client,) = stream.stats().sinks[0].clients
    return client.queue


def test_unreadable_messages_are_counted(scene: Scene) -> None:
    """Garbage, text, truncated envelopes; later messages are shown."""
    tab, _, connection = scene
    garbage: list[bytes | str] = [b"", b"\xff" * 100, "text", b"\x0a\x05\x0a", frame(tiny_png(), 1)[:20]]
    for message in garbage:
        connection.send(message)
    scene.show(tiny_png())
    tab.until_number("unreadable", len(garbage))
    tab.until_number("received", len(garbage) + 1)


def test_a_page_that_cannot_keep_up_draws_the_newest(scene: Scene) -> None:
    """Of a burst, the last picture is drawn; the others count as skipped, not as drops."""
    tab, _, connection = scene
    count = 300
    for sequence in range(1, count + 1):
        connection.send(frame(tiny_png(sequence), sequence))
    tab.until_drawn(count)
    tab.until_number("received", count)
    assert 0 < tab.number("skipped") < count
    assert tab.number("drops") == 0


def test_the_page_passes_its_query_to_the_stream(on_air: OnAir, tab: Tab) -> None:
    """The options of the stream in the page's address."""
    stream = on_air()
    tab.open(stream, "?topics=peripheral/a*&snapshot=0")
    tab.is_live()
    stream.publish_frame(tiny_png())
    stream.publish_peripheral("b", 1)
    stream.publish_peripheral("a1", 1)
    tab.shows("#list h3", "a1")
    tab.until_number("received", 1)


def test_gaps_of_sensors_are_drops_even_with_max_fps(tab: Tab, host: Host) -> None:
    """Only pictures are left out on request."""
    tab.open(host.url, "?max_fps=5")
    connection = host.connection()
    for sequence in (1, 9):
        connection.send(frame(tiny_png(), sequence))
        connection.send(update("knob", 1, sequence))
    tab.until_number("drops", 7)
    tab["#about summary"].click()
    tab.shows("#left-out", re.compile("^7 pictures"))
    tab.shows("#drops-rows td:first-child", "peripheral/knob")


def test_the_list_shows_the_first_hundred_of_many_peripherals(scene: Scene) -> None:
    """Sorted by name, with the number of the others; a search finds any of them."""
    tab, _, connection = scene
    count = 1500
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
