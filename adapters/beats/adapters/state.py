"""The state of the stream: what a late joiner gets first, and a new part of a recording begins with."""

from collections.abc import Iterable

from beats.kernel.envelope import Envelope


class State:
    """The latest frame, then the latest update of each peripheral in the order they were first seen.

    Bounded by the kernel's `max_topics`.
    """

    def __init__(self) -> None:
        self._frame: Envelope | None = None
        self._peripherals: dict[str, Envelope] = {}

    def update(self, batch: Iterable[Envelope]) -> None:
        """Take note of what has just been delivered."""
        for envelope in batch:
            if envelope.kind == "frame":
                self._frame = envelope
            else:
                self._peripherals[envelope.topic] = envelope  # a dict keeps the place of a known key

    def envelopes(self) -> list[Envelope]:
        """The state now, in the order in which it is sent."""
        frame = [] if self._frame is None else [self._frame]
        return [*frame, *self._peripherals.values()]
