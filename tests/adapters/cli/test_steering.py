"""What reaches a running command from outside."""

import logging
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from beats.adapters.cli.common import Reader
from beats.adapters.cli.steering import Steering
from beats.adapters.house import House
from beats.adapters.live import LiveProfile
from beats.adapters.watch import Watch
from beats.config.settings import ProfileSettings

pytestmark = pytest.mark.anyio
OFF = "[sources.demo]\nenabled = false\n[sinks.browser]\nenabled = false\n[sinks.void]\ntype = 'null'\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def steered(
    folder: Path, read: Callable[[], ProfileSettings] | None = None
) -> AsyncGenerator[Steering]:
    """A run by the file `default.toml` of a folder."""
    reader = Reader(None, folder, None)
    watch = Watch(folder)
    live = LiveProfile(reader.read())
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(live.kernel.run)
            yield Steering(House(live), read or reader.read, watch)
            live.kernel.stop()


async def test_a_reload_says_what_was_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Changes, that there were none, or all that is wrong with the settings."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "default.toml"
    file.write_text(OFF)
    async with steered(tmp_path) as steering:
        assert await steering.reload() == {"changed": [], "failed": {}}
        assert "the settings were read anew, and are as before" in caplog.text
        file.write_text(OFF + "[sinks.more]\ntype = 'null'\n")
        assert await steering.reload() == {"changed": ["sink 'more' added"], "failed": {}}
        file.write_text(OFF + "[sinks.more]\ntype = 'nul'\n[kernel]\nmax_topics = 0\n")
        refused = str((await steering.reload())["refused"])
        assert "sinks.more.type" in refused
        assert "kernel.max_topics" in refused
        assert set(steering.kernel.sinks) == {"void", "more"}
    assert "the settings are wrong, and those from before go on" in caplog.text


async def test_files_are_obeyed_while_the_settings_say_so(tmp_path: Path) -> None:
    """From the reload that switches it on to the change that switches it off."""
    file = tmp_path / "default.toml"
    file.write_text(OFF)
    reloads: list[ProfileSettings] = []
    reader = Reader(None, tmp_path, None)
    read = anyio.Event()

    def counted() -> ProfileSettings:
        reloads.append(reader.read())
        anyio.from_thread.run_sync(read.set)
        return reloads[-1]

    async with steered(tmp_path, counted) as steering, anyio.create_task_group() as group:
        group.start_soon(steering.obey_files)
        file.write_text(OFF + "[kernel]\nwatch = true\n")
        await steering.reload()
        assert len(reloads) == 1
        while "more" not in steering.kernel.sinks:
            file.write_text(OFF + "[sinks.more]\ntype = 'null'\n[kernel]\nwatch = true\n")
            await anyio.sleep(0.5)
        file.write_text(OFF)
        while "more" in steering.kernel.sinks:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()


async def test_a_reload_that_fails_unexpectedly_does_not_end_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGHUP asks for it, and nobody waits for the answer."""
    (tmp_path / "default.toml").write_text(OFF)
    failed = anyio.Event()

    def read() -> ProfileSettings:
        anyio.from_thread.run_sync(failed.set)
        raise ZeroDivisionError("a mistake in the code")

    async with steered(tmp_path, read) as steering, anyio.create_task_group() as group:
        await group.start(steering.obey_signals, group.cancel_scope)
        os.kill(os.getpid(), signal.SIGHUP)
        await failed.wait()
        while "a mistake in the code" not in caplog.text:  # noqa: ASYNC110 - logging tells nobody
            await anyio.sleep(0.01)
        assert set(steering.kernel.sinks) == {"void"}
        group.cancel_scope.cancel()
