from hypothesis import given

from tests.kernel.queue.overflow.offers import MAX_BYTES, OFFERS, SIZES, Offer, Outcome, outcome, total
from tests.kernel.support import EXPLORE


def model(size: int, max_bytes: int, offers: list[Offer]) -> Outcome:
    kept: list[int] = []
    too_large = 0
    for index, offer in enumerate(offers):
        if offer.size_bytes > max_bytes:
            too_large += 1
            continue
        kept = [*kept, index]
        while len(kept) > size or total(offers, kept) > max_bytes:
            kept = kept[1:]
    return Outcome(kept, [], too_large)


@EXPLORE
@given(size=SIZES, max_bytes=MAX_BYTES, offers=OFFERS)
def test_drop_oldest_keeps_the_newest(size: int, max_bytes: int, offers: list[Offer]) -> None:
    """As many of the newest remain as both bounds allow, and no producer hears of the others."""
    assert outcome("drop_oldest", size, max_bytes, offers) == model(size, max_bytes, offers)
