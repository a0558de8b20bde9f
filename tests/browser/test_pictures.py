"""Several pictures: the grid, and one of them enlarged; and one alone (`?view=picture`)."""

import io
import json
from fnmatch import fnmatchcase
from http import HTTPStatus

import pytest
from PIL import Image
from playwright.sync_api import expect
from websockets.sync.server import ServerConnection

from beats.kernel.envelope import Frame, frame_topic
from tests.browser.host import Host, frame, sealed
from tests.browser.node import call
from tests.browser.stage import OnAir
from tests.browser.tab import AWAY, FULL, REFUSED, Tab
from tests.browser.test_quality import asked
from tests.support import png_of, tiny_png


def coloured(width: int, height: int, colour: str = "red") -> bytes:
    """A PNG file of one colour."""
    return png_of(Image.new("RGB", (width, height), colour))


def jpeg(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "blue").save(file, "JPEG")
    return file.getvalue()


def shown(tab: Tab) -> list[str]:
    """The names of the pictures that are seen, in their order."""
    return tab["#grid .tile:visible .name"].all_inner_texts()


def until_shown(tab: Tab, *names: str) -> None:
    tab.wait_for(lambda: shown(tab) == [*names])


def send_three(connection: ServerConnection) -> None:
    """The main picture and two others, one of them as JPEG."""
    connection.send(frame(coloured(64, 32), 1))
    connection.send(frame(coloured(20, 10, "lime"), 1, "cam-10"))
    connection.send(sealed(Frame(jpeg(160, 120), "cam-2", "image/jpeg", 160, 120), 1))


@pytest.fixture
def three(tab: Tab, host: Host) -> Tab:
    """A page with three pictures."""
    tab.open(host.url)
    send_three(host.connection())
    until_shown(tab, "Main", "cam-2", "cam-10")
    tab.is_live()
    return tab


def test_all_pictures_are_shown_with_name_size_and_rate(three: Tab) -> None:
    """The main one first, the others by name, whatever their formats."""
    facts = three["#grid .facts"].all_inner_texts()
    assert [text.partition(" · ")[0] for text in facts] == [
        f"{width} \xd7 {height}" for width, height in ((64, 32), (160, 120), (20, 10))
    ]
    assert all(text.endswith(("/s", " ago")) for text in facts)
    image = three.screenshot()
    for canvas, colour in zip(
        three["#grid canvas"].all(), [(255, 0, 0), (0, 0, 254), (0, 255, 0)], strict=True
    ):
        box = canvas.bounding_box()
        assert box is not None
        middle = int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)
        assert image.getpixel(middle) == colour


def test_one_picture_is_enlarged_by_click_and_restored_on_reload(three: Tab, host: Host) -> None:
    """Its name leads back to all, and so does the browser's way back."""
    three["#grid .area >> nth=2"].click()
    until_shown(three, "cam-10")
    three.page.reload()
    send_three(host.connection())
    until_shown(three, "cam-10")
    three["#grid .name:visible"].click()
    until_shown(three, "Main", "cam-2", "cam-10")
    assert "#" not in three.page.url
    three["#grid .name >> nth=1"].click()
    until_shown(three, "cam-2")
    three.page.keyboard.press("1")
    until_shown(three, "Main")
    three.page.go_back()
    until_shown(three, "Main", "cam-2", "cam-10")


def test_pictures_are_chosen_by_digits_wherever_the_focus_is(three: Tab) -> None:
    """Right after loading, after a click, on a button; but not in fields. The focus stays in the grid."""
    press = three.page.keyboard.press
    press("3")
    until_shown(three, "cam-10")
    press("0")
    until_shown(three, "Main", "cam-2", "cam-10")
    three["#grid .area >> nth=1"].click()
    until_shown(three, "cam-2")
    press("3")
    until_shown(three, "cam-10")
    expect(three["#grid .name:visible"]).to_be_focused()
    three["#fit"].click()
    press("Escape")
    until_shown(three, "Main", "cam-2", "cam-10")
    three.may_control()
    three["#text"].press("2")
    three["#quality"].press("2")
    expect(three["#text"]).to_have_value("2")
    assert shown(three) == ["Main", "cam-2", "cam-10"]
    expect(three["#grid .name >> nth=1"]).to_have_attribute("title", "Enlarge (2)")


def test_arrow_keys_choose_in_the_grid_and_browse_elsewhere(three: Tab, host: Host) -> None:
    """From the stage they lead into the grid, where Enter enlarges a picture."""
    three.may_control()
    press = three.page.keyboard.press
    three["#stage"].focus()
    expect(three["#stage"]).to_have_accessible_name("Pictures: arrow keys, Enter, and 1 to 9 choose one")
    for number in (0, 1):
        press("ArrowRight")
        expect(three["#grid .name"].nth(number)).to_be_focused()
    press("Enter")
    until_shown(three, "cam-2")
    expect(three["#grid .name:visible"]).to_have_attribute("aria-pressed", "true")
    expect(three["#stage"]).to_have_accessible_name("Picture: the left and right arrow keys browse")
    press("ArrowLeft")
    assert host.next_command()["browse_step"] == -1
    assert host.commands.empty()


