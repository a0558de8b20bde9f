"""What reaches a running command from outside."""

import logging
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from beats.cli import control as steering
from beats.cli.common import Reader
from beats.cli.control import Steering
from beats.cli.house import House
from beats.config.settings import ProfileSettings
from beats.runtime.live import LiveProfile
from beats.runtime.watcher import Watch
from tests.cli.screen import on_a_screen
from tests.recordings.support import lines, record
from tests.support import BEATS, PORT_0, TIMEOUT_S, Program, beats, clean_environment, ran

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


@pytest.mark.anyio
async def test_a_reload_says_what_was_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Changes, that there were none, or all that is wrong with the settings."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "default.toml"
    file.write_text(OFF)
    async with steered(tmp_path) as steered_run:
        assert await steered_run.reload() == {"changed": [], "failed": {}}
        assert "the settings were read anew, and are as before" in caplog.text
        file.write_text(OFF + "[sinks.more]\ntype = 'null'\n")
        assert await steered_run.reload() == {"changed": ["sink 'more' added"], "failed": {}}
        file.write_text(OFF + "[sinks.more]\ntype = 'nul'\n[kernel]\nmax_topics = 0\n")
        refused = str((await steered_run.reload())["refused"])
        assert "sinks.more.type" in refused
        assert "kernel.max_topics" in refused
        assert set(steered_run.kernel.sinks) == {"void", "more"}
    assert "the settings are wrong, and those from before go on" in caplog.text


@pytest.mark.anyio
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

    async with steered(tmp_path, counted) as steered_run, anyio.create_task_group() as group:
        group.start_soon(steered_run.obey_files)
        file.write_text(OFF + "[kernel]\nwatch = true\n")
        await steered_run.reload()
        assert len(reloads) == 1
        while "more" not in steered_run.kernel.sinks:
            file.write_text(OFF + "[sinks.more]\ntype = 'null'\n[kernel]\nwatch = true\n")
            await anyio.sleep(0.5)
        file.write_text(OFF)
        while "more" in steered_run.kernel.sinks:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_reload_that_fails_unexpectedly_does_not_end_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP asks for it, and nobody waits for the answer."""
    monkeypatch.setattr(steering, "_has_terminal", lambda: False)  # whoever runs the tests may have one
    (tmp_path / "default.toml").write_text(OFF)
    failed = anyio.Event()

    def read() -> ProfileSettings:
        anyio.from_thread.run_sync(failed.set)
        raise ZeroDivisionError("a mistake in the code")

    async with steered(tmp_path, read) as steered_run, anyio.create_task_group() as group:
        await group.start(steered_run.obey_signals, group.cancel_scope)
        os.kill(os.getpid(), signal.SIGHUP)
        await failed.wait()
        while "a mistake in the code" not in caplog.text:  # noqa: ASYNC110 - logging tells nobody
            await anyio.sleep(0.01)
        assert set(steered_run.kernel.sinks) == {"void"}
        group.cancel_scope.cancel()


@pytest.mark.parametrize("command", ["run", "record", "replay"])
def test_a_terminal_that_is_closed_ends_a_stream_in_order(tmp_path: Path, command: str) -> None:
    """SIGHUP ends what has a terminal; the recording is finished and nothing is left of the run."""
    record(tmp_path / "show.mcap", lines(3000))
    arguments = {"run": (), "record": ("--out", "new.mcap"), "replay": ("show.mcap",)}[command]
    with on_a_screen(command, *arguments, *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as screen:
        screen.wait_for(r"\d+ dropped")  # the live line: all is running
        screen.hang_up()
        assert screen.process.wait(TIMEOUT_S) == 0
    assert not list(tmp_path.glob("**/*.part"))
    assert not list(tmp_path.glob("**/*.sock"))
    assert (tmp_path / "new.mcap").exists() == (command == "record")


def test_a_service_reads_its_settings_again_on_sighup(tmp_path: Path) -> None:
    """Without a terminal there is none to lose."""
    with beats("run", *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        assert program.url
        program.signal(signal.SIGHUP)
        program.err.wait_for("the settings were read anew")
        assert program.interrupt() == 0


def test_under_nohup_a_stream_outlives_its_terminal(tmp_path: Path) -> None:
    """`nohup` has SIGHUP ignored, and so it stays; `beats reload` is heard all the same."""

    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    arguments = [*BEATS, "run", *PORT_0]
    environment = clean_environment(XDG_RUNTIME_DIR=str(tmp_path))
    with Program(arguments, tmp_path, environment, before=nohup) as program:
        assert program.url
        program.signal(signal.SIGHUP)
        code, out, _ = ran("reload", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
        assert (code, out) == (0, "nothing changed\n")
        assert program.err.so_far().count("the settings were read anew") == 1
        assert program.interrupt() == 0
