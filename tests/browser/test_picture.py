"""The canvas shows the pictures of the stream, pixel for pixel."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Playwright, expect

from beats.adapters.sources.demo.renderer import Renderer
from beats.kernel.envelope import Frame
from tests.browser.chromium import launch
from tests.browser.host import Host, frame
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import Tab
from tests.support import png_of, tiny_png, watching


def pattern(width: int, height: int) -> Image.Image:
    """Every pixel differs from its neighbours."""
    parts = ((x * 37 % 256, y * 59 % 256, (x ^ y) % 256) for y in range(height) for x in range(width))
    return Image.frombytes("RGB", (width, height), bytes(part for pixel in parts for part in pixel))


def edges_of(tab: Tab) -> list[float]:
    """The edges of the canvas in screen pixels: left, top, right, bottom."""
    found: list[float] = tab["#canvas"].evaluate(
        "canvas => { const box = canvas.getBoundingClientRect();"
        "return [box.left, box.top, box.right, box.bottom].map(edge => edge * devicePixelRatio) }"
    )
    return found


def test_the_picture_is_the_demos_frame_of_that_number(on_air: OnAir, tab: Tab) -> None:
    """The canvas holds the file with the number that it names, and that is a frame of the demo."""
    fps, seed, begin_s = 30, 5, time.monotonic()
    stream = on_air({"sources": {"demo": {"enabled": True, "fps": fps, "seed": seed}}})
    renderer = Renderer(seed, 64, 64)
    tab.open(stream)
    compared: set[int] = set()
    with watching(f"ws://localhost:{stream.sinks['browser'].address.port}/?kinds=frame") as viewer:
        while len(compared) < 3:
            sequence, image = tab.picture()
            viewer.until(lambda envelope, shown=sequence: envelope.sequence >= shown)  # type: ignore[misc]
            # On a busy machine the viewer may have missed it.
            for file in [each.message for each in viewer.seen if each.sequence == sequence]:
                assert isinstance(file, Frame)
                assert image.tobytes() == Image.open(io.BytesIO(file.data)).convert("RGB").tobytes()
                # Late frames are left out, so the number may be smaller than the demo's own count.
                ticks = range(sequence - 1, int((time.monotonic() - begin_s) * fps) + 1)
                assert any(image.tobytes() == renderer.image(tick / fps).tobytes() for tick in ticks)
                compared.add(sequence)


def test_the_page_tells_what_it_has_drawn(scene: Scene) -> None:
    """Once a second at most; the server shows how old that is."""
    number, drawn = 2**60 + 1, scene.host.drawn
    while not drawn.empty():  # of tests before
        drawn.get()
    scene.show(tiny_png(1), number)
    assert drawn.get(timeout=10) == {"kind": "drawn", "topic": "frame", "sequence": number}
    begin_s = time.monotonic()
    for more in range(1, 30):
        scene.show(tiny_png(more), number + more)
    assert drawn.qsize() <= time.monotonic() - begin_s + 1


def test_each_pixel_covers_a_square_of_the_screen(
    driver: Playwright, new_tab: Callable[..., Tab], host: Host
) -> None:
    """Of a density that is not whole: the picture is enlarged by a whole number, and sharp."""
    ratio = 1.1
    image = pattern(64, 40)
    # Emulation would round differently from a real screen.
    browser = launch(driver, f"--force-device-scale-factor={ratio}", "--window-size=900,800")
    tab = new_tab(browser, no_viewport=True)
    tab.open(host.url)
    host.connection().send(frame(png_of(image), 1))
    tab.until_drawn(1)
    tab.may_control()  # the emojis of the session may move the picture
    assert tab.page.evaluate("devicePixelRatio") == pytest.approx(ratio)
    edges = edges_of(tab)
    left, top, right, bottom = (round(edge) for edge in edges)
    assert edges == pytest.approx([left, top, right, bottom], abs=0.001)
    scale = (right - left) // image.width
    assert scale > 1
    enlarge = Image.Transform.AFFINE, (1 / scale, 0, 0, 0, 1 / scale, 0)
    expected = image.transform((scale * image.width, scale * image.height), *enlarge)
    assert tab.screenshot().crop((left, top, right, bottom)).tobytes() == expected.tobytes()
    browser.close()


def test_a_picture_larger_than_the_window_is_shown_whole(scene: Scene) -> None:
    """Shrunk in proportion on the screen; in full resolution on the canvas."""
    tab = scene.tab
    image = pattern(2048, 512)
    scene.show(png_of(image))
    left, top, right, bottom = edges_of(tab)
    area = tab["#stage"].bounding_box()
    assert area is not None
    assert area["x"] <= left < right <= area["x"] + area["width"]
    assert area["y"] <= top < bottom <= area["y"] + area["height"]
    assert (right - left) / (bottom - top) == pytest.approx(4, abs=0.05)
    assert tab.picture()[1].tobytes() == image.tobytes()


def test_pictures_may_change_their_size(scene: Scene) -> None:
    """From one frame to the next."""
    tab = scene.tab
    for number, size in enumerate([(64, 64), (32, 16), (100, 3), (64, 64)], 1):
        image = pattern(*size)
        scene.show(png_of(image), number)
        assert tab.picture()[1].tobytes() == image.tobytes()


def test_transparent_pixels_are_black(scene: Scene) -> None:
    """As on an LED wall; the previous picture does not show through."""
    tab = scene.tab
    scene.show(png_of(pattern(16, 16)))
    glass = Image.new("RGBA", (16, 16), (255, 255, 255, 0))
    glass.putpixel((3, 4), (10, 20, 30, 255))
    scene.show(png_of(glass), 2)
    image = tab.picture()[1]
    assert image.getpixel((3, 4)) == (10, 20, 30)
    assert image.getpixel((4, 4)) == (0, 0, 0)


def test_colours_are_not_converted(scene: Scene) -> None:
    """A file with a gamma value is shown with unchanged values."""
    tab = scene.tab
    image = pattern(16, 16)
    png = png_of(image)
    chunk = b"gAMA" + struct.pack(">I", 100_000)
    gamma = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    scene.show(png[:33] + gamma + png[33:])
    assert tab.picture()[1].tobytes() == image.tobytes()


def test_a_picture_that_cannot_be_decoded_is_counted(scene: Scene) -> None:
    """A damaged file, and one with an enormous size in its header; later pictures are shown."""
    tab, _, connection = scene
    huge = bytearray(tiny_png())
    huge[16:24] = struct.pack(">II", 1_000_000, 1_000_000)
    for number, png in enumerate([tiny_png()[:40], bytes(huge)], 1):
        connection.send(frame(png, number))
        tab.until_number("unreadable", number)
    scene.show(png_of(pattern(8, 8)), 3)
    tab.until_number("unreadable", 2)


def test_the_picture_can_be_shown_on_the_full_screen(tab: Tab, host: Host) -> None:
    """At the largest whole scale, centred; Escape and the button end it."""
    tab.resize(1000, 700)
    tab.open(host.url)
    host.connection().send(frame(png_of(pattern(64, 64)), 1))
    tab.until_drawn(1)

    def press_escape() -> None:
        tab.page.keyboard.press("Escape")

    def click_the_button() -> None:
        tab["#leave"].click(force=True)

    for leave in (press_escape, click_the_button):
        tab["#fullscreen"].click()
        expect(tab["#leave"]).to_be_visible()
        tab.until("canvas.dataset.scale === '10'")
        assert edges_of(tab) == [180, 30, 820, 670]
        leave()
        expect(tab["#leave"]).to_be_hidden()
        tab.until("canvas.dataset.scale !== '10'")


def test_the_file_that_is_shown_can_be_saved(scene: Scene, tmp_path: Path) -> None:
    """The bytes that were sent, named by the number of the picture."""
    tab = scene.tab
    png = png_of(pattern(20, 10))
    scene.show(png, 41)
    with tab.page.expect_download() as download:
        tab["#save"].click()
    assert download.value.suggested_filename == "frame-41.png"
    download.value.save_as(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes() == png


def test_ages_are_measured_by_the_servers_clock(tab: Tab, host: Host) -> None:
    """Even if the clocks are days apart."""
    host.clock_ahead_s = -2.2 * 86_400
    tab.open(host.url)
    host.connection().send(host.frame_of_now(tiny_png(), 1))
    tab.until_drawn(1)
    tab.until("age.value !== ''")
    assert 0 <= tab.number("age") < 3_600_000
    tab["#about summary"].click()
    tab.until("clock.textContent.startsWith('\\u22122 d')")
    assert 0 < tab.number("round-trip") < 3_600_000


def test_the_picture_can_fill_its_area(tab: Tab, host: Host) -> None:
    """At any scale, also on the full screen; the choice is stored."""
    tab.resize(1000, 700)
    tab.open(host.url)
    host.connection().send(frame(png_of(pattern(64, 64)), 1))
    tab.until_drawn(1)
    tab.may_control()
    whole = edges_of(tab)
    assert (whole[2] - whole[0]) % 64 == 0
    tab["#fit"].click()
    expect(tab["#fit"]).to_have_attribute("aria-pressed", "true")
    area = tab["#stage"].bounding_box()
    assert area is not None
    left, top, right, bottom = edges_of(tab)
    assert bottom - top == pytest.approx(area["height"], abs=1)
    assert right - left == pytest.approx(bottom - top)
    assert left - area["x"] == pytest.approx(area["x"] + area["width"] - right, abs=2)
    tab["#fullscreen"].click()
    tab.until("Math.abs(canvas.dataset.scale - 700 / 64) < 0.01")
    tab.page.keyboard.press("Escape")
    expect(tab["#leave"]).to_be_hidden()
    tab.page.reload()
    expect(tab["#fit"]).to_have_attribute("aria-pressed", "true")
    host.connection().send(frame(png_of(pattern(64, 64)), 1))
    tab.until_drawn(1)
    tab.may_control()
    assert edges_of(tab) == pytest.approx([left, top, right, bottom])
    tab["#fit"].click()
    assert edges_of(tab) == whole
