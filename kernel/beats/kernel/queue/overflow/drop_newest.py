"""Strategy `drop_newest`: envelopes that wait are kept, new ones are dropped."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


class DropNewest(Overflow):
    """Refuses the incoming envelope and keeps the backlog."""

    name: ClassVar[str] = "drop_newest"

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Admit while there is room."""
        return Verdict.ADMIT if backlog.has_room_for(envelope) else Verdict.REFUSE
