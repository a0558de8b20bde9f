"""What a queue dropped, by reason and topic, for a sink that records its own losses."""

from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss


class LossLog:
    """Losses since the last `take`, one entry for each reason and topic.

    Bounded by the number of topics. It has no lock: the queue calls it under its own.
    """

    def __init__(self) -> None:
        # The numbers of a Loss, in its order; a Loss itself is immutable.
        self._losses: Final[dict[tuple[str, str], list[int]]] = {}

    def add(self, reason: str, envelope: Envelope) -> None:
        """Note an envelope that is dropped."""
        self._add(
            (reason, envelope.topic), envelope.sequence, envelope.published_unix_ns, len(envelope.encoded)
        )

    def add_given_up(self, loss: Loss) -> None:
        """Note a message that its producer gave up."""
        self._add(loss[:2], 0, loss.first_unix_ns, 0)

    def _add(self, key: tuple[str, str], sequence: int, unix_ns: int, size_bytes: int) -> None:
        loss = self._losses.get(key)
        if loss is None:
            self._losses[key] = [1, size_bytes, sequence, sequence, unix_ns, unix_ns]
            return
        loss[0] += 1
        loss[1] += size_bytes
        # Not always in order: what a sink held is lost after envelopes that came later.
        if sequence > loss[3]:
            loss[3] = sequence
            loss[2] = loss[2] or sequence
        elif 0 < sequence < loss[2]:
            loss[2] = sequence
        if unix_ns > loss[5]:
            loss[5] = unix_ns
        elif unix_ns < loss[4]:
            loss[4] = unix_ns

    def take(self) -> tuple[Loss, ...]:
        """The losses since the last call."""
        taken = tuple(Loss(*key, *numbers) for key, numbers in self._losses.items())
        self._losses.clear()
        return taken
