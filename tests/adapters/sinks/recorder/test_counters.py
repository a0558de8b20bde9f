from beats.adapters.sinks.recorder.counters import Counters
from tests.kernel.support import threads


def test_threads_may_add_at_once() -> None:
    """Two snapshots, or one and a part, may be written at the same time."""
    tally = Counters()

    def add() -> None:
        for _ in range(2000):
            tally.add(written_bytes=3, envelopes=2)
            tally.add(files=1)

    with threads(add, add, add):
        pass
    assert (tally.written_bytes, tally.envelopes, tally.files) == (18000, 12000, 6000)
