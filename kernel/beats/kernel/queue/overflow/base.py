"""What an overflow strategy sees, and what it may decide."""

from enum import Enum
from typing import ClassVar, Protocol

from beats.kernel.envelope import Envelope


class Verdict(Enum):
    """What happens to the envelope that was offered."""

    ADMIT = "admit"
    REFUSE = "refuse"
    """Drop it without telling the producer."""
    RAISE = "raise"
    """Drop it and tell the producer."""
    WAIT = "wait"
    """Let the producer wait for room."""


class Backlog(Protocol):
    """The waiting envelopes of one lane."""

    def has_room_for(self, envelope: Envelope) -> bool:
        """Whether both bounds hold with this envelope added."""
        ...

    def drop_oldest(self) -> None:
        """Drop the envelope that waits longest, and count it under the strategy's name."""
        ...

    def drop_topic(self, topic: str) -> None:
        """Drop the waiting envelope of this topic, if any; needs a strategy with `one_per_topic`."""
        ...


class Overflow(Protocol):
    """Decides what to drop when an envelope comes. Synchronous: no I/O, no clock, no await.

    It is called under the queue's lock, and only with envelopes no larger than the lane's `max_bytes`, so
    dropping the oldest often enough always makes room.
    """

    name: ClassVar[str]
    """The name of its module."""
    one_per_topic: ClassVar[bool] = False
    """Whether the lane never holds two envelopes of one topic."""
    tells_producer: ClassVar[bool] = False
    """Whether the producer learns of what is dropped: at once, or after it has waited for room."""
    waits: ClassVar[bool] = False
    """Whether the producer waits for room, and nothing that waits is dropped."""

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Drop waiting envelopes as needed, and decide what happens to `envelope`."""
        ...
