"""What a queue lost, by topic and time, for a sink that writes down what it lacks."""

from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss


class LossLog:
    """Losses since they were last asked for, one entry for each reason and topic.

    Bounded by the number of topics. It has no lock: its queue calls it under the queue's own.
    """

    def __init__(self) -> None:
        # The numbers of a Loss in its order; a Loss itself would be made anew for each envelope.
        self._losses: Final[dict[tuple[str, str], list[int]]] = {}

    def add(self, reason: str, envelope: Envelope) -> None:
        """Take note of an envelope that is given up."""
        key = (reason, envelope.topic)
        sequence, unix_ns, size_bytes = envelope.sequence, envelope.published_unix_ns, len(envelope.encoded)
        loss = self._losses.get(key)
        if loss is None:
            self._losses[key] = [1, size_bytes, sequence, sequence, unix_ns, unix_ns]
            return
        loss[0] += 1
        loss[1] += size_bytes
        # Not always in order: what a sink held is lost after what came later.
        if sequence > loss[3]:
            loss[3] = sequence
        elif sequence < loss[2]:
            loss[2] = sequence
        if unix_ns > loss[5]:
            loss[5] = unix_ns
        elif unix_ns < loss[4]:
            loss[4] = unix_ns

    def take(self) -> tuple[Loss, ...]:
        """What there was since the last call."""
        taken = tuple(Loss(*key, *numbers) for key, numbers in self._losses.items())
        self._losses.clear()
        return taken
