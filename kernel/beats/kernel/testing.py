"""Helpers for tests of adapters and of the kernel."""

import asyncio
import json
import selectors
from collections.abc import Sequence
from typing import Final, NamedTuple

from beats.kernel.envelope import (
    FRAME_TOPIC,
    Envelope,
    Frame,
    Message,
    Peripheral,
    Sealed,
    kind_of_topic,
    topic_of,
)
from beats.kernel.ports import ClockStep

_NO_TIMER_S: Final = 24 * 3600.0
"""asyncio waits for at most a day, with or without a timer (base_events.MAXIMUM_SELECT_TIMEOUT)."""


class _JumpingSelector(selectors.DefaultSelector):
    """Jumps ahead in time where a loop would wait for its next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Time passes only when no socket and no call from another thread is ready."""
        if timeout is None or timeout >= _NO_TIMER_S:
            return super().select(None)  # no timer, so only a thread or a socket can wake the loop
        if timeout <= 0:
            return super().select(0)
        ready = super().select(0)
        if not ready:
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time stands still while a task can run, and jumps ahead when all wait.

    A test in it takes no real time, and each timeout ends at the exact second. The clock starts at 0. It is
    for code without threads, since time would jump while a thread works. (For trio, use
    `MockClock(autojump_threshold=0)`.)
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._jumping.now_s


class FixedClock:
    """A clock that stands still until a test sets it."""

    def __init__(self, unix_ns: int = 1_700_000_000_000_000_000) -> None:
        self.now_ns = unix_ns
        """The steady time, and the wall clock's until `set_ahead` is called."""
        self._ahead_ns = 0
        self._steps: list[ClockStep] = []

    def set_ahead(self, ahead_ns: int) -> None:
        """Set the wall clock this much ahead of steady time."""
        before_ns, self._ahead_ns = self.now_ns + self._ahead_ns, ahead_ns
        self._steps.append(ClockStep(self.now_ns, before_ns, self.unix_ns()))

    def unix_ns(self) -> int:
        """What the wall clock shows."""
        return self.now_ns + self._ahead_ns

    def steady_unix_ns(self) -> int:
        """The time that was set last."""
        return self.now_ns

    def read(self) -> tuple[int, int]:
        """Both."""
        return self.unix_ns(), self.now_ns

    def steps(self) -> Sequence[ClockStep]:
        """Each call of `set_ahead`."""
        return tuple(self._steps)


class PlainCodec:
    """A codec of readable JSON, for tests that need no wire format."""

    def prepare(self, message: Message) -> object:
        """A picture's bytes as they are; anything else as JSON."""
        if isinstance(message, Frame):
            return message.data
        return json.dumps(message.data).encode()

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        """The prepared bytes, without sequence number and time."""
        assert isinstance(prepared, bytes)
        return prepared

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """The same bytes, since they hold no sequence number."""
        return encoded


def envelope(
    sequence: int = 1, *, topic: str = FRAME_TOPIC, encoded: bytes = b"x", unix_ns: int = 0
) -> Envelope:
    """An envelope as the publisher would make it."""
    if kind_of_topic(topic) == "frame":
        frame = Frame(encoded, topic[len(FRAME_TOPIC) + 1 :])
        return Envelope("frame", topic, sequence, unix_ns, unix_ns, frame, encoded)
    message = Peripheral(topic.removeprefix("peripheral/"), sequence)
    return Envelope("peripheral", topic, sequence, unix_ns, unix_ns, message, encoded)


class Published(NamedTuple):
    """One call of `publish`."""

    message: Message
    captured_unix_ns: int | None


class PublishRecorder:
    """A source's `publish` that keeps what the source published."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.forwarded: list[tuple[Sealed, bool]] = []
        """The arguments of each call of `forward`."""
        self._sequences: dict[str, int] = {}

    @property
    def messages(self) -> list[Message]:
        """The messages alone, in order."""
        return [item.message for item in self.published]

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        return self.from_thread(message, captured_unix_ns=captured_unix_ns)

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Keep the message and its arguments; number it as the real bus does."""
        self.forwarded.append((sealed, renumber))
        sequence = await self(sealed.message, captured_unix_ns=sealed.captured_unix_ns)
        if not renumber and sealed.sequence > sequence:
            sequence = self._sequences[topic_of(sealed.message)] = sealed.sequence
        return sequence

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        self.published.append(Published(message, captured_unix_ns))
        topic = topic_of(message)
        self._sequences[topic] = self._sequences.get(topic, 0) + 1
        return self._sequences[topic]
