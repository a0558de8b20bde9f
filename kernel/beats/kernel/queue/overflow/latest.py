"""State rather than history: the newest of each topic is kept."""

from typing import ClassVar

from beats.kernel.envelope import Envelope
from beats.kernel.queue.overflow.base import Backlog, Verdict


class Latest:
    """Replaces the waiting envelope of the same topic; what remains keeps its order of arrival.

    When as many topics wait as the lane has places, the topic that waits longest is given up.
    """

    name: ClassVar[str] = "latest"
    one_per_topic: ClassVar[bool] = True

    def decide(self, backlog: Backlog, envelope: Envelope) -> Verdict:
        """Always admits."""
        backlog.give_up_topic(envelope.topic)
        while not backlog.has_room_for(envelope):
            backlog.give_up_oldest()
        return Verdict.ADMIT
