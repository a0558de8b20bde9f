"""How a command runs a kernel: signals, what runs beside it, what it shows."""

import logging
import os
import signal
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any

import anyio
import pytest
import typer
from anyio import to_thread

from beats.cli import control as steering
from beats.cli import runner as stage
from beats.cli.common import Reader
from beats.cli.runner import Show, perform
from beats.cli.status import Counted
from beats.kernel.envelope import Peripheral
from beats.kernel.run.kernel import Kernel
from beats.runtime import control_socket as instance
from tests.recordings.support import messages
from tests.support import quiet

HELD = {"type": "recorder", "snapshot_s": 60.0, "path": "held/{part}.mcap", "min_free_bytes": 0}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """No other run is seen; the log is as it was before."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    root, beats = logging.getLogger(), logging.getLogger("beats")
    before = (root.handlers[:], root.level, beats.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    beats.setLevel(before[2])


def profile(**sinks: Any) -> Reader:
    return Reader(None, None, None, overrides=quiet(browser={"enabled": False}, **sinks))


def performed(reader: Reader, beside: stage.Beside) -> None:
    perform(reader, None, Show(beside=beside))


def interrupt(number: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def test_what_runs_beside_a_stream_begins_on_air_and_ends_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It sees a kernel that runs, may stop it, and is cancelled at the end."""
    seen: list[str] = []

    async def beside(kernel: Kernel) -> None:
        seen.append(kernel.stats().sinks[0].state)
        kernel.stop()
        try:
            await anyio.sleep_forever()
        finally:
            seen.append("cancelled")

    performed(profile(void={"type": "null"}), beside)
    assert seen == ["running", "cancelled"]
    assert "published 0, of them 0 frames" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_handlers_are_as_before(number: signal.Signals) -> None:
    """The program that called it gets its own handlers back."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]

    async def beside(kernel: Kernel) -> None:
        interrupt(number)
        await anyio.sleep_forever()

    performed(profile(void={"type": "null"}), beside)
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    assert after == before


def test_a_sink_that_cannot_start_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1, with the reason on standard error; nothing ran beside it."""

    async def beside(kernel: Kernel) -> None:
        pytest.fail("it never was on air")

    (tmp_path / "a.mcap").touch()
    with pytest.raises(typer.Exit) as caught:
        performed(profile(tape={"type": "recorder", "path": "a.mcap"}), beside)
    assert caught.value.exit_code == 1
    assert "sink 'tape' could not start" in capsys.readouterr().err


def test_a_run_can_be_asked_for_a_snapshot(tmp_path: Path) -> None:
    """By the way in to it; what was asked for is in the file, and the way in is gone afterwards."""
    answers: list[instance.Answer] = []

    async def beside(kernel: Kernel) -> None:
        await _publish(kernel)
        while not await to_thread.run_sync(instance.instances):
            await anyio.lowlevel.checkpoint()
        answers.append(await to_thread.run_sync(instance.ask, "snapshot"))
        kernel.stop()

    performed(profile(tape=HELD), beside)
    (answer,) = answers
    assert len(messages(tmp_path / str(answer["tape"]))) == 1
    assert list((tmp_path / "beats").iterdir()) == []


def test_a_disk_that_hangs_over_a_snapshot_does_not_keep_the_run_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While SIGUSR1's snapshot waits, SIGINT is obeyed."""
    hanging = anyio.Event()

    async def hang(sinks: object) -> dict[str, Path]:
        hanging.set()
        await anyio.sleep_forever()
        return {}

    monkeypatch.setattr(steering, "take_snapshots", hang)

    async def beside(kernel: Kernel) -> None:
        interrupt(signal.SIGUSR1)
        await hanging.wait()
        interrupt()
        await anyio.sleep_forever()

    performed(profile(void={"type": "null"}), beside)


@pytest.mark.parametrize("error", [LookupError("nothing yet"), OSError("disk"), ZeroDivisionError("odd")])
def test_a_snapshot_that_fails_is_reported_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Whatever went wrong, and the next one is tried."""
    tried: list[anyio.Event] = []

    async def fail(sinks: object) -> dict[str, Path]:
        tried.pop().set()
        raise error

    monkeypatch.setattr(steering, "take_snapshots", fail)

    async def beside(kernel: Kernel) -> None:
        for _ in range(2):
            done = anyio.Event()
            tried.append(done)
            interrupt(signal.SIGUSR1)
            await done.wait()
        kernel.stop()

    performed(profile(void={"type": "null"}), beside)
    assert capsys.readouterr().err.count("no snapshot") == 2


async def _publish(kernel: Kernel) -> None:
    await kernel.publisher.publish_async(Peripheral("knob", 1))
    while kernel.stats().sinks[0].queue.waiting.items:
        await anyio.lowlevel.checkpoint()


def test_what_is_shown_is_made_for_what_runs() -> None:
    """A command may show something of its own; without a terminal nothing is drawn."""
    made: list[Counted] = []

    def live(counted: Counted) -> str:
        made.append(counted)
        return "something"

    async def beside(kernel: Kernel) -> None:
        assert [each.stats() for each in made] == [kernel.stats()]
        kernel.stop()

    perform(profile(void={"type": "null"}), None, Show(live=live, beside=beside))


def test_a_run_of_a_given_length_stops() -> None:
    """Whatever runs beside it."""

    def forever(kernel: Kernel) -> Coroutine[Any, Any, None]:
        return anyio.sleep_forever()

    perform(profile(void={"type": "null"}), 0.01, Show(beside=forever))
