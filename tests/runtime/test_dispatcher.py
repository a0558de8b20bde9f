"""Handlers of control messages, in a thread of their own."""

import logging
import queue
import threading
from collections.abc import Generator

import pytest

from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.errors import ClosedError
from beats.runtime import dispatcher
from beats.runtime.dispatcher import Dispatcher
from tests.support import TIMEOUT_S

CLIENT = ClientIdentity("browser", 1, "127.0.0.1:9")
BOUND = 256


def browse(step: int) -> Control:
    return Control("browse", {"browse_step": step}, CLIENT)


@pytest.fixture
def commands() -> Generator[Dispatcher]:
    result = Dispatcher()
    yield result
    result.close()


def test_handlers_get_every_command_in_order(commands: Dispatcher) -> None:
    """One after the other, as they were added, in one thread that is not the caller's."""
    seen: list[tuple[str, Control, int]] = []
    commands.add(lambda control: seen.append(("first", control, threading.get_ident())))
    commands.add(lambda control: seen.append(("second", control, threading.get_ident())))
    for step in range(100):
        commands.put(browse(step))
    commands.close()
    expected = [(name, browse(step)) for step in range(100) for name in ("first", "second")]
    assert [(name, control) for name, control, _ in seen] == expected
    (thread,) = {thread for _, _, thread in seen}
    assert thread != threading.get_ident()


def test_a_handler_can_be_removed(commands: Dispatcher) -> None:
    """By the function that `add` returned; others stay, and so does a second registration of it."""
    seen: list[str] = []

    def handle(control: Control) -> None:
        seen.append("twice")

    remove = commands.add(handle)
    commands.add(handle)
    commands.add(lambda _: seen.append("other"))
    remove()
    remove()
    commands.put(browse(1))
    commands.close()
    assert seen == ["twice", "other"]


def test_a_handler_may_remove_itself_and_others(commands: Dispatcher) -> None:
    """They are no longer called, not even for the current message."""
    seen: list[str] = []

    def once(control: Control) -> None:
        seen.append("once")
        for remove in removes:
            remove()

    removes = [commands.add(once), commands.add(lambda _: seen.append("never"))]
    commands.put(browse(1))
    commands.put(browse(2))
    commands.close()
    assert seen == ["once"]


def test_a_handler_that_raises_is_reported_and_called_again(
    commands: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """The other handlers and the next message are still served."""
    seen: list[Control] = []

    def fail(control: Control) -> None:
        raise ZeroDivisionError("no knob")

    commands.add(fail)
    commands.add(seen.append)
    commands.put(browse(1))
    commands.put(browse(2))
    commands.close()
    assert seen == [browse(1), browse(2)]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "ZeroDivisionError: no knob" in caplog.text


def test_a_slow_handler_costs_commands_and_no_waiting(
    commands: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages that come while too many wait are dropped, counted and logged; waiting ones are not lost."""
    busy, go_on = threading.Event(), threading.Event()
    seen: list[Control] = []

    def slow(control: Control) -> None:
        seen.append(control)
        busy.set()
        assert go_on.wait(TIMEOUT_S)

    commands.add(slow)
    commands.put(browse(0))
    assert busy.wait(TIMEOUT_S)
    for step in range(1, BOUND + 13):
        commands.put(browse(step))
    assert commands.dropped == 12
    assert [record.levelno for record in caplog.records] == [
        logging.ERROR
    ] * 11  # ten, and that more will be counted
    assert "on_control's handler is 256 messages behind" in caplog.text
    go_on.set()
    commands.close()
    assert seen == [browse(step) for step in range(BOUND + 1)]


def test_without_a_handler_commands_go_nowhere() -> None:
    """Nothing is kept for later handlers, and no thread is started."""
    before = threading.enumerate()
    commands = Dispatcher()
    for step in range(2 * BOUND):
        commands.put(browse(step))
    assert threading.enumerate() == before
    assert commands.dropped == 0
    commands.close()


def test_the_end_joins_the_thread(commands: Dispatcher) -> None:
    """After `close` no thread is left, and commands that still come are ignored."""
    before = threading.enumerate()
    seen: list[Control] = []
    commands.add(seen.append)
    commands.close()
    assert threading.enumerate() == before
    commands.put(browse(1))
    commands.close()
    assert seen == []


def test_a_handler_comes_too_late_after_the_end(commands: Dispatcher) -> None:
    """A handler that would never be called is an error of the caller, and starts no thread."""
    commands.close()
    before = threading.enumerate()
    with pytest.raises(ClosedError, match="add handlers while it is open"):
        commands.add(print)
    assert threading.enumerate() == before


def test_handlers_added_at_once_share_one_thread(commands: Dispatcher) -> None:
    """However many threads add handlers at the same time, each is called and there is one thread."""
    start = threading.Barrier(8)
    seen: queue.Queue[int] = queue.Queue()

    def add() -> None:
        start.wait(TIMEOUT_S)
        commands.add(lambda _: seen.put(threading.get_ident()))

    adders = [threading.Thread(target=add) for _ in range(8)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join(TIMEOUT_S)
    commands.put(browse(1))
    assert len({seen.get(timeout=TIMEOUT_S) for _ in adders}) == 1


def test_a_handler_may_close(commands: Dispatcher) -> None:
    """A handler that ends the stream does not wait for itself, and its thread ends."""
    threads: queue.Queue[threading.Thread] = queue.Queue()

    def end(control: Control) -> None:
        commands.close()
        threads.put(threading.current_thread())

    commands.add(end)
    commands.put(browse(1))
    thread = threads.get(timeout=TIMEOUT_S)
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("waiting", [0, BOUND])
def test_a_handler_that_hangs_is_left_behind_and_ends_later(
    waiting: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The end waits a bounded time for a handler, says so, and the thread still ends when it can."""
    monkeypatch.setattr(dispatcher, "_CLOSE_TIMEOUT_S", 0.01)
    commands = Dispatcher()
    threads: queue.Queue[threading.Thread] = queue.Queue()
    go_on = threading.Event()

    def hang(control: Control) -> None:
        threads.put(threading.current_thread())
        assert go_on.wait(TIMEOUT_S)

    commands.add(hang)
    commands.put(browse(0))
    thread = threads.get(timeout=TIMEOUT_S)
    for step in range(waiting):
        commands.put(browse(step))
    commands.close()
    assert "left running" in caplog.text
    assert thread.daemon, "it must not keep the program from ending"
    go_on.set()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
