"""Applying changed settings to a kernel; whole runs are in tests/system."""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.kernel.envelope import Peripheral
from beats.runtime.live import Change, LiveProfile, summary
from beats.runtime.registry import InstalledAdapters
from tests.adapters.sinks.recorder.support import metadata
from tests.recordings.support import messages
from tests.support import install_adapter, tiny_png

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


SHAKY_SOURCE = """
from beats.config.settings import SourceSettings
from beats.kernel.ports import SourceKind


class Source:
    attempts = 0

    async def run(self, publish):
        self.attempts += 1
        if self.attempts == 1:
            raise OSError("not yet")


SOURCE = SourceKind(settings=SourceSettings, source=lambda *_: Source(), summary="fails once")
"""
UNBUILT_SOURCE = """
from beats.config.settings import SourceSettings
from beats.kernel.ports import SourceKind


def build(settings, context):
    raise LookupError("no such thing")


SOURCE = SourceKind(settings=SourceSettings, source=build, summary="breaks the contract")
"""


def profile(
    kernel: dict[str, Any] | None = None, *, sources: dict[str, Any] | None = None, **sinks: Any
) -> ProfileSettings:
    overrides = {
        "kernel": {"when_sources_end": "stay", **(kernel or {})},
        "sources": {"demo": {"enabled": False}, **(sources or {})},
        "sinks": {"browser": {"enabled": False}, **sinks},
    }
    return load_profile(InstalledAdapters(), environ={}, overrides=overrides)


def tape(path: Path, **settings: Any) -> dict[str, Any]:
    return {"type": "recorder", "path": str(path), "min_free_bytes": 0, **settings}


@asynccontextmanager
async def running(settings: ProfileSettings) -> AsyncGenerator[LiveProfile]:
    """A profile on air."""
    live = LiveProfile(settings)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(live.kernel.run)
            yield live
            live.kernel.stop()


async def state_of(live: LiveProfile, name: str, state: str) -> None:
    """Wait until a source is in a state."""
    while {each.name: each.state for each in live.kernel.stats().sources}[name] != state:  # noqa: ASYNC110 - nothing tells of it
        await anyio.sleep(0.01)


def published_by(live: LiveProfile, name: str) -> int:
    return {each.name: each.published for each in live.kernel.stats().sources}[name]


async def test_equal_settings_touch_nothing() -> None:
    """The same sink objects go on, and no change is reported."""
    settings = profile(void={"type": "null"})
    async with running(settings) as live:
        before = dict(live.kernel.sinks)
        assert await live.apply(profile(void={"type": "null"})) == []
        assert live.kernel.sinks == before


async def test_a_failed_step_stays_out_of_what_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next reload tries it again, and all other changes are made."""
    (tmp_path / "file").touch()
    async with running(profile()) as live:
        wanted = profile(void={"type": "null"}, tape=tape(tmp_path / "file" / "a.mcap"))
        for _ in range(2):
            changes = await live.apply(wanted)
            failed = [change for change in changes if change.error]
            assert [change.what for change in failed] == ["sink 'tape' added"]
            assert list(live.profile.sinks) == ["void"] == list(live.kernel.sinks)
        (tmp_path / "file").unlink()
        assert await live.apply(wanted) == [Change("sink 'tape' added")]
    assert "sink 'tape' added: failed, and the previous settings stay in effect" in caplog.text


async def test_a_change_is_logged_and_noted_in_recordings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One log line for each change, and one metadata record in the current recording."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "a.mcap"
    async with running(profile(tape=tape(path))) as live:
        await live.apply(profile(tape=tape(path, rotate_s=7.0), void={"type": "null"}))
        await live.kernel.publisher.publish_async(Peripheral("knob", 1))
    lines = [record.getMessage() for record in caplog.records]
    assert "sink 'tape' changed in place (rotate_s)" in lines
    assert "sink 'void' added" in lines
    (note,) = metadata(path, "beats.change")
    assert [change["what"] for change in json.loads(note["changes"])] == [
        "sink 'tape' changed in place (rotate_s)",
        "sink 'void' added",
    ]


async def test_settings_of_the_kernel_hold_at_once() -> None:
    """Bounds and times."""
    async with running(profile()) as live:
        await live.apply(profile({"max_topics": 1, "shutdown_timeout_s": 3.0}))
        assert live.kernel.options.shutdown_timeout_s == 3.0
        await live.kernel.publisher.publish_async(Peripheral("a", 1))
        with pytest.raises(ValueError, match="max_topics"):
            await live.kernel.publisher.publish_async(Peripheral("b", 1))


async def test_another_event_loop_comes_with_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    """The change says so, once; what else changed holds at once."""
    async with running(profile()) as live:
        after = profile({"max_topics": 1, "event_loop": "asyncio"})
        changes = [change.what for change in await live.apply(after)]
        later = "kernel.event_loop changes at the next start"
        assert changes == [later, "kernel changed in place (max_topics)"]
        assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [later]
        assert await live.apply(after) == []


async def test_a_recorder_that_moves_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The new recorder takes over the queue, while publishing goes on."""
    first, second = tmp_path / "a.mcap", tmp_path / "b.mcap"
    async with running(profile(tape=tape(first))) as live:
        done = anyio.Event()

        async def publish() -> None:
            for number in range(400):
                await live.kernel.publisher.publish_async(Peripheral("knob", number))
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(publish)
            await live.apply(profile(tape=tape(second)))
            await done.wait()
    held = [message.sequence for path in (first, second) for message in messages(path)]
    assert held == list(range(1, 401))


