"""Accessibility: what axe-core finds, in every state and look."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import ViewportSize, expect

from beats.kernel.envelope import Location, Peripheral, Tag
from tests.browser.host import Host, frame, sealed
from tests.browser.stage import Scene
from tests.browser.tab import Tab
from tests.support import tiny_png

AXE: Final = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
DESK: Final[ViewportSize] = {"width": 1280, "height": 800}
LOOKS: Final[Mapping[str, tuple[Literal["light", "dark"], ViewportSize]]] = {
    "light": ("light", DESK),
    "phone": ("light", {"width": 390, "height": 844}),
    "phone held sideways": ("dark", {"width": 844, "height": 390}),
    "wall": ("dark", {"width": 3840, "height": 2160}),
}
SOME_LOOKS: Final = ("light", "phone held sideways")


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.fail("axe-core is not installed in tests/node; `make test` does that")
    return AXE.read_text(encoding="utf-8")


def violations(tab: Tab, axe: str, *looks: str) -> dict[str, list[str]]:
    """The serious and critical findings of axe in each look."""
    # Through the debugger, because the page's policy lets no script in.
    tab.page.evaluate(f"() => {{ {axe} }}")
    found: dict[str, list[str]] = {}
    for look in looks:
        scheme, size = LOOKS[look]
        tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours change at once
        tab.page.set_viewport_size(size)
        results = tab.page.evaluate("axe.run({ resultTypes: ['violations'], preload: false })")
        assert len(results["passes"]) > 10
        found[look] = [
            json.dumps([each["id"], [node["html"] for node in each["nodes"]]])
            for each in results["violations"]
            if each["impact"] in ("serious", "critical")
        ]
    return found


def test_axe_finds_nothing_serious(tab: Tab, host: Host, axe: str) -> None:
    """With all parts visible: two pictures, peripherals, drops, a replay, recorders."""
    host.facts.update(
        commands=["record", "snapshot"],
        playback={"replay": {"position_s": 1, "duration_s": 9, "speed": 1, "paused": True, "loops": 0}},
        recorders={"tape": {"recording": 1, "idle": 0, "written_bytes_total": 5e6, "free_bytes": 1e12}},
        failed=["camera"],
        emojis=["heart", "our-own"],
    )
    tab.open(host.url)
    connection = host.connection()
    for sequence in (1, 3):
        connection.send(frame(tiny_png(), sequence))
    connection.send(frame(tiny_png(), 1, "camera"))
    board = Peripheral("board", {"x": 1, "s": "text"}, (Tag("input", "knob", {"k": "v"}),), Location(1, 2, 3))
    connection.send(sealed(board, 1))
    tab.until_drawn(3)
    tab.shows("#list .value >> nth=1", "text")
    expect(tab["#notice"]).to_be_visible()
    expect(tab["#grid .tile"]).to_have_count(2)
    tab["#controls-more"].dispatch_event("click")  # so that its controls are visible on a phone, too
    tab["#about summary"].click()
    tab.until_number("drops", 1)
    assert violations(tab, axe, *LOOKS) == {look: [] for look in LOOKS}


def test_axe_finds_nothing_serious_without_rights_or_connection(tab: Tab, host: Host, axe: str) -> None:
    """With the token form open, and after the connection was lost."""
    host.facts["rights"] = {"steer": False}
    tab.open(host.url)
    tab.shows("#controls-why-text", "You can watch. To send commands, enter the control token.")
    tab["#controls-token"].click()
    assert violations(tab, axe, *SOME_LOOKS) == {look: [] for look in SOME_LOOKS}
    host.connection().close(1001)
    tab.shows("#status-text", "Reconnecting")
    assert violations(tab, axe, *SOME_LOOKS) == {look: [] for look in SOME_LOOKS}


def test_a_screen_reader_reads_what_is_shown(tab: Tab, host: Host) -> None:
    """The reason why the controls are disabled is their description; the picture has a fitting name."""
    host.facts["rights"] = {"steer": False}
    tab.open(host.url)
    controls, stage, canvas = tab["#controls-fields"], tab["#stage"], tab["#canvas"]
    why = "You can watch. To send commands, enter the control token."
    expect(controls).to_have_accessible_description(why)
    expect(tab["#controls-why-text"]).to_be_visible()
    expect(stage).to_have_accessible_name("Picture")
    expect(tab["#veil"]).to_have_text("No picture yet")
    host.facts["rights"] = {"steer": True}
    tab.ask_again()
    connection = host.connection()
    connection.send(frame(tiny_png(), 1))
    expect(controls).to_have_accessible_description("")
    expect(stage).to_have_accessible_name("Picture: the left and right arrow keys browse")
    expect(canvas).to_have_accessible_name("The live picture")
    connection.close(1001)
    lost = "Commands cannot be sent without a connection."
    expect(controls).to_have_accessible_description(lost)
    expect(canvas).to_have_accessible_name("The last picture, out of date")


def test_changes_of_the_connection_are_announced_and_metrics_are_not(scene: Scene) -> None:
    """Only the state, failures and sent commands are live regions; seconds and rates are not."""
    tab, _, _ = scene
    tab.is_live()
    live = tab["[role=status], [role=alert], [aria-live]"].evaluate_all("all => all.map(each => each.id)")
    assert sorted(live) == ["notice", "sent", "status-text"]


def test_colours_can_be_chosen(tab: Tab, host: Host) -> None:
    """The system's, light, or dark; the choice is stored."""
    tab.open(host.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.page.evaluate(ground)
    for name, is_light in (("light", True), ("dark", False)):
        tab["#theme"].click()
        expect(tab["#theme"]).to_have_accessible_name(f"Colours: {name}")
        assert (tab.page.evaluate(ground) == light) is is_light
    tab.page.reload()
    expect(tab["#theme"]).to_have_accessible_name("Colours: dark")
    assert tab.page.evaluate(ground) != light
    tab["#theme"].click()
    assert tab.page.evaluate(ground) == light


def test_nothing_is_animated_with_reduced_motion(tab: Tab, host: Host) -> None:
    """No transition in the style sheet."""
    tab.page.emulate_media(reduced_motion="reduce")
    tab.open(host.url)
    tab.is_live()
    stands = "each => getComputedStyle(each).transitionDuration === '0s'"
    tab.until(f"[...document.querySelectorAll('*')].every({stands})")
