"""The list of peripherals."""

import re
import time

from playwright.sync_api import expect

from beats.kernel.envelope import Location, Peripheral, Tag
from beats.proto.events import input_event
from tests.browser.host import sealed, update
from tests.browser.stage import Scene
from tests.browser.tab import TIMEOUT_MS, Tab

# The part of all columns of a drawing in which there is a line.
_INKED = """canvas => {
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    const columns = new Set();
    for (let at = 3; at < data.length; at += 4) if (data[at]) columns.add(((at - 3) / 4) % width);
    return columns.size / width;
}"""


def values(tab: Tab) -> list[list[str]]:
    """What is said, as pairs of key and value."""
    keys, texts = tab["#list dt"].all_text_contents(), tab["#list .value"].all_text_contents()
    return [list(pair) for pair in zip(keys, texts, strict=True)]


def test_each_has_what_is_known_of_it(scene: Scene) -> None:
    """Name, tags with variant and metadata, place, latest value, how often it speaks and when it did."""
    tab, _, connection = scene
    board = Peripheral(
        "board/ü 🎛",
        {"x": 1.25, "mode": "slow", "on": False, "deep": {"a": [1, 2]}},
        (Tag("sensor", "accelerometer", {"unit": "m/s^2"}), Tag("stage")),
        Location(0.5, -1, 2.25, "2024-05-01T12:00:00Z"),
    )
    hour_ago_ns = time.time_ns() - 3600 * 10**9
    connection.send(sealed(board, 1, hour_ago_ns))
    tab.shows("#list h3", "board/ü 🎛")
    expect(tab["#list .tag"]).to_have_text(["sensor/accelerometer", "stage"])
    tab.shows("#list .what > :last-child", "at 0.5, -1, 2.25 · 2024-05-01T12:00:00Z · unit m/s^2")
    expect(tab["#list .field"]).to_have_count(5, timeout=TIMEOUT_MS)
    expect(tab["#list .value"]).to_have_text(["1.25", "slow", "false", "1", "2"])
    assert [key for key, _ in values(tab)] == ["x", "mode", "on", "deep.a.0", "deep.a.1"]
    tab.shows("#list .often", re.compile(r"^0/s · 1 h ago$"))


def test_values_follow_what_is_said(scene: Scene) -> None:
    """The latest is shown, also when it has other fields than before, or none that can be read."""
    tab, _, connection = scene
    connection.send(update("p", {"x": 1}, 1))
    tab.shows("#list .value", "1")
    connection.send(update("p", {"x": 2}, 2))
    tab.shows("#list .value", "2")
    connection.send(update("p", {"x": "text", "y": 3}, 3))
    expect(tab["#list .value"]).to_have_text(["text", "3"], timeout=TIMEOUT_MS)
    connection.send(update("p", "x" * 100_000, 4))
    expect(tab["#list .value"]).to_have_text(["100002 bytes that cannot be shown"], timeout=TIMEOUT_MS)
    connection.send(update("p", None, 5))
    tab.shows("#list .value", "null")


def test_numbers_are_drawn(scene: Scene) -> None:
    """A line for each number that grows to the right, at most six; texts have none."""
    tab, _, connection = scene
    data = {"name": "text", **{f"n{number}": number for number in range(8)}}
    connection.send(update("p", data, 1))
    canvases = tab["#list canvas"]
    expect(canvases).to_have_count(6, timeout=TIMEOUT_MS)
    tab.wait_for(lambda: canvases.first.evaluate(_INKED) > 0.02)
    inked = canvases.first.evaluate(_INKED)
    connection.send(update("p", {**data, "n0": 100}, 2))
    tab.wait_for(lambda: canvases.first.evaluate(_INKED) > inked)


def test_an_input_event_is_shown_as_what_it_is(scene: Scene) -> None:
    """A protobuf payload, read by the page itself."""
    tab, _, connection = scene
    pad = Peripheral("pad", input_event("press", "2024-05-01T00:00:00Z", {"button": 1}))
    connection.send(sealed(pad, 1))
    expect(tab["#list .field"]).to_have_count(3, timeout=TIMEOUT_MS)
    assert values(tab) == [["event", "press"], ["timestamp", "2024-05-01T00:00:00Z"], ["data.button", "1"]]


def test_names_that_look_like_code_are_mere_text(scene: Scene) -> None:
    """Nothing that comes from the stream is taken for a part of the page."""
    tab, _, connection = scene
    evil = "<img src=x onerror=alert(1)>"
    message = Peripheral(evil, {evil: evil}, (Tag(evil, evil, {evil: evil}),), Location(0, 0, 0, evil))
    connection.send(sealed(message, 1))
    tab.shows("#list h3", evil)
    tab.shows("#list dt", evil)
    assert tab["#list img"].count() == 0


def test_it_is_searched_by_name_tag_and_metadata(scene: Scene) -> None:
    """All words must be found, in any case; the count says how many match."""
    tab, _, connection = scene
    for number, kind in enumerate(["rotary", "button", "rotary"], 1):
        tag = Tag("input", kind, {"maker": "Bourns" if number == 1 else "Alps"})
        connection.send(sealed(Peripheral(f"knob-{number}", number, (tag,)), 1))
    tab.shows("#peripherals-count", "3")
    for text, names in (("ROTARY", ["knob-1", "knob-3"]), ("rotary alps", ["knob-3"]), ("2", ["knob-2"])):
        tab["#search"].fill(text)
        expect(tab["#list h3"]).to_have_text(names, timeout=TIMEOUT_MS)
        tab.shows("#peripherals-count", f"{len(names)} of 3")
    tab["#search"].fill("")
    expect(tab["#list h3"]).to_have_text(["knob-1", "knob-2", "knob-3"])
    tab.wait_for(lambda: tab["#list .value"].all_inner_texts() == ["1", "2", "3"])


def test_names_are_in_the_order_of_their_numbers(scene: Scene) -> None:
    """Ten comes after nine, whichever came first."""
    tab, _, connection = scene
    for name in ("probe-10", "probe-9", "alpha", "probe-1"):
        connection.send(update(name, 1, 1))
    expect(tab["#list h3"]).to_have_text(["alpha", "probe-1", "probe-9", "probe-10"], timeout=TIMEOUT_MS)
    # One that has moved, or is called something else now, is where it was.
    connection.send(sealed(Peripheral("alpha", 2, (), Location(1, 2, 3)), 2))
    tab.shows("#list > li:first-child .what", "at 1, 2, 3")
    expect(tab["#list > li"]).to_have_count(4)


def test_endless_names_take_little_of_the_page(scene: Scene) -> None:
    """Names, tags and places of any length are cut; what comes after them is shown all the same."""
    tab, _, connection = scene
    endless = "long " * 20_000
    tags = tuple(Tag(f"{endless}{number}", endless, {endless: endless}) for number in range(100))
    connection.send(sealed(Peripheral(endless, 1, tags, Location(0, 0, 0, endless)), 1))
    connection.send(update("short", 2, 1))
    tab.shows("#list > li:last-child h3", "short")
    assert len(tab["#list"].inner_text()) < 5000
