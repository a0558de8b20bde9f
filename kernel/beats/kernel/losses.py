"""What a queue lost, by topic and time, for a sink that writes down what it lacks."""

from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss


class LossLog:
    """Losses since they were last asked for, one entry for each reason and topic.

    Bounded by the number of topics. It has no lock: its queue calls it under the queue's own.
    """

    def __init__(self) -> None:
        self._losses: Final[dict[tuple[str, str], Loss]] = {}

    def add(self, reason: str, envelope: Envelope) -> None:
        """Take note of an envelope that is given up."""
        key = (reason, envelope.topic)
        sequence, unix_ns, size_bytes = envelope.sequence, envelope.published_unix_ns, len(envelope.encoded)
        loss = self._losses.get(key)
        if loss is None:
            self._losses[key] = Loss(*key, 1, size_bytes, sequence, sequence, unix_ns, unix_ns)
        else:
            self._losses[key] = loss._replace(
                items=loss.items + 1,
                bytes=loss.bytes + size_bytes,
                first_sequence=min(loss.first_sequence, sequence),
                last_sequence=max(loss.last_sequence, sequence),
                first_unix_ns=min(loss.first_unix_ns, unix_ns),
                last_unix_ns=max(loss.last_unix_ns, unix_ns),
            )

    def take(self) -> tuple[Loss, ...]:
        """What there was since the last call."""
        taken = tuple(self._losses.values())
        self._losses.clear()
        return taken
