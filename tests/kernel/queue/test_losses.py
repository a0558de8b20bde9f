from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.queue.losses import LossLog
from beats.kernel.stats import Loss
from beats.kernel.testing import envelope
from tests.kernel.support import EXPLORE

REASONS = st.sampled_from(["drop_oldest", "failed"])
TOPICS = st.sampled_from(["frame", "peripheral/a"])


def test_nothing_was_lost_at_first() -> None:
    """An empty log has nothing to tell."""
    assert LossLog().take() == ()


def test_a_single_loss_is_its_own_first_and_last() -> None:
    """All that is known of one envelope is in its entry; its time is when it came onto the bus."""
    log = LossLog()
    lost = envelope(7, topic="peripheral/a", encoded=b"123", unix_ns=5)
    log.add("failed", lost._replace(captured_unix_ns=2))
    assert log.take() == (Loss("failed", "peripheral/a", 1, 3, 7, 7, 5, 5),)


def test_losses_are_told_once() -> None:
    """The log is empty after it was asked."""
    log = LossLog()
    log.add("failed", envelope())
    log.take()
    assert log.take() == ()


def test_the_log_is_bounded_by_topics() -> None:
    """However much is lost, there is one entry for each reason and topic, in order of the first loss."""
    log = LossLog()
    for sequence in range(1, 10_001):
        log.add("drop_oldest", envelope(sequence, topic=f"peripheral/{sequence % 3}"))
    assert [(loss.topic, loss.items) for loss in log.take()] == [
        ("peripheral/1", 3334),
        ("peripheral/2", 3333),
        ("peripheral/0", 3333),
    ]


@EXPLORE
@given(st.lists(st.tuples(REASONS, TOPICS, st.integers(1, 99), st.integers(0, 99), st.binary(max_size=5))))
def test_losses_add_up_whatever_their_order(lost: list[tuple[str, str, int, int, bytes]]) -> None:
    """Sums, and the least and greatest sequence and time, are those of each reason's and topic's own."""
    log = LossLog()
    for reason, topic, sequence, unix_ns, encoded in lost:
        log.add(reason, envelope(sequence, topic=topic, encoded=encoded, unix_ns=unix_ns))
    told = {(loss.reason, loss.topic): loss[2:] for loss in log.take()}
    assert told.keys() == {item[:2] for item in lost}
    for key, numbers in told.items():
        mine = [item[2:] for item in lost if item[:2] == key]
        sequences, times, bodies = zip(*mine, strict=True)
        size_bytes = sum(map(len, bodies))
        expected = (len(mine), size_bytes, min(sequences), max(sequences), min(times), max(times))
        assert numbers == expected
