import functools
import gc
import logging
import threading
from typing import Any

import pytest

from beats.kernel.bus import Bus, Connection
from beats.kernel.envelope import ClientIdentity, Control, Envelope
from beats.kernel.testing import envelope
from tests.kernel.support import threads

COMMAND = Control("select", {"topic": "frame"}, ClientIdentity("browser", 1, "host:1"))


class Receiver:
    """Notes its name when it is called."""

    def __init__(self, calls: list[str], name: str) -> None:
        self._calls = calls
        self._name = name

    def __call__(self, item: object) -> None:
        self._calls.append(self._name)


class Answering:
    """Returns the same answer each time."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def __call__(self, item: object) -> object:
        return self._answer


def failing(item: object) -> None:
    raise ZeroDivisionError("broken receiver")


def test_receivers_run_in_order_of_connection() -> None:
    """An envelope reaches receivers in the order in which they were connected."""
    bus, calls = Bus(), list[str]()
    names = [f"receiver-{number}" for number in range(100)]
    for name in names:
        bus.connect("frame", Receiver(calls, name))
    bus.send(envelope())
    assert calls == names


def test_each_connection_ends_alone() -> None:
    """Ending it twice is no error; a receiver that comes back is the last, and may be connected twice."""
    bus, calls = Bus(), list[str]()
    receiver = Receiver(calls, "a")
    first = bus.connect("frame", receiver)
    bus.connect("frame", Receiver(calls, "b"))
    first.disconnect()
    second = bus.connect("frame", receiver)
    bus.connect("frame", receiver)
    first.disconnect()
    bus.send(envelope())
    second.disconnect()
    bus.send(envelope())
    assert calls == ["b", "a", "a", "b", "a"]


def test_receivers_survive_garbage_collection() -> None:
    """The bus holds lambdas and bound methods strongly; their connections need not be kept."""
    bus, received, calls = Bus(), list[Envelope](), list[str]()
    bus.connect("frame", lambda item: received.append(item))
    bus.connect("frame", Receiver(calls, "a").__call__)
    gc.collect()
    bus.send(envelope())
    assert (received, calls) == ([envelope()], ["a"])


def test_a_receiver_gets_only_the_kind_it_asked_for() -> None:
    """Frames, peripherals and commands are signals of their own."""
    bus = Bus()
    frames, peripherals, commands = list[Envelope](), list[Envelope](), list[Control]()
    bus.connect("frame", frames.append)
    bus.connect("peripheral", peripherals.append)
    bus.connect("control", commands.append)
    frame, update = envelope(), envelope(topic="peripheral/knob")
    bus.send(frame)
    bus.send(update)
    bus.send_control(COMMAND)
    assert (frames, peripherals, commands) == ([frame], [update], [COMMAND])


def test_answers_come_back_in_order_without_none() -> None:
    """A queue answers only when its producer is concerned."""
    bus = Bus()
    for answer in ("first", None, 0, "last"):
        bus.connect("frame", Answering(answer))
    assert bus.send(envelope()) == ["first", 0, "last"]


@pytest.mark.parametrize("signal", ["frame", "peripheral", "control"])
def test_a_raising_receiver_does_not_keep_the_item_from_the_others(
    signal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Receivers before and after the broken one get it, and its exception is logged."""
    bus, calls = Bus(), list[str]()
    bus.connect(signal, Receiver(calls, "before"))
    bus.connect(signal, failing)
    bus.connect(signal, Receiver(calls, "after"))
    if signal == "control":
        bus.send_control(COMMAND)
    else:
        bus.send(envelope(topic="frame" if signal == "frame" else "peripheral/knob"))
    assert calls == ["before", "after"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f"'{signal}'" in caplog.text
    assert "failing" in caplog.text
    assert "ZeroDivisionError: broken receiver" in caplog.text


def test_reports_of_a_raising_receiver_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Of a thousand failures four are logged, each with the count so far."""
    bus = Bus()
    bus.connect("frame", failing)
    for _ in range(1000):
        bus.send(envelope())
    assert len(caplog.records) == 4
    assert "1000 times" in caplog.records[-1].getMessage()


def test_an_exception_that_ends_the_program_is_not_held_back() -> None:
    """KeyboardInterrupt in a receiver comes from the user, not from the receiver."""

    def interrupt(item: object) -> None:
        raise KeyboardInterrupt

    bus = Bus()
    bus.connect("frame", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bus.send(envelope())


async def coroutine_receiver(item: object) -> None: ...


class CoroutineCall:
    async def __call__(self, item: object) -> None: ...

    async def method(self, item: object) -> None: ...


@pytest.mark.parametrize(
    "receiver",
    [coroutine_receiver, functools.partial(coroutine_receiver), CoroutineCall().method, CoroutineCall()],
    ids=["function", "partial", "method", "callable"],
)
def test_a_coroutine_receiver_is_refused(receiver: Any) -> None:
    """A receiver runs in the producer, which cannot await it; the error comes when connecting."""
    bus = Bus()
    with pytest.raises(TypeError, match="coroutine"):
        bus.connect("frame", receiver)
    assert bus.send(envelope()) == []


def test_a_receiver_may_connect_and_disconnect_while_it_is_called() -> None:
    """A disconnected receiver gets nothing more; a new one gets the next item, wherever it is in memory."""
    bus, calls = Bus(), list[str]()
    later: list[Connection] = []
    new = Receiver(calls, "new")

    def change(item: object) -> None:
        if later:
            later.pop().disconnect()
            bus.connect("frame", new)  # the memory of the old one is the first that is free

    bus.connect("frame", change)
    later.append(bus.connect("frame", Receiver(calls, "gone")))
    bus.send(envelope())
    assert calls == []
    bus.send(envelope())
    assert calls == ["new"]


def test_receivers_come_and_go_while_other_threads_send() -> None:
    """Those that stay miss nothing, and no send or change fails."""
    bus = Bus()
    stays: list[int] = []
    bus.connect("frame", lambda item: stays.append(item.sequence))
    rounds = 1000

    def send(first: int) -> None:
        for number in range(first, first + rounds):
            bus.send(envelope(number))

    def come_and_go() -> None:
        for _ in range(rounds):
            with bus.connect("frame", lambda item: None), bus.connect("frame", lambda item: None):
                pass

    with threads(lambda: send(1), lambda: send(1 + rounds), come_and_go, come_and_go):
        pass
    assert sorted(stays) == list(range(1, 2 * rounds + 1))


def test_nothing_is_received_once_disconnect_has_returned() -> None:
    """In the same thread, also while other threads send."""
    bus, done = Bus(), threading.Event()
    late: list[Envelope] = []

    def send() -> None:
        while not done.is_set():
            bus.send(envelope())

    def come_and_go() -> None:
        try:
            for number in range(200):
                bus.connect("frame", lambda item: None).disconnect()
                with bus.connect("peripheral", late.append):
                    pass
                bus.send(envelope(number, topic="peripheral/knob"))
        finally:
            done.set()

    with threads(send, come_and_go):
        pass
    assert late == []
