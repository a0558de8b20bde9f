"""The list of peripherals."""

import re
import time

from playwright.sync_api import expect
from websockets.sync.server import ServerConnection

from beats.kernel.envelope import Location, Peripheral, Tag
from tests.browser.host import Host, sealed, update
from tests.browser.stage import Scene
from tests.browser.tab import Tab

# The share of the columns of a drawing that contain a line.
_INKED = """canvas => {
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    const columns = new Set();
    for (let at = 3; at < data.length; at += 4) if (data[at]) columns.add(((at - 3) / 4) % width);
    return columns.size / width;
}"""


def test_a_card_shows_everything_about_a_peripheral(scene: Scene) -> None:
    """Name, tags with variant and metadata, location, latest values, rate, age."""
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
    expect(tab["#list .field"]).to_have_count(5)
    expect(tab["#list .value"]).to_have_text(["1.25", "slow", "false", "1", "2"])
    expect(tab["#list dt"]).to_have_text(["x", "mode", "on", "deep.a.0", "deep.a.1"])
    tab.shows("#list .often", re.compile(r"^0/s · 1 h ago$"))


def test_values_are_those_of_the_latest_update(scene: Scene) -> None:
    """Even if its fields differ from those before, or are unreadable."""
    tab, _, connection = scene
    connection.send(update("p", {"x": 1}, 1))
    tab.shows("#list .value", "1")
    connection.send(update("p", {"x": 2}, 2))
    tab.shows("#list .value", "2")
    connection.send(update("p", {"x": "text", "y": 3}, 3))
    expect(tab["#list .value"]).to_have_text(["text", "3"])
    connection.send(update("p", "x" * 100_000, 4))
    expect(tab["#list .value"]).to_have_text(["100002 bytes that cannot be shown"])
    connection.send(update("p", None, 5))
    tab.shows("#list .value", "null")


def test_numbers_have_sparklines(scene: Scene) -> None:
    """At most six; texts have none."""
    tab, _, connection = scene
    data = {"name": "text", **{f"n{number}": number for number in range(8)}}
    connection.send(update("p", data, 1))
    canvases = tab["#list canvas"]
    expect(canvases).to_have_count(6)
    tab.wait_for(lambda: canvases.first.evaluate(_INKED) > 0.02)
    inked = canvases.first.evaluate(_INKED)
    connection.send(update("p", {**data, "n0": 100}, 2))
    tab.wait_for(lambda: canvases.first.evaluate(_INKED) > inked)


def test_names_that_look_like_code_are_shown_as_text(scene: Scene) -> None:
    """Nothing from the stream becomes an element of the page."""
    tab, _, connection = scene
    evil = "<img src=x onerror=alert(1)>"
    message = Peripheral(evil, {evil: evil}, (Tag(evil, evil, {evil: evil}),), Location(0, 0, 0, evil))
    connection.send(sealed(message, 1))
    tab.shows("#list h3", evil)
    tab.shows("#list dt", evil)
    assert tab["#list img"].count() == 0


def test_the_list_is_searched_by_name_tag_and_metadata(scene: Scene) -> None:
    """All words must match, in any letter case; the count shows how many peripherals do."""
    tab, _, connection = scene
    for number, kind in enumerate(["rotary", "button", "rotary"], 1):
        tag = Tag("input", kind, {"maker": "Bourns" if number == 1 else "Alps"})
        connection.send(sealed(Peripheral(f"knob-{number}", number, (tag,)), 1))
    tab.shows("#peripherals-count", "3")
    for text, names in (("ROTARY", ["knob-1", "knob-3"]), ("rotary alps", ["knob-3"]), ("2", ["knob-2"])):
        tab["#search"].fill(text)
        expect(tab["#list h3"]).to_have_text(names)
        tab.shows("#peripherals-count", f"{len(names)} of 3")
    tab["#search"].fill("")
    expect(tab["#list h3"]).to_have_text(["knob-1", "knob-2", "knob-3"])
    tab.wait_for(lambda: tab["#list .value"].all_inner_texts() == ["1", "2", "3"])


def test_names_are_sorted_by_their_numbers(scene: Scene) -> None:
    """10 after 9, regardless of the order of arrival."""
    tab, _, connection = scene
    for name in ("probe-10", "probe-9", "alpha", "probe-1"):
        connection.send(update(name, 1, 1))
    expect(tab["#list h3"]).to_have_text(["alpha", "probe-1", "probe-9", "probe-10"])
    # A peripheral whose location changes keeps its place.
    connection.send(sealed(Peripheral("alpha", 2, (), Location(1, 2, 3)), 2))
    tab.shows("#list > li:first-child .what", "at 1, 2, 3")
    expect(tab["#list > li"]).to_have_count(4)


