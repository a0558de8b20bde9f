"""Strategy `latest`: the newest envelope of each topic is kept."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


class Latest(Overflow):
    """Replaces the waiting envelope of the same topic; the others keep their order of arrival.

    When more topics wait than the lane may hold, the one that waits longest is dropped.
    """

    name: ClassVar[str] = "latest"
    one_per_topic: ClassVar[bool] = True

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Always admit."""
        backlog.drop_topic(envelope.topic)
        while not backlog.has_room_for(envelope):
            backlog.drop_oldest()
        return Verdict.ADMIT
