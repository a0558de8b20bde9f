"""Strategy `block`: nothing is lost, and the producer waits."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Verdict


class Block:
    """Makes the producer wait until there is room."""

    name: ClassVar[str] = "block"
    one_per_topic: ClassVar[bool] = False

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Admit while there is room."""
        return Verdict.ADMIT if backlog.has_room_for(envelope) else Verdict.WAIT
