from beats.adapters.sinks.recorder.ring_buffer import RingBuffer
from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss
from beats.kernel.testing import envelope

SECOND_NS = 1_000_000_000


def at(second: float, sequence: int, topic: str = "frame", size_bytes: int = 10) -> Envelope:
    return envelope(sequence, topic=topic, encoded=b"x" * size_bytes, unix_ns=round(second * SECOND_NS))


def lost_at(second: float) -> Loss:
    unix_ns = round(second * SECOND_NS)
    return Loss("drop_newest", "frame", 1, 10, 1, 1, unix_ns, unix_ns)


def test_it_knows_how_much_time_it_holds() -> None:
    """From the first envelope to the last; 0 when it is empty, or the clock was set back."""
    held = RingBuffer(2.5, 25)
    spans_s = [held.seconds]
    for batch in ([at(1, 1)], [at(2, 2), at(3.5, 3)], [at(9, 4, size_bytes=26)], [at(9, 5), at(4, 6)]):
        held.add(batch)
        spans_s.append(held.seconds)
    assert spans_s == [0.0, 0.0, 1.5, 0.0, 0.0]


def test_it_is_bounded_in_bytes() -> None:
    """The oldest are dropped first, even one that alone is larger than the bound."""
    held = RingBuffer(100.0, 25)
    held.add([at(1, 1), at(2, 2), at(3, 3)])
    assert [each.sequence for each in held.envelopes()] == [2, 3]
    held.add([at(4, 4, size_bytes=26)])
    assert (held.envelopes(), held.size_bytes) == ([], 0)
    assert [each.sequence for each in held.state()] == [4]


def test_losses_are_held_as_long_as_the_envelopes_around_them() -> None:
    """Losses before the held time are not part of the snapshot."""
    held = RingBuffer(2.0, 1000)
    held.add([at(1, 1)], [lost_at(1)])
    held.add([at(4, 2)], [lost_at(3)])
    assert held.losses() == [lost_at(3)]
    held.add([])
    assert held.losses() == [lost_at(3)]