def test_long_names_are_cut(scene: Scene) -> None:
    """Names, tags and locations of any length take bounded space."""
    tab, _, connection = scene
    endless = "long " * 4000
    tags = tuple(Tag(f"{endless}{number}", endless, {endless: endless}) for number in range(20))
    connection.send(sealed(Peripheral(endless, 1, tags, Location(0, 0, 0, endless)), 1))
    connection.send(update("short", 2, 1))
    tab.shows("#list > li:last-child h3", "short")
    assert len(tab["#list"].inner_text()) < 5000


def without_id(data: object, sequence: int, *tags: Tag) -> bytes:
    """An encoded update of a peripheral without an id."""
    return sealed(Peripheral("", data, tags), sequence)


def test_peripherals_without_an_id_are_distinguished_by_tags(scene: Scene) -> None:
    """Each has its own row, values and gaps; the search finds their labels."""
    tab, _, connection = scene
    for sequence in (1, 2, 5):
        connection.send(without_id({"turn": sequence}, sequence, Tag("input", "rotary"), Tag("stage")))
        connection.send(without_id({"press": sequence}, 1, Tag("input", "button")))
    connection.send(without_id({"x": 7}, 1))
    names = ["no id", "(input:button)", "(input:rotary, stage)"]
    expect(tab["#list h3"]).to_have_text(names)
    expect(tab["#list .value"]).to_have_text(["7", "5", "5"])
    tab.until_number("drops", 2)
    tab["#about summary"].click()
    tab.shows("#drops-rows tr td:first-child", "peripheral/(input:rotary, stage)")
    tab.page.keyboard.press("Escape")
    tab.until_number("unreadable", 0)
    for text, name in (("rotary", names[2]), ("no id", names[0])):
        tab["#search"].fill(text)
        tab.shows("#list h3", name)


def send_sensors(connection: ServerConnection, count: int) -> None:
    """Send one update with three numbers from each of so many sensors."""
    for number in range(count):
        data = {"x": number + 0.5, "ticks": 1796017488, "all": 2**64 - 1}
        connection.send(sealed(Peripheral(f"probe-{number}", data, (Tag("sensor"),)), 1))


def test_many_peripherals_are_shown_as_lines(scene: Scene) -> None:
    """With name, values and rate. A click opens a card; so does a search that leaves a few."""
    tab, _, connection = scene
    send_sensors(connection, 60)
    rows = tab["#list > li"]
    expect(rows).to_have_count(60)
    expect(tab["#dense"]).to_have_attribute("aria-pressed", "true")
    first = rows.first.bounding_box()
    assert first is not None
    assert first["height"] < 32
    expect(rows.first.locator(".glance > span").first).to_have_text("x 0.5")
    assert rows.first.locator(".what").is_hidden()
    rows.first.locator("button").click()
    expect(rows.first.locator("button")).to_have_attribute("aria-expanded", "true")
    expect(rows.first.locator(".tag")).to_be_visible()
    expect(rows.first.locator(".value")).to_have_text(["0.5", "1796017488", "18446744073709551615"])
    assert rows.nth(1).locator(".what").is_hidden()
    tab["#search"].fill("probe-1")
    expect(rows).to_have_count(11)
    expect(tab["#dense"]).to_have_attribute("aria-pressed", "false")
    assert rows.first.locator(".tag").is_visible()


def test_numbers_in_a_line_are_never_cut(scene: Scene) -> None:
    """A number without room is left out, because a part of it would be misleading."""
    tab, _, connection = scene
    send_sensors(connection, 20)
    expect(tab["#list .glance > span"]).to_have_count(60)
    cut = tab["#list .glance"].evaluate_all(
        """lines => lines.flatMap(line => [...line.children].filter(value => {
            const box = value.getBoundingClientRect(), room = line.getBoundingClientRect();
            return box.top < room.bottom - 2 && value.scrollWidth > value.clientWidth + 1;
        }).map(value => value.textContent))"""
    )
    assert cut == []


def test_lines_or_cards_can_be_chosen(tab: Tab, host: Host) -> None:
    """For any number of peripherals; the choice is stored."""
    tab.open(host.url)
    send_sensors(host.connection(), 2)
    button, row = tab["#dense"], tab["#list > li"].first
    expect(row).to_have_class("peripheral open")
    button.click()
    expect(row).to_have_class("peripheral")
    tab.page.reload()
    send_sensors(host.connection(), 2)
    expect(row).to_have_class("peripheral")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(row).to_have_class("peripheral open")
