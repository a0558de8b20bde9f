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
        kept = [*(old for old in kept if offers[old].topic != offer.topic), index]
        while len(kept) > size or total(offers, kept) > max_bytes:
            kept = kept[1:]
    return Outcome(kept, [], too_large)


@EXPLORE
@given(size=SIZES, max_bytes=MAX_BYTES, offers=OFFERS)
def test_latest_keeps_the_newest_of_each_topic(size: int, max_bytes: int, offers: list[Offer]) -> None:
    """An envelope replaces the waiting one of its topic; what remains is in order of its own arrival."""
    assert outcome("latest", size, max_bytes, offers) == model(size, max_bytes, offers)


def test_a_peripheral_replaces_only_itself() -> None:
    """Frames and other peripherals stay when a peripheral has news."""
    offers = [Offer(topic, 1) for topic in ("frame", "peripheral/a", "peripheral/b", "peripheral/a", "frame")]
    assert outcome("latest", 4, 8, offers).kept == [2, 3, 4]
