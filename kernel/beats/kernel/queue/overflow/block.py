"""Strategy `block`: nothing is lost, and the producer waits."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


class Block(Overflow):
    """Makes the producer wait until there is room."""

    name: ClassVar[str] = "block"
    tells_producer: ClassVar[bool] = True
    waits: ClassVar[bool] = True

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Admit while there is room."""
        return Verdict.ADMIT if backlog.has_room_for(envelope) else Verdict.WAIT
