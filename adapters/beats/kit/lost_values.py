"""Last values that a sink's queue dropped, for sinks that keep or forward what was published last."""

from collections.abc import Iterable, Sequence

from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches
from beats.kernel.stats import Loss


def with_lost_values(
    queue: Batches, batch: Sequence[Envelope], losses: Iterable[Loss]
) -> tuple[Sequence[Envelope], list[Envelope]]:
    """Find last values that will not come through the queue, because it dropped them.

    Args:
        queue: the sink's queue.
        batch: what was just taken from it.
        losses: what the queue dropped until then.

    Returns:
        The batch, longer if something was dropped, and last values newer than any in it, by their time on
        the bus. What failed is not among them, since it may fail again, nor what was never on the bus.
    """
    lost = {loss.topic for loss in losses if loss.reason != "failed" and loss.last_sequence}
    if not lost:
        return batch, []
    caught_up = queue.catch_up()
    batch = [*batch, *caught_up.batch]
    held = {envelope.topic: envelope.sequence for envelope in batch}
    values = (value for value in caught_up.before if value.topic in lost)
    newer = [value for value in values if value.sequence > held.get(value.topic, 0)]
    return batch, sorted(newer, key=lambda value: value.published_unix_ns)