def test_arrow_keys_stay_in_the_grid() -> None:
    """Five pictures in three columns; down leads to the end of a last row that is shorter."""
    cases = {
        ("ArrowRight", 2): 3,
        ("ArrowLeft", 0): 0,
        ("ArrowRight", 4): 4,
        ("ArrowUp", 4): 1,
        ("ArrowUp", 1): 1,
        ("ArrowDown", 1): 4,
        ("ArrowDown", 2): 4,
        ("ArrowDown", 3): 3,
        ("ArrowDown", -1): 0,
        ("Enter", 1): None,
    }
    found = call("grid.js", *(f"return neighbour('{key}', {here}, 3, 5)" for key, here in cases))
    assert found == list(cases.values())


def test_pictures_come_and_go_without_moving_the_page(three: Tab, host: Host) -> None:
    """One that is not sent again on a new connection is gone; one alone has no caption."""
    place = three["#stage"].bounding_box()
    three.reset_when_lost()
    host.drop()
    host.connection().send(frame(tiny_png(), 1))
    until_shown(three, "Main")
    expect(three["#grid .caption"]).to_be_hidden()
    assert three["#stage"].bounding_box() == place


def test_pictures_that_went_while_one_was_enlarged_are_gone_when_all_are_shown(
    three: Tab, host: Host
) -> None:
    """Also if the connection was lost meanwhile: those that do not come again."""
    three.reset_when_lost()
    with three.held_timers(2000) as fire:
        three.page.keyboard.press("2")
        until_shown(three, "cam-2")
        host.drop()
        host.connection().send(frame(tiny_png(), 2, "cam-2"))
        three.until("document.querySelector('.tile:not([hidden]) canvas').dataset.sequence === '2'")
        fire()
        host.connection()  # which asks for cam-2 only
        three.page.keyboard.press("0")
        until_shown(three, "Main", "cam-2", "cam-10")
        host.connection().send(frame(tiny_png(), 2))
        three.until_drawn(2)
        fire()
        until_shown(three, "Main", "cam-2")


def test_a_picture_without_a_main_one_is_shown_alone(tab: Tab, host: Host) -> None:
    """As the main one would be."""
    tab.open(host.url)
    host.connection().send(frame(coloured(64, 32), 1, "camera"))
    expect(tab["#grid canvas"]).to_have_accessible_name("Picture camera")
    tab["#grid canvas[data-sequence]"].wait_for()
    expect(tab["#grid .caption"]).to_be_hidden()


def test_drops_are_counted_for_each_picture(three: Tab, host: Host) -> None:
    """By their topics."""
    host.latest.send(frame(tiny_png(), 4, "cam-10"))
    three.until_number("drops", 2)
    three["#about summary"].click()
    three.shows("#drops-rows td:first-child", "frame/cam-10")


def test_the_enlarged_picture_is_saved_as_the_file_that_was_sent(three: Tab) -> None:
    """Named by its id and format."""
    three["#grid .name >> nth=1"].click()
    until_shown(three, "cam-2")
    with three.page.expect_download() as download:
        three["#save"].click()
    assert download.value.suggested_filename == "frame-cam-2-1.jpg"
    assert download.value.path().read_bytes() == jpeg(160, 120)


def test_on_a_phone_five_pictures_are_seen_whole(tab: Tab, host: Host) -> None:
    """On a small one the page scrolls, not the grid; on a larger one two wide ones lie below each other."""
    tab.resize(320, 568)
    tab.open(host.url)
    connection = host.connection()
    for number in (1, 2):
        connection.send(frame(coloured(64, 36), 1, f"cam-{number}"))
    until_shown(tab, "cam-1", "cam-2")
    tab.resize(390, 844)
    tab.until("document.querySelector('.tile').clientWidth > 300")
    tab.resize(320, 568)
    for number in (3, 4, 5):
        connection.send(frame(coloured(64, 48), 1, f"cam-{number}"))
    expect(tab["#grid .tile"]).to_have_count(5)
    tab.until("grid.style.getPropertyValue('--columns') === '2'")
    assert tab.page.evaluate("grid.scrollHeight - grid.clientHeight") == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (844, 390)])
