"""The newest envelope of each topic: what late joiners, new files of a recording and relays start with."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from beats.kernel.envelope import Envelope


class LastValues(dict[str, Envelope]):
    """Last values by topic, in the order in which topics were first seen; bounded by `kernel.max_topics`."""

    def note(self, envelopes: Iterable[Envelope]) -> None:
        """Replace the value of each of their topics, unless it is newer."""
        for envelope in envelopes:
            known = self.get(envelope.topic)
            if known is None or known.sequence < envelope.sequence:
                self[envelope.topic] = envelope  # a dict keeps the position of a known key

    def in_order(self) -> list[Envelope]:
        """The values in the order in which they are sent: frames, then peripherals."""
        values = list(self.values())
        frames = [envelope for envelope in values if envelope.kind == "frame"]
        return [*frames, *(envelope for envelope in values if envelope.kind != "frame")]


class CaughtUp(NamedTuple):
    """What a sink needs to start with exact last values, all of one instant of the bus.

    Together, `before` and `batch` hold the last value of every topic that was ever published, unless more
    waits in the queue than the batch could take. Everything that comes later was published later.
    """

    batch: list[Envelope]
    """What waited in the queue, in order; it counts as taken."""
    before: Sequence[Envelope]
    """The last values of all topics without an envelope in the batch or in the queue."""

    def last_values(self) -> Sequence[Envelope]:
        """The last values after the batch."""
        if not self.batch:
            return self.before
        values = LastValues()
        values.note(self.before)
        values.note(self.batch)
        return values.in_order()

    def for_newcomer(self) -> tuple[Sequence[Envelope], list[Envelope]]:
        """What a new viewer gets first, and what it gets then: together `before` and the whole batch.

        The viewer may have come before the batch was published, so it misses nothing of it. First come one
        frame of each picture and all updates of peripherals, then all other frames.
        """
        if not self.batch:
            return self.before, []
        frames: dict[str, Envelope] = {}
        updates: list[Envelope] = []
        others: list[Envelope] = []
        for envelope in (*self.before, *self.batch):
            if envelope.kind != "frame":
                updates.append(envelope)
            elif frames.setdefault(envelope.topic, envelope) is not envelope:
                others.append(envelope)
        return [*frames.values(), *updates], others
