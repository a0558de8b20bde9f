"""A kernel that is brought to other settings; whole runs of it are in tests/system."""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.catalogues import InstalledAdapters
from beats.adapters.live import Change, LiveProfile, summary
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.kernel.envelope import Peripheral
from tests.adapters.recordings.support import messages
from tests.adapters.sinks.recorder.support import metadata

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def profile(kernel: dict[str, Any] | None = None, **sinks: Any) -> ProfileSettings:
    overrides = {
        "kernel": {"when_sources_end": "stay", **(kernel or {})},
        "sources": {"demo": {"enabled": False}},
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


async def test_equal_settings_touch_nothing() -> None:
    """The same sink objects go on, and nothing is said to have changed."""
    settings = profile(void={"type": "null"})
    async with running(settings) as live:
        before = dict(live.kernel.sinks)
        assert await live.apply(profile(void={"type": "null"})) == []
        assert live.kernel.sinks == before


async def test_a_failed_step_stays_out_of_what_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """So the next reading tries it again, and everything else is done."""
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
    assert "sink 'tape' added: failed, and it runs on as before" in caplog.text


async def test_a_change_is_logged_and_noted_in_recordings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each change, and one record in the recording that goes on."""
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


async def test_settings_of_the_kernel_hold_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Bounds, times and the level of the log."""
    beats = logging.getLogger("beats")
    level = beats.level
    try:
        async with running(profile()) as live:
            await live.apply(profile({"max_topics": 1, "shutdown_timeout_s": 3.0, "log_level": "ERROR"}))
            assert live.kernel.options.shutdown_timeout_s == 3.0
            assert beats.level == logging.ERROR
            await live.kernel.publisher.publish_async(Peripheral("a", 1))
            with pytest.raises(ValueError, match="max_topics"):
                await live.kernel.publisher.publish_async(Peripheral("b", 1))
    finally:
        beats.setLevel(level)


async def test_a_recorder_that_moves_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What waits goes to the successor, whatever is published meanwhile."""
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


async def test_changes_are_made_one_call_at_a_time() -> None:
    """Two callers do not tear at the same parts; the last one's settings hold."""
    async with running(profile()) as live:
        async with anyio.create_task_group() as group:
            for name in ("a", "b", "c"):
                group.start_soon(live.apply, profile(**{name: {"type": "null"}}))
        assert list(live.kernel.sinks) == list(live.profile.sinks)
        assert len(live.kernel.sinks) == 1


async def test_a_token_file_is_read_anew_although_its_name_is_the_same(
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
        assert sink._door._tokens.watch == "new"
        file.unlink()
        await live.apply(profile(browser=browser))
        assert sink._door._tokens.watch == "new"
    assert "runs on as before" in caplog.text


def test_a_summary_tells_what_was_done_from_what_was_not() -> None:
    """As plain values, for whoever asked from outside."""
    assert summary([Change("a"), Change("b", "why")]) == {"changed": ["a"], "failed": {"b": "why"}}
