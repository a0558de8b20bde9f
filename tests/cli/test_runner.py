"""How a command runs a profile: signals, what runs beside it, what it shows."""

import gc
import io
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import typer
from anyio import to_thread
from rich.console import Console

from beats.cli import runner
from beats.cli.collector import OLDEST_THRESHOLD
from beats.cli.runner import Counted, LiveLine, Show, perform, table
from beats.kernel.envelope import Peripheral
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Amount, ClientTotals, GivenUp, SinkStats, SourceStats, Stats
from beats.runtime import control_socket as instance
from beats.runtime.host import Host
from beats.runtime.reader import Reader
from tests.cli.screen import on_a_screen
from tests.cli.top import answers
from tests.recordings.support import lines, messages, record
from tests.support import BEATS, PORT_0, TIMEOUT_S, Program, clean_environment, quiet, ran

HELD = {"type": "recorder", "snapshot_s": 60.0, "path": "held/{part}.mcap", "min_free_bytes": 0}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other run is seen; the log is as it was before."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger(), "handlers", logging.getLogger().handlers[:])


def profile(**sinks: Any) -> Reader:
    return Reader(None, None, None, overrides=quiet(browser={"enabled": False}, **sinks))


def performed(reader: Reader, beside: runner.Beside) -> None:
    perform(reader, None, Show(beside=beside))


