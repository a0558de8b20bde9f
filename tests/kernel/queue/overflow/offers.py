"""What the model tests of the strategies offer, and how they see what became of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from hypothesis import strategies as st

from beats.kernel.envelope import Envelope
from beats.kernel.queue.bounds import LaneBounds
from beats.kernel.queue.lanes import Lane
from beats.kernel.queue.overflow import Verdict
from beats.kernel.testing import envelope

TOPICS: Final = ("frame", "peripheral/a", "peripheral/b", "peripheral/c")
TOO_LARGE: Final = 9
"""One byte more than the largest `max_bytes`."""


class Offer(NamedTuple):
    """One envelope, as the plain model sees it."""

    topic: str
    size_bytes: int


OFFERS: Final = st.lists(
    st.builds(Offer, st.sampled_from(TOPICS), st.integers(0, TOO_LARGE)), min_size=1, max_size=20
)
SIZES: Final = st.integers(1, 4)
MAX_BYTES: Final = st.integers(1, 8)


def made(offer: Offer) -> Envelope:
    return envelope(topic=offer.topic, encoded=b"x" * offer.size_bytes)


class Outcome(NamedTuple):
    """What became of offers, as indices into them."""

    kept: list[int]
    told: list[int]
    """Those of which the producer heard, at once or by having to wait."""
    too_large: int


def outcome(overflow: str, size: int, max_bytes: int, offers: Sequence[Offer]) -> Outcome:
    """What a lane makes of the offers."""
    lane = Lane(LaneBounds(size, max_bytes, overflow))
    told = [
        index
        for index, offer in enumerate(offers)
        if lane.offer(index, made(offer)) in (Verdict.RAISE, Verdict.WAIT)
    ]
    kept = [index for index, _ in lane.take_all()]
    return Outcome(kept, told, sum(drop.items for drop in lane.drops() if drop.reason == "too_large"))


def total(offers: Sequence[Offer], indices: Sequence[int]) -> int:
    """The bytes of some of the offers."""
    return sum(offers[index].size_bytes for index in indices)
