"""The bus: blinker signals that carry envelopes to queues and commands to the program.

Blinker leaves the order of receivers open, and stops at the first that raises. Here they run in the order in
which they were connected and are held strongly; one that raises is reported, and the others run.
"""

import inspect
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal, Self, cast, overload

from blinker import Signal

from beats.kernel.envelope import Control, Envelope, Kind
from beats.kernel.log_sampling import is_power_of_ten
from beats.kernel.stats import Loss

log = logging.getLogger(__name__)

SignalName = Literal["frame", "peripheral", "control", "given_up"]
SIGNALS: Final[tuple[SignalName, ...]] = ("frame", "peripheral", "control", "given_up")


class _OrderedIds(dict[Any, None]):
    """The part of a set that blinker uses, in order of insertion.

    `copy()` and `|` are single steps under the interpreter's lock, so a thread may connect or disconnect
    while another one sends.
    """

    def add(self, item: object) -> None:
        self[item] = None

    def discard(self, item: object) -> None:
        self.pop(item, None)


class _OrderedSignal(Signal):
    set_class = cast("type[set[Any]]", _OrderedIds)


def _nobody(item: object) -> None:
    """Receives for a connection that has ended."""


_ended: Final[deque["Connection"]] = deque(maxlen=256)
"""Keeps the addresses of what was disconnected: blinker knows receivers by them, and a new one at such an
address would get the item that is being sent."""


class Connection:
    """Connects one receiver to a signal until `disconnect()`; also a context manager."""

    __slots__ = ("_failures", "_signal", "receiver")

    def __init__(self, signal: Signal, receiver: Callable[[Any], object]) -> None:
        if inspect.iscoroutinefunction(receiver) or inspect.iscoroutinefunction(type(receiver).__call__):
            raise TypeError(f"{receiver!r} is a coroutine function; a receiver is called in the producer")
        self.receiver = receiver
        self._signal: Final = signal
        self._failures = 0
        signal.connect(self, weak=False)

    def __call__(self, item: object) -> object:
        """Pass an item to the receiver; an exception is reported, not raised."""
        try:
            return self.receiver(item)
        except Exception:
            self.report()
            return None

    def report(self) -> None:
        """Log the current exception at its 1st, 10th, 100th … time, since it may come with every frame."""
        self._failures += 1
        if is_power_of_ten(self._failures):
            log.exception(
                "receiver %r of signal %r raised (%d times so far)",
                self.receiver,
                self._signal.__doc__,
                self._failures,
            )

    def disconnect(self) -> None:
        """Receive nothing more. Does not wait for a call that runs in another thread."""
        self._signal.disconnect(self)
        self.receiver = _nobody
        _ended.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()


class Bus:
    """Signals `frame`, `peripheral`, `control` and `given_up`."""

    def __init__(self) -> None:
        self._signals: Final = {name: _OrderedSignal(name) for name in SIGNALS}

    @overload
    def connect(self, signal: Kind, receiver: Callable[[Envelope], object]) -> Connection: ...
    @overload
    def connect(self, signal: Literal["control"], receiver: Callable[[Control], object]) -> Connection: ...
    @overload
    def connect(self, signal: Literal["given_up"], receiver: Callable[[Loss], object]) -> Connection: ...
    def connect(self, signal: SignalName, receiver: Callable[[Any], object]) -> Connection:
        """Call `receiver` with every item of a signal, in the thread of its producer or of the kernel's loop.

        Either waits for it, so it should be quick. It may connect, disconnect and publish, but must not
        wait for another thread that publishes.

        Raises:
            TypeError: the receiver is a coroutine function.
        """
        return Connection(self._signals[signal], receiver)

    def send(self, envelope: Envelope) -> list[object]:
        """Pass an envelope to the receivers of its kind; returns what they returned, without None."""
        answers: list[object] = []
        # As Signal.send, but without checking whether each receiver is a coroutine function, which costs
        # more than a queue's offer, and without an extra call for each.
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

    def send_given_up(self, loss: Loss) -> None:
        """Tell the receivers of `given_up` what will not be published after all."""
        self._signals["given_up"].send(loss)
