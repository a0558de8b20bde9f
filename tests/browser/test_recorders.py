"""The state of recorders, and their buttons."""

import re
from pathlib import Path

from playwright.sync_api import expect

from beats.app import Stream
from tests.browser.node import call
from tests.browser.stage import OnAir, Scene
from tests.browser.tab import Tab
from tests.support import quiet, tiny_png


def with_recorder(on_air: OnAir, folder: Path, **settings: object) -> Stream:
    tape = {"type": "recorder", "path": str(folder / "{part}.mcap"), "min_free_bytes": 0, **settings}
    return on_air(quiet(tape=tape))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_idle_recorder_can_be_started_and_stopped(on_air: OnAir, tab: Tab, tmp_path: Path) -> None:
    """The button shows the next action; afterwards there is a file."""
    stream = with_recorder(on_air, tmp_path, idle=True)
    stream.publish_frame(tiny_png())
    tab.open(stream)
    tab.may_control()
    tab.shows("#record", "Record")
    tab.shows("#recorders", "tape is idle")
    tab["#record"].click()
    tab.shows("#record", "Stop recording")
    tab.shows("#recorders", re.compile(r"tape [\d.,]+ k?B, .* free"))
    stream.publish_frame(tiny_png(1))
    tab["#record"].click()
    tab.shows("#record", "Record")
    tab.shows("#recorders", "tape is idle")
    assert files(tmp_path) == ["1.mcap"]


def test_the_last_seconds_can_be_saved(on_air: OnAir, tab: Tab, tmp_path: Path) -> None:
    """By a recorder that holds them in memory; its button shows how many."""
    stream = with_recorder(on_air, tmp_path, snapshot_s=30)
    for number in range(3):
        stream.publish_frame(tiny_png(number))
    tab.open(stream)
    tab.may_control()
    tab.shows("#snapshot", re.compile(r"Save the last \d+ s"))
    tab["#snapshot"].click()
    tab.wait_for(lambda: files(tmp_path) == ["1.mcap"])
    expect(tab["#record"]).to_be_hidden()


def test_a_permanent_recorder_has_no_button(on_air: OnAir, tab: Tab, tmp_path: Path) -> None:
    """But its state is shown."""
    stream = with_recorder(on_air, tmp_path)
    stream.publish_frame(tiny_png())
    tab.open(stream)
    tab.shows("#recorders", re.compile("tape [0-9]"))
    expect(tab["#recorders"]).to_have_class("quiet recording")
    expect(tab["#record"]).to_be_hidden()
    expect(tab["#snapshot"]).to_be_hidden()


def test_the_state_of_a_recorder_is_described() -> None:
    """Including a full disk and a slow one."""
    cases = (
        ("{recording: 0, idle: 1}", "tape is idle"),
        ("{recording: 0, idle: 0}", "tape cannot record now"),
        ("{recording: 0}", "tape cannot record now"),
        ("{recording: 0, held_s: 12.4}", ""),
        ("{recording: 1, held_s: 12.4}", "tape is saving 12 s"),
        ("{recording: 1, written_bytes_total: 1.5e9}", "tape 1.50 GB"),
        ("{recording: 1, written_bytes_total: 1.5e9, free_bytes: 2e10}", "tape 1.50 GB, 20.0 GB free"),
        ("{recording: 1, written_bytes_total: 1e6, unflushed_age_s: 0.9}", "tape 1.00 MB"),
        ("{recording: 1, written_bytes_total: 1e6, unflushed_age_s: 9}", "tape 1.00 MB, 9 s not on disk yet"),
    )
    found = call("recorders.js", *(f"return sentence(['tape', {metrics}])" for metrics, _ in cases))
    assert found == [text for _, text in cases]


def test_a_viewer_who_may_only_watch_cannot_record(scene: Scene) -> None:
    """The buttons are disabled."""
    tab = scene.tab
    scene.tell(
        rights={"steer": False},
        commands=["record", "snapshot"],
        recorders={"tape": {"recording": 0, "idle": 1}, "other": {"recording": 0, "held_s": 30}},
    )
    tab.shows("#snapshot", "Save the last 30 s")
    expect(tab["#record"]).to_be_disabled()
    expect(tab["#snapshot"]).to_be_disabled()


def test_failed_adapters_are_named(scene: Scene) -> None:
    """In a line at the top."""
    scene.tell(failed=["tape", "camera"])
    scene.tab.shows("#notice", "Not running: tape, camera.")