async def test_a_token_file_is_read_again_although_its_name_is_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens are renewed by a reload; a file that has gone is reported, and the old token goes on."""
    file = tmp_path / "token"
    file.write_text("old")
    browser = {"enabled": True, "port": 0, "host": "127.0.0.1", "token_file": str(file)}
    async with running(profile(browser=browser)) as live:
        sink: Any = live.kernel.sinks["browser"]
        file.write_text("new")
        assert await live.apply(profile(browser=browser)) == []
        assert sink._admission._tokens.watch == "new"
        file.unlink()
        await live.apply(profile(browser=browser))
        assert sink._admission._tokens.watch == "new"
    assert "keeps its previous settings" in caplog.text


@pytest.mark.parametrize("kind", ["jsonl", "images"])
async def test_a_source_whose_input_was_missing_is_started_again(tmp_path: Path, kind: str) -> None:
    """Each reload restarts a failed source, and reports it; running sources go on undisturbed."""
    path = tmp_path / "input"
    sources = {"late": {"type": kind, "path": str(path)}, "other": {"type": "demo", "fps": 1.0}}
    settings = profile(sources=sources, void={"type": "null"})
    async with running(settings) as live:
        await state_of(live, "late", "failed")
        other = published_by(live, "other")
        assert await live.apply(settings) == [Change("source 'late' started again")]
        await state_of(live, "late", "failed")
        if kind == "jsonl":
            path.write_text('{"id": "knob", "data": 1}\n')
        else:
            path.write_bytes(tiny_png())
        assert await live.apply(settings) == [Change("source 'late' started again")]
        await state_of(live, "late", "ended" if kind == "jsonl" else "running")
        assert published_by(live, "late") >= 1
        assert published_by(live, "other") >= other
        assert await live.apply(settings) == []


async def test_a_source_that_has_ended_is_read_again_when_its_input_has_changed(tmp_path: Path) -> None:
    """Otherwise it stays ended."""
    path = tmp_path / "input"
    path.write_text('{"id": "knob", "data": 1}\n')
    settings = profile(sources={"once": {"type": "jsonl", "path": str(path)}})
    async with running(settings) as live:
        await state_of(live, "once", "ended")
        assert await live.apply(settings) == []
        path.write_text('{"id": "knob", "data": 1}\n{"id": "knob", "data": 2}\n')
        assert await live.apply(settings) == [Change("source 'once' started again")]
        await state_of(live, "once", "ended")
        assert published_by(live, "once") == 2
        assert await live.apply(settings) == []


async def test_what_waits_for_its_next_attempt_is_tried_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed sink or source is restarted at once; its counters go on."""
    install_adapter(tmp_path, "sources", "shaky", SHAKY_SOURCE, monkeypatch)
    settings = profile(
        {"restart_initial_s": 3600.0, "restart_max_s": 3600.0}, sources={"a": {"type": "shaky"}}
    )
    async with running(settings) as live:
        await state_of(live, "a", "failed")
        assert await live.apply(settings) == [Change("source 'a' tried again at once")]
        await state_of(live, "a", "ended")
        assert live.kernel.stats().sources[0].restarts == 1


async def test_a_source_that_cannot_be_built_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever an adapter raises, the other changes are made."""
    install_adapter(tmp_path, "sources", "unbuilt", UNBUILT_SOURCE, monkeypatch)
    before = profile(sources={"a": {"type": "demo", "fps": 1.0}})
    after = profile(sources={"a": {"type": "unbuilt"}}, void={"type": "null"})
    async with running(before) as live:
        changes = await live.apply(after)
        assert [change.error for change in changes] == ["", "no such thing"]
        assert list(live.kernel.sinks) == ["void"]
        assert live.profile.sources == before.sources
        await state_of(live, "a", "running")
    assert (
        "source 'a' replaced by another type (type): failed, and the previous settings stay in effect"
        in caplog.text
    )


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"type": "images", "path": "gone.gif"}, "path: "),
        ({"type": "command", "run": ["no-such-program"]}, "run: "),
    ],
)
async def test_a_source_that_lacks_something_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], why: str
) -> None:
    """What is missing is found before the predecessor is stopped; the next reload tries it again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(tiny_png())
    before = profile(sources={"a": {"type": "images", "path": "a.png"}})
    async with running(before) as live:
        await state_of(live, "a", "running")
        for _ in range(2):
            (change,) = await live.apply(profile(sources={"a": wanted}))
            assert change.error.startswith(why)
            assert live.profile.sources == before.sources
            await state_of(live, "a", "running")


def test_a_summary_tells_what_was_done_from_what_was_not() -> None:
    """As JSON values, for clients of the control socket."""
    assert summary([Change("a"), Change("b", "why")]) == {"changed": ["a"], "failed": {"b": "why"}}
