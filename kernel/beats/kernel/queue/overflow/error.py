"""Strategy `error`: the producer is told."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


class Error(Overflow):
    """Refuses the incoming envelope and raises in the producer that published it."""

    name: ClassVar[str] = "error"
    tells_producer: ClassVar[bool] = True

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Admit while there is room."""
        return Verdict.ADMIT if backlog.has_room_for(envelope) else Verdict.RAISE
