"""Holds back the fall of a count that others take for one that only rises."""

from beats.kernel.stats import Amount, QueueStats, Stats


class Steady:
    """Remembers how much each sink had delivered when it was last asked.

    What a sink holds counts as delivered until it fails, or gives it back: then the count falls a little.
    Prometheus knows one reason only for a counter to fall, a restart, and adds the whole of it to what came
    before: a sink that fails once would seem to have delivered everything twice. So a count stays where it
    was until the true one has passed it. A queue that is new, because a reload replaced its sink or removed
    and added it, begins again from 0, and that is what Prometheus expects.
    """

    def __init__(self) -> None:
        self._before: dict[str, QueueStats] = {}

    def held(self, stats: Stats) -> Stats:
        """The counters, with those that have fallen as they were before."""
        sinks = tuple(sink._replace(queue=self._hold(sink.queue)) for sink in stats.sinks)
        self._before = {sink.name: sink.queue for sink in sinks}
        return stats._replace(sinks=sinks)

    def _hold(self, queue: QueueStats) -> QueueStats:
        before = self._before.get(queue.name)
        if before is None or queue.offered.items < before.offered.items:
            return queue
        taken = Amount(max(queue.taken.items, before.taken.items), max(queue.taken.bytes, before.taken.bytes))
        return queue._replace(taken=taken)