def interrupt(number: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def test_whole_collections_are_seldom_during_a_run() -> None:
    """Python's own schedule holds again after it."""
    before = gc.get_threshold()
    during: list[int] = []

    async def beside(kernel: Kernel) -> None:
        during.append(gc.get_threshold()[2])
        kernel.stop()

    performed(profile(void={"type": "null"}), beside)
    assert during == [OLDEST_THRESHOLD]
    assert gc.get_threshold() == before


def test_what_runs_beside_a_stream_begins_on_air_and_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It gets a running kernel, can stop it, and is cancelled at the end."""
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
    """The handlers of the calling program are restored."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]

    async def beside(kernel: Kernel) -> None:
        interrupt(number)
        await anyio.sleep_forever()

    performed(profile(void={"type": "null"}), beside)
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    assert after == before


def test_a_sink_that_cannot_start_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason on standard error; `beside` did not run."""

    async def beside(kernel: Kernel) -> None:
        pytest.fail("it never was on air")

    (tmp_path / "a.mcap").touch()
    with pytest.raises(typer.Exit) as caught:
        performed(profile(tape={"type": "recorder", "path": "a.mcap"}), beside)
    assert caught.value.exit_code == 78
    assert "sink 'tape' could not start" in capsys.readouterr().err


def test_a_run_can_be_asked_for_a_snapshot(tmp_path: Path) -> None:
    """Over the control socket, which is removed afterwards."""
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

    async def hang(host: Host) -> dict[str, Path]:
        hanging.set()
        await anyio.sleep_forever()
        return {}

    monkeypatch.setattr(Host, "snapshot", hang)

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
    """Whatever the error, and the next one is tried."""
    tried: list[anyio.Event] = []

    async def fail(host: Host) -> dict[str, Path]:
        tried.pop().set()
        raise error

    monkeypatch.setattr(Host, "snapshot", fail)

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


def test_a_reload_that_fails_unexpectedly_does_not_end_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A reload by SIGHUP only logs its errors."""
    monkeypatch.setattr(runner, "_has_terminal", lambda: False)  # the tests may have one
    failed = anyio.Event()

    async def fail(host: Host) -> Any:
        failed.set()
        raise ZeroDivisionError("a mistake in the code")

    monkeypatch.setattr(Host, "try_reload", fail)

    async def beside(kernel: Kernel) -> None:
        logging.getLogger().addHandler(caplog.handler)
        interrupt(signal.SIGHUP)
        await failed.wait()
        while "a mistake in the code" not in caplog.text:  # noqa: ASYNC110 - logging tells nobody
            await anyio.sleep(0.01)
        kernel.stop()

    performed(profile(void={"type": "null"}), beside)


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
        assert program.err.so_far().count("settings reloaded: no changes") == 1
        assert program.interrupt() == 0


def sink(
    name: str = "browser",
    state: str = "running",
    offered: int = 0,
    drops: Sequence[tuple[str, int]] = (),
    totals: ClientTotals | None = None,
) -> SinkStats:
    own = answers.queue(offered - sum(items for _, items in drops), drops=drops)
    error = "OSError: no disk" if state == "failed" else ""
    return answers.sink(name, state=state, last_error=error, queue=own, client_totals=totals)


def totals(connected: int = 0, delivered: int = 0, dropped: int = 0, **ended: int) -> ClientTotals:
    counts: dict[str, Any] = {"accepted": 5, "refused": 0, "stalled": 0, "overflowed": 0, **ended}
    return ClientTotals(connected=connected, delivered=Amount(delivered), dropped=Amount(dropped), **counts)


class FakeKernel:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now = Stats(0, 0, (), ())

    def stats(self) -> Stats:
        return self.now


def rows(stats: Stats) -> list[list[str]]:
    """The table as text, a list of words for each line."""
    screen = io.StringIO()
    Console(file=screen, width=200).print(table(stats))
    return [line.split() for line in screen.getvalue().splitlines()]


def test_the_line_shows_rates_since_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates are counted between two looks, and stay for 0.4 s; clients and drops are current totals."""
    now_s = 100.0
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: now_s))
    kernel = FakeKernel()
    line = LiveLine(kernel)
    assert str(line.__rich__()) == "0 fps · 0 viewers · 0 dropped"
    now_s += 2
    kernel.now = Stats(100, 60, (), (sink(totals=totals(connected=1)),))
    assert str(line.__rich__()) == "30.0 fps · 20.0 updates/s · 1 viewer · 0 dropped"
    now_s += 1
    kernel.now = Stats(130, 70, (), (sink(totals=totals(connected=2)),))
    assert str(line.__rich__()) == "10.0 fps · 20.0 updates/s · 2 viewers · 0 dropped"
    now_s = 100.0
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: now_s))
    kernel = FakeKernel()
    line = LiveLine(kernel)
    now_s += 0.3
    browser = sink(offered=9, drops=[("drop_oldest", 2)], totals=totals(dropped=3))
    kernel.now = Stats(9, 9, (), (browser, sink("null")))
    assert str(line.__rich__()) == "0 fps · 0 viewers · 5 dropped"
    now_s += 0.2
    assert "18.0 fps" in str(line.__rich__())


def test_the_line_names_what_has_failed() -> None:
    """A sink or source that failed and has not come back is named with the reason, as it is."""
    kernel = FakeKernel()
    source = SourceStats("film", "failed", 0, "[x] is gone", 0)
    kernel.now = Stats(0, 0, (source,), (sink("tape", "failed"), sink()))
    text = str(LiveLine(kernel).__rich__())
    assert text.endswith(" · film failed: [x] is gone · tape failed: OSError: no disk")


def test_what_producers_gave_up_is_told() -> None:
    """In the line and in the table, when there is some."""
    kernel = FakeKernel()
    kernel.now = Stats(5, 5, (), (), given_up=(GivenUp("encoder", "frame", 2), GivenUp("failed", "frame", 1)))
    assert str(LiveLine(kernel).__rich__()).endswith(" · 0 dropped · 3 given up")
    assert " ".join(rows(kernel.now)[0]) == "published 5, of them 5 frames; 3 more were given up before that"


def test_the_table_counts_by_sink() -> None:
    """A line for each sink with drops and reasons, and one for its viewers with how many were closed."""
    drops = [("drop_newest", 2), ("shutdown", 1), ("drop_newest", 1)]
    sinks = (sink("null", "ended", 10), sink("tape", "stopped", 10, drops))
    assert rows(Stats(10, 7, (), sinks)) == [
        ["published", "10,", "of", "them", "7", "frames"],
        ["sink", "state", "offered", "delivered", "dropped", "why"],
        ["null", "ended", "10", "10", "0"],
        ["tape", "stopped", "10", "6", "4", "drop_newest", "3,", "shutdown", "1"],
    ]
    ended = {"stalled": 1, "overflowed": 2, "flooded": 3, "silent": 4}
    lines = rows(Stats(10, 7, (), (sink("browser", "ended", 10, totals=totals(0, 40, 8, **ended)),)))
    reasons = "1 closed: stalled, 2 closed: overflowed, 3 closed: flooded, 4 closed: silent"
    assert lines[3] == ["5", "viewers", "48", "40", "8", *reasons.split()]
    lines = rows(Stats(10, 7, (), (sink("browser", "ended", 10, totals=totals(0, 40)),)))
    assert lines[3] == ["5", "viewers", "40", "40", "0"]
