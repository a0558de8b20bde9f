from hypothesis import given

from tests.kernel.queue.overflow.offers import MAX_BYTES, OFFERS, SIZES, Offer, Outcome, outcome, total
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
def test_error_keeps_the_backlog_and_tells_the_producer(
    size: int, max_bytes: int, offers: list[Offer]
) -> None:
    """What does not fit is refused, and the producer of each refused envelope hears of it."""
    assert outcome("error", size, max_bytes, offers) == model(size, max_bytes, offers)