def test_many_pictures_do_not_overlap_and_can_be_reached(
    tab: Tab, host: Host, width: int, height: int
) -> None:
    """A dozen, of all shapes, with long names."""
    tab.resize(width, height)
    tab.open(host.url)
    connection = host.connection()
    for number in range(12):
        size = coloured(8 + 70 * (number % 4), 8 + 90 * (number % 3))
        connection.send(frame(size, 1, f"a-camera-with-a-long-name-{number}"))
    expect(tab["#grid .tile"]).to_have_count(12)
    tab.is_live()
    boxes = tab["#grid .tile"].evaluate_all("all => all.map(each => each.getBoundingClientRect().toJSON())")
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert min(one["right"], other["right"]) <= max(one["left"], other["left"]) or min(
                one["bottom"], other["bottom"]
            ) <= max(one["top"], other["top"])
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    tab["#grid .name"].last.click()
    until_shown(tab, "a-camera-with-a-long-name-11")


def test_the_picture_alone_fills_the_window(tab: Tab, host: Host) -> None:
    """Nothing else is seen or asked for, also while there is no connection."""
    tab.resize(656, 400)
    tab.expect_complaints(AWAY, FULL)
    tab.open(host.url, "?view=picture&picture=wall%20%5B1,2%5D")
    connection = host.connection()
    wanted = asked(connection)
    assert (wanted["kinds"], wanted["topics"]) == ("frame", "frame/wall [[]1?2]")
    connection.send(frame(coloured(64, 32, "lime"), 1, "wall [1.2]"))  # its topic matches too
    connection.send(frame(coloured(64, 32), 1, "wall [1,2]"))
    tab["#grid canvas[data-sequence]"].wait_for()
    seen = tab.screenshot()
    assert sorted(seen.getcolors() or []) == [(656 * 72, (0, 0, 0)), (656 * 328, (255, 0, 0))]
    host.refusal = HTTPStatus.SERVICE_UNAVAILABLE, b"Full."
    connection.close()
    tab.until("document.getElementById('status-text').textContent === 'Stream full'")
    tab["#stage.stale"].wait_for()
    assert tab.screenshot().tobytes() == seen.tobytes()
    host.refusal = None
    again = host.connection()
    again.send(frame(coloured(64, 32, "lime"), 2, "wall [1,2]"))
    tab.until("document.querySelector('#grid canvas').dataset.sequence === '2'")
    assert (0, 255, 0) in {colour for _, colour in tab.screenshot().getcolors() or []}


@pytest.mark.parametrize("id_", ["hall [1]", "*", "a?b", "[", "[!x]", "", "x,y"])
def test_a_topic_matches_the_picture_that_is_named(id_: str) -> None:
    """And no other, except where a comma is."""
    (pattern,) = call("address.js", f"return topicOf({json.dumps(id_)})")
    assert "," not in pattern
    assert fnmatchcase(frame_topic(id_), pattern)
    others = [] if "," in id_ else ["hall (1)", "hall 1", "x", "a.b", "y"]
    assert not any(fnmatchcase(frame_topic(each), pattern) for each in others)


def test_the_picture_alone_says_why_it_does_not_come(tab: Tab, on_air: OnAir) -> None:
    """After some seconds, until it comes; nothing else tells a mistyped id."""
    stream = on_air()
    stream.publish_frame(tiny_png(), id="cam-1")
    tab.expect_complaints(REFUSED)
    tab.open(stream, "?view=picture&picture=cam-2")
    tab["#veil"].wait_for()
    expect(tab["#veil"]).to_have_text("There is no picture 'cam-2'; there are: 'cam-1'.")
    stream.publish_frame(tiny_png(), id="cam-2")
    expect(tab["#veil"]).to_have_text("")
    expect(tab["#grid canvas:visible"]).to_have_count(1)


def test_a_wrong_option_of_the_page_is_told(tab: Tab, host: Host) -> None:
    """Instead of being ignored."""
    tab.open(host.url, "?view=picture&background=red")
    tab["#veil"].wait_for()
    tab.shows("#status-text", "Wrong address")
    tab.shows("#veil", "This page has an invalid query: background is “red”; it takes transparent.")
    queries = (
        "view=nope",
        "picture=cam-1",
        "background=transparent",
        "max_fps=3&token=x",
        "view=picture&picture=",
    )
    faults = call("address.js", *(f"return fault(new URLSearchParams('{each}'))" for each in queries))
    assert faults == [
        "view is “nope”; it takes picture.",
        "picture needs view=picture beside it, or #picture=cam-1 to enlarge one of all.",
        "background needs view=picture beside it.",
        "",
        "",
    ]


def test_the_picture_alone_may_be_transparent(tab: Tab, host: Host) -> None:
    """For programs that mix videos: around the picture, and where it is transparent itself."""
    tab.resize(400, 200)
    tab.open(host.url, "?view=picture&background=transparent")
    connection = host.connection()
    assert asked(connection)["topics"] == "frame"
    glass = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    glass.paste((255, 0, 0, 255), (0, 0, 10, 20))
    connection.send(frame(png_of(glass), 1))
    tab.until_drawn(1)
    seen = tab.transparent_screenshot()
    alphas = [seen.getpixel((x, 100)) for x in (50, 150, 250, 350)]
    assert alphas == [(0, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0)]
