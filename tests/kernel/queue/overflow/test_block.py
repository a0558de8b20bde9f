from hypothesis import given

from beats.kernel.queue.bounds import LaneBounds
from beats.kernel.queue.lanes import Lane
from beats.kernel.queue.overflow import Verdict
from tests.kernel.queue.overflow.offers import MAX_BYTES, OFFERS, SIZES, Offer, Outcome, made, outcome, total
from tests.kernel.support import EXPLORE


def model(size: int, max_bytes: int, offers: list[Offer]) -> Outcome:
    kept: list[int] = []
    told: list[int] = []
    for index in range(len(offers)):
        fits = len(kept) < size and total(offers, [*kept, index]) <= max_bytes
        (kept if fits else told).append(index)
    return Outcome(kept, told, sum(offer.size_bytes > max_bytes for offer in offers))


@EXPLORE
@given(size=SIZES, max_bytes=MAX_BYTES, offers=OFFERS)
def test_block_keeps_the_backlog_and_holds_the_producer(
    size: int, max_bytes: int, offers: list[Offer]
) -> None:
    """What does not fit stays with its producer, who waits."""
    assert outcome("block", size, max_bytes, offers) == model(size, max_bytes, offers)


@EXPLORE
@given(offers=OFFERS)
def test_block_drops_only_what_can_never_fit(offers: list[Offer]) -> None:
    """A full lane drops nothing by itself: only time may end a producer's waiting."""
    lane = Lane(LaneBounds(2, 8, "block"))
    verdicts = {lane.offer(index, made(offer)) for index, offer in enumerate(offers)}
    assert {drop.reason for drop in lane.drops()} <= {"too_large"}
    assert Verdict.REFUSE not in verdicts
