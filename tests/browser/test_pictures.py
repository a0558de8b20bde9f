"""Several pictures: the grid, and one of them enlarged; and one alone (`?view=picture`)."""

import io
from collections.abc import Callable
from http import HTTPStatus

import pytest
from PIL import Image
from playwright.sync_api import ViewportSize, expect
from websockets.sync.server import ServerConnection

from beats.kernel.envelope import Frame
from tests.browser.host import Host, frame, sealed
from tests.browser.tab import AWAY, FULL, Tab
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
    """Its name leads back to all."""
    three["#grid .area >> nth=2"].click()
    until_shown(three, "cam-10")
    three.page.reload()
    send_three(host.connection())
    until_shown(three, "cam-10")
    three["#grid .name:visible"].click()
    until_shown(three, "Main", "cam-2", "cam-10")
    assert "#" not in three.page.url


def test_pictures_are_chosen_by_keys(three: Tab, host: Host) -> None:
    """Arrows and Enter, digits, Escape; in the grid arrows do not browse."""
    three.may_control()
    press = three.page.keyboard.press
    three["#grid .name >> nth=0"].focus()
    press("ArrowRight")
    expect(three["#grid .name >> nth=1"]).to_be_focused()
    press("Enter")
    until_shown(three, "cam-2")
    expect(three["#grid .name:visible"]).to_have_attribute("aria-pressed", "true")
    press("3")
    until_shown(three, "cam-10")
    three["#stage"].focus()
    press("Escape")
    until_shown(three, "Main", "cam-2", "cam-10")
    press("ArrowRight")  # the stage has the focus
    assert host.next_command()["browse_step"] == 1
    assert host.commands.empty()


def test_pictures_come_and_go_without_moving_the_page(three: Tab, host: Host) -> None:
    """One that is not sent again on a new connection is gone; one alone has no caption."""
    place = three["#stage"].bounding_box()
    three.reset_when_lost()
    host.drop()
    host.connection().send(frame(tiny_png(), 1))
    until_shown(three, "Main")
    expect(three["#grid .caption"]).to_be_hidden()
    assert three["#stage"].bounding_box() == place


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


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (844, 390)])
def test_many_pictures_do_not_overlap_and_can_be_reached(
    new_tab: Callable[..., Tab], host: Host, width: int, height: int
) -> None:
    """A dozen, of all shapes, with long names."""
    tab = new_tab(viewport=ViewportSize(width=width, height=height))
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


def test_the_picture_alone_fills_the_window(new_tab: Callable[..., Tab], host: Host) -> None:
    """Nothing else is seen or asked for, also while there is no connection."""
    tab = new_tab(viewport={"width": 656, "height": 400})
    tab.expect_complaints(AWAY, FULL)
    tab.open(host.url, "?view=picture&picture=wall")
    connection = host.connection()
    wanted = asked(connection)
    assert (wanted["kinds"], wanted["topics"]) == ("frame", "frame/wall")
    connection.send(frame(coloured(64, 32), 1, "wall"))
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
    again.send(frame(coloured(64, 32, "lime"), 2, "wall"))
    tab.until("document.querySelector('#grid canvas').dataset.sequence === '2'")
    assert (0, 255, 0) in {colour for _, colour in tab.screenshot().getcolors() or []}


def test_the_picture_alone_may_be_transparent(new_tab: Callable[..., Tab], host: Host) -> None:
    """For programs that mix videos: around the picture, and where it is transparent itself."""
    tab = new_tab(viewport={"width": 400, "height": 200})
    tab.open(host.url, "?view=picture&background=transparent")
    connection = host.connection()
    assert asked(connection)["topics"] == "frame"
    glass = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    glass.paste((255, 0, 0, 255), (0, 0, 10, 20))
    connection.send(frame(png_of(glass), 1))
    tab.until_drawn(1)
    seen = Image.open(io.BytesIO(tab.page.screenshot(omit_background=True)))
    alphas = [seen.getpixel((x, 100)) for x in (50, 150, 250, 350)]
    assert alphas == [(0, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0)]
