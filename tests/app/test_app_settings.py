"""Changing the settings of a running stream."""

import json
import logging
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from beats.app import Stream
from beats.config.errors import SettingsError
from beats.runtime import watcher as watch
from tests.recordings.support import messages
from tests.support import quiet, tiny_png, until, watching


def tape(path: Path) -> dict[str, object]:
    return {"sinks": {"tape": {"type": "recorder", "path": str(path), "min_free_bytes": 0}}}


def save(path: Path, text: str) -> None:
    """In one step: polls follow each other so closely here that half a file could be read."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_a_program_changes_its_settings_while_it_publishes(tmp_path: Path) -> None:
    """Each call returns its changes; each recording holds what was published while it was configured."""
    with Stream.open(config_dir=tmp_path, overrides=quiet()) as stream:
        stream.publish_peripheral("knob", 1)
        assert [change.what for change in stream.apply(tape(tmp_path / "a.mcap"))] == ["sink 'tape' added"]
        stream.publish_peripheral("knob", 2)
        moved = stream.apply(tape(tmp_path / "b.mcap"))
        assert [change.what for change in moved] == ["sink 'tape' replaced (path)"]
        stream.publish_peripheral("knob", 3)
        removed = stream.apply({"sinks": {"tape": {"enabled": False}}})
        assert [change.what for change in removed] == ["sink 'tape' removed"]
        stream.publish_peripheral("knob", 4)
        assert stream.reload() == []
        assert list(stream.sinks) == ["browser"]
    held = [message for name in ("a", "b") for message in messages(tmp_path / f"{name}.mcap")]
    assert [message.sequence for message in held if not message.carried] == [2, 3]
    assert [message.sequence for message in held if message.carried] == [1, 2]


def test_without_a_profile_only_the_program_is_on_air(tmp_path: Path) -> None:
    """There is a browser sink and no source, unless the user has a profile `program`."""
    browser = {"sinks": {"browser": {"port": 0}}}
    with Stream.open(config_dir=tmp_path, overrides=browser) as stream:
        assert list(stream.sinks) == ["browser"]
        assert stream.stats().sources == ()
        assert stream.publish_frame(tiny_png()) == 1
        assert stream.stats().published == 1
    (tmp_path / "program.toml").write_text(
        '[sources.demo]\nenabled = false\n[sinks.browser]\nenabled = false\n[sinks.void]\ntype = "null"\n'
    )
    with Stream.open(config_dir=tmp_path) as stream:
        assert list(stream.sinks) == ["void"]


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_profile_that_is_named_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    """By the argument, or else by the variable."""
    if by_variable:
        monkeypatch.setenv("BEATS_PROFILE", "headless")
    with Stream.open(None if by_variable else "headless", config_dir=tmp_path) as stream:
        assert list(stream.sinks) == ["null"]


@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_a_stream_runs_in_the_event_loop_of_its_settings(
    tmp_path: Path, event_loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log and the counters say which; what is published arrives."""
    overrides = {**quiet(), "kernel": {"event_loop": event_loop}}
    with caplog.at_level(logging.INFO), Stream.open(config_dir=tmp_path, overrides=overrides) as stream:
        with watching(stream.sinks["browser"].address.url) as viewer:
            until(lambda: stream.stats().sinks[0].client_totals is not None)
            stream.publish_peripheral("knob", 1)
            assert viewer.take(1)[0].topic == "peripheral/knob"
        with urllib.request.urlopen(
            f"{stream.sinks['browser'].address.page_url}api/stats", timeout=10
        ) as answer:
            assert json.load(answer)["stats"]["event_loop"] == event_loop
    assert f"event loop: {event_loop}" in caplog.messages


def test_the_level_of_the_log_is_as_the_settings_say(tmp_path: Path) -> None:
    """At the start and when it changes; without a setting, the program's own level stays."""
    log = logging.getLogger("beats")
    log.setLevel("ERROR")
    with Stream.open(config_dir=tmp_path, overrides=quiet()) as stream:
        stream.apply({"kernel": {"max_topics": 7}})
        assert log.level == logging.ERROR
        stream.apply({"kernel": {"log_level": "DEBUG"}})
        assert log.level == logging.DEBUG
    with Stream.open(config_dir=tmp_path, overrides={**quiet(), "kernel": {"log_level": "WARNING"}}):
        assert log.level == logging.WARNING


def test_a_program_that_watches_its_settings_follows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Saving a file is enough, as in the command; invalid settings are logged and change nothing."""
    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    profile = tmp_path / "program.toml"
    text = "[kernel]\nwatch = true\n[sources.demo]\nenabled = false\n[sinks.browser]\nport = 0\n"
    profile.write_text(text)
    with Stream.open(config_dir=tmp_path) as stream:
        address = stream.sinks["browser"].address
        save(profile, text + "[sinks.void]\ntype = 'null'\n")
        until(lambda: "void" in stream.sinks)
        save(profile, text + "max_clients = 0\n")
        until(lambda: "invalid settings: keeping the current ones" in caplog.text)
        assert set(stream.sinks) == {"browser", "void"}
        save(profile, text)
        until(lambda: "void" not in stream.sinks)
        assert stream.sinks["browser"].address == address


def test_what_was_given_once_is_kept_by_later_calls(tmp_path: Path) -> None:
    """Overrides accumulate, key by key; wrong ones raise with all problems, and affect no later call."""
    with Stream.open(config_dir=tmp_path, overrides=quiet()) as stream:
        stream.apply({"kernel": {"max_topics": 7}})
        changes = stream.apply({"sinks": {"browser": {"max_clients": 3}}})
        assert [change.what for change in changes] == ["sink 'browser' changed in place (max_clients)"]
    with Stream.open(config_dir=tmp_path, overrides=quiet()) as stream:
        address = stream.sinks["browser"].address
        with pytest.raises(SettingsError, match=r"max_topics.*\n.*max_clients"):
            stream.apply({"sinks": {"browser": {"max_clients": 0}}, "kernel": {"max_topics": 0}})
        assert stream.reload() == []
        assert stream.sinks["browser"].address == address


def test_a_part_that_cannot_be_changed_runs_on_as_before(tmp_path: Path) -> None:
    """The call returns the failed change and its reason; all other changes are made."""
    with Stream.open(config_dir=tmp_path, overrides=quiet()) as stream:
        stream.apply(tape(tmp_path / "a.mcap"))
        wrong = tape(tmp_path / "a.mcap" / "b.mcap")
        wrong["kernel"] = {"max_topics": 9}
        kernel, failed = stream.apply(wrong)
        assert (kernel.what, kernel.error) == ("kernel changed in place (max_topics)", "")
        assert failed.what == "sink 'tape' replaced (path)"
        assert "could not start" in failed.error
        stream.publish_peripheral("knob", 1)
    held = [message.sequence for path in sorted(tmp_path.glob("a*.mcap")) for message in messages(path)]
    assert held == [1]


@pytest.mark.anyio
async def test_a_program_with_a_loop_awaits_the_same(tmp_path: Path, anyio_backend_name: str) -> None:
    """Also on a back end that the WebSocket sink does not support. In the loop itself a plain call raises."""
    overrides = quiet(browser={"enabled": False})
    async with Stream.open(config_dir=tmp_path, overrides=overrides) as stream:
        changes = await stream.apply({"sinks": {"void": {"type": "null"}}})
        assert [change.what for change in changes] == ["sink 'void' added"]
        assert await stream.reload() == []
        for call in (partial(stream.from_threads.apply, {}), stream.from_threads.reload):
            with pytest.raises(RuntimeError, match="await it, or call it in a thread"):
                call()
