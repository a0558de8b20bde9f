"""The page for everybody: what axe-core finds, in every state and look."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from beats.kernel.envelope import Location, Peripheral, Tag
from tests.browser.host import Host, frame, sealed
from tests.browser.stage import Scene
from tests.browser.tab import TIMEOUT_MS, Tab
from tests.support import tiny_png

AXE: Final = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "sideways": {"viewport": {"width": 844, "height": 390}, "is_mobile": True, "has_touch": True},
    "wall": {"viewport": {"width": 3840, "height": 2160}, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.fail("axe-core is not installed in tests/node; `make test` does that")
    return AXE.read_text(encoding="utf-8")


def violations(tab: Tab, axe: str) -> list[str]:
    """What is serious or critical of what axe finds."""
    # Given to the debugger, as the page's own policy lets no script in.
    found = tab.page.evaluate(f"(() => {{ {axe} ; return axe.run() }})()")
    assert len(found["passes"]) > 10
    return [
        json.dumps([each["id"], [node["html"] for node in each["nodes"]]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(new_tab: Callable[..., Tab], host: Host, axe: str, look: str) -> None:
    """With everything on the screen that there is: pictures, peripherals, drops, a replay, recorders."""
    host.facts.update(
        commands=["record", "snapshot"],
        playback={"replay": {"position_s": 1, "duration_s": 9, "speed": 1, "paused": True, "loops": 0}},
        recorders={"tape": {"recording": 1, "idle": 0, "written_bytes_total": 5e6, "free_bytes": 1e12}},
        failed=["camera"],
        emojis=["heart", "our-own"],
    )
    tab = new_tab(**LOOKS[look])
    tab.open(host.url)
    connection = host.connection()
    for sequence in (1, 3):
        connection.send(frame(tiny_png(), sequence))
    board = Peripheral("board", {"x": 1, "s": "text"}, (Tag("input", "knob", {"k": "v"}),), Location(1, 2, 3))
    connection.send(sealed(board, 1))
    tab.until_drawn(3)
    tab.shows("#list .value >> nth=1", "text")
    expect(tab["#notice"]).to_be_visible(timeout=TIMEOUT_MS)
    if tab["#drive-more"].is_visible():
        tab["#drive-more"].click()
    tab["#about summary"].click()
    tab.until_figure("drops", 1)
    assert violations(tab, axe) == []


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_serious_where_little_can_be_done(
    new_tab: Callable[..., Tab], host: Host, axe: str, look: str
) -> None:
    """Without the right to steer, and when the connection is lost."""
    host.facts["rights"] = {"steer": False}
    tab = new_tab(**LOOKS[look])
    tab.open(host.url)
    tab.shows("#drive-why-text", "You may watch. To steer, the control token is needed.")
    tab["#drive-token"].click()
    assert violations(tab, axe) == []
    host.connection().close(1001)
    tab.shows("#status-text", "Reconnecting")
    assert violations(tab, axe) == []


def test_changes_of_the_connection_are_announced_and_figures_are_not(scene: Scene) -> None:
    """What speaks by itself is the state, what has failed, and what was sent; seconds and rates do not."""
    tab, _, _ = scene
    tab.is_live()
    live = tab["[role=status], [role=alert], [aria-live]"].evaluate_all("all => all.map(each => each.id)")
    assert sorted(live) == ["notice", "sent", "status-text"]


def test_colours_can_be_chosen(new_tab: Callable[..., Tab], host: Host) -> None:
    """As the system has them, light, or dark; the choice is kept."""
    tab = new_tab(color_scheme="light")
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


def test_movement_is_slow_for_those_whom_it_disturbs(new_tab: Callable[..., Tab], host: Host) -> None:
    """Nothing is animated by the style sheet."""
    tab = new_tab(reduced_motion="reduce")
    tab.open(host.url)
    tab.is_live()
    moving = tab["*"].evaluate_all(
        "all => all.filter(each => getComputedStyle(each).transitionDuration !== '0s').length"
    )
    assert moving == 0
