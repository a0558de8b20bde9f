"""The bus: blinker signals that carry envelopes to queues and commands to the program.

What blinker leaves open is settled here: receivers run in the order in which they were connected, are
held strongly, and one that raises is reported without keeping the item from the others.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any, Final, Literal, Self, cast, overload

from blinker import Signal

from beats.kernel.envelope import Control, Envelope, Kind
from beats.kernel.log_sampling import is_power_of_ten

log = logging.getLogger(__name__)

SignalName = Literal["frame", "peripheral", "control"]
SIGNALS: Final[tuple[SignalName, ...]] = ("frame", "peripheral", "control")


class _OrderedIds(dict[Any, None]):
    """The set of receivers in order of connection, as far as blinker uses a set.

    `copy()` and `|` are single steps under the interpreter's lock, so that a thread may connect or
    disconnect while another one sends.
    """

    def add(self, item: object) -> None:
        self[item] = None

    def discard(self, item: object) -> None:
        self.pop(item, None)


class _OrderedSignal(Signal):
    set_class = cast("type[set[Any]]", _OrderedIds)


class Connection:
    """One receiver's place on a signal; ends with `disconnect()` or as a context manager."""

    __slots__ = ("_failures", "_signal", "receiver")

    def __init__(self, signal: Signal, receiver: Callable[[Any], object]) -> None:
        if inspect.iscoroutinefunction(receiver) or inspect.iscoroutinefunction(type(receiver).__call__):
            raise TypeError(f"{receiver!r} is a coroutine function; a receiver is called in the producer")
        self.receiver: Final = receiver
        self._signal: Final = signal
        self._failures = 0
        signal.connect(self, weak=False)

    def __call__(self, item: object) -> object:
        """Pass an item to the receiver; an exception is reported and goes no further."""
        try:
            return self.receiver(item)
        except Exception:
            self.report()
            return None

    def report(self) -> None:
        """Log the exception being handled: at its 1st, 10th, 100th … time, as frames come by the thousand."""
        self._failures += 1
        if is_power_of_ten(self._failures):
            log.exception(
                "receiver %r of signal %r raised (%d times so far)",
                self.receiver,
                self._signal.__doc__,
                self._failures,
            )

    def disconnect(self) -> None:
        """Receive nothing more. A call that is under way in another thread is not waited for."""
        self._signal.disconnect(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()


class Bus:
    """Signals `frame`, `peripheral` and `control`."""

    def __init__(self) -> None:
        self._signals: Final = {name: _OrderedSignal(name) for name in SIGNALS}

    @overload
    def connect(self, signal: Kind, receiver: Callable[[Envelope], object]) -> Connection: ...
    @overload
    def connect(self, signal: Literal["control"], receiver: Callable[[Control], object]) -> Connection: ...
    def connect(self, signal: SignalName, receiver: Callable[[Any], object]) -> Connection:
        """Have `receiver` called with every item of a signal, in the thread of its producer.

        It runs while the producer waits, so it should be quick. It may connect, disconnect and publish,
        but not wait for another thread that publishes.

        Raises:
            TypeError: the receiver is a coroutine function.
        """
        return Connection(self._signals[signal], receiver)

    def send(self, envelope: Envelope) -> list[object]:
        """Pass an envelope to the receivers of its kind; returns what they returned, None left out."""
        answers: list[object] = []
        # What Signal.send does, without its look at each receiver for being a coroutine function, which
        # costs more than a queue's offer, and without a call in between for each.
        for connection in self._signals[envelope.kind].receivers_for(envelope):
            try:
                answer: object = cast("Connection", connection).receiver(envelope)
            except Exception:
                cast("Connection", connection).report()
            else:
                if answer is not None:
                    answers.append(answer)
        return answers

    def send_control(self, control: Control) -> None:
        """Pass a client's command to the receivers of `control`."""
        self._signals["control"].send(control)
