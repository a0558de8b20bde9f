"""Strategy `drop_oldest`: the newest envelopes are kept."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


class DropOldest(Overflow):
    """Drops the oldest until there is room for the newest."""

    name: ClassVar[str] = "drop_oldest"

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Always admit."""
        while not backlog.has_room_for(envelope):
            backlog.drop_oldest()
        return Verdict.ADMIT
