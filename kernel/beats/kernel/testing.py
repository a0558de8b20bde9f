"""Parts for tests of adapters and of the kernel itself."""

import asyncio
import json
import selectors
from collections.abc import Sequence
from typing import Final, NamedTuple

from beats.kernel.envelope import FRAME_TOPIC, Envelope, Frame, Message, Peripheral, Sealed, topic_of
from beats.kernel.ports import ClockStep

_NO_TIMER_S: Final = 24 * 3600.0
"""A loop looks up at least once a day (asyncio.base_events.MAXIMUM_SELECT_TIMEOUT), timer or not."""


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait for its next timer, lets its clock jump there."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Sockets, and calls from other threads, come first; only when there are none does time pass."""
        if timeout is None or timeout >= _NO_TIMER_S:
            return super().select(None)  # nothing to jump to, so only a thread or a socket can go on
        if timeout <= 0:
            return super().select(0)
        ready = super().select(0)
        if not ready:
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time stands still while a task can run, and jumps when all of them wait.

    A test in it takes no real time, however long its timeouts, and sees each of them at the exact second.
    Its clock starts at 0. It is for code without threads: time would jump while a thread works. (trio has
    the same in `MockClock(autojump_threshold=0)`.)
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._jumping.now_s


class FixedClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, unix_ns: int = 1_700_000_000_000_000_000) -> None:
        self.now_ns = unix_ns
        """The steady time, and that of the wall clock as long as it was not set."""
        self._ahead_ns = 0
        self._steps: list[ClockStep] = []

    def set_ahead(self, ahead_ns: int) -> None:
        """Set the wall clock: from now on it shows so much more than steady time."""
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
            return message.png_data
        return json.dumps(message.data).encode()

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        """The prepared bytes; their place and time are not in them."""
        assert isinstance(prepared, bytes)
        return prepared

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """The same bytes: their place is not in them."""
        return encoded


def envelope(
    sequence: int = 1, *, topic: str = FRAME_TOPIC, encoded: bytes = b"x", unix_ns: int = 0
) -> Envelope:
    """An envelope as the publisher would make it, without a publisher."""
    if topic == FRAME_TOPIC:
        return Envelope("frame", topic, sequence, unix_ns, unix_ns, Frame(encoded), encoded)
    message = Peripheral(topic.removeprefix("peripheral/"), sequence)
    return Envelope("peripheral", topic, sequence, unix_ns, unix_ns, message, encoded)


class Published(NamedTuple):
    """One call of `publish`."""

    message: Message
    captured_unix_ns: int | None


class PublishRecorder:
    """A source's `publish` that keeps what it was given and can end the source after some messages."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.forwarded: list[tuple[Sealed, bool]] = []
        """What was passed on, each with whether it shall be numbered anew."""
        self._sequences: dict[str, int] = {}

    @property
    def messages(self) -> list[Message]:
        """The messages alone, in order."""
        return [item.message for item in self.published]

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        return self.from_thread(message, captured_unix_ns=captured_unix_ns)

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Keep the message, and all that it came with; number it by the rule of the real bus."""
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
