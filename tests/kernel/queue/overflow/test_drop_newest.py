from hypothesis import given

from tests.kernel.queue.overflow.offers import MAX_BYTES, OFFERS, SIZES, Offer, Outcome, outcome, total
from tests.kernel.support import EXPLORE


def model(size: int, max_bytes: int, offers: list[Offer]) -> Outcome:
    kept: list[int] = []
    for index in range(len(offers)):
        if len(kept) < size and total(offers, [*kept, index]) <= max_bytes:
            kept.append(index)
    return Outcome(kept, [], sum(offer.size_bytes > max_bytes for offer in offers))


@EXPLORE
@given(size=SIZES, max_bytes=MAX_BYTES, offers=OFFERS)
def test_drop_newest_keeps_the_backlog(size: int, max_bytes: int, offers: list[Offer]) -> None:
    """What waits is never given up; what does not fit is refused, and no producer hears of it."""
    assert outcome("drop_newest", size, max_bytes, offers) == model(size, max_bytes, offers)
