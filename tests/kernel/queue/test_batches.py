from beats.kernel.envelope import Envelope
from beats.kernel.queue.bounds import LaneBounds
from beats.kernel.queue.lanes import Lane, take_all, take_some, take_within_bounds
from beats.kernel.testing import envelope


def lanes(*numbers: tuple[int, ...], size: int = 9, max_bytes: int = 99) -> list[Lane]:
    """Lanes in which envelopes of these numbers wait, with two bytes each; their bounds hold from now on."""
    made: list[Lane] = []
    for of_lane in numbers:
        lane = Lane(LaneBounds(size, max_bytes))
        for number in reversed(of_lane):
            lane.put_back(number, envelope(number, encoded=b"xx"))
        made.append(lane)
    return made


def sequences(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


def test_all_of_several_lanes_comes_in_order_of_publication() -> None:
    """Each lane is in order, and so is what comes of them."""
    assert sequences(take_all(lanes((1, 4, 5), (2, 6), (), (3,)))) == [1, 2, 3, 4, 5, 6]


def test_some_of_several_lanes_comes_in_order_of_publication() -> None:
    """A limit in items or bytes cuts the same order; what is left waits."""
    several = lanes((1, 4), (2, 3, 5))
    assert sequences(take_some(several, 2, None)) == [1, 2]
    assert sequences(take_some(several, None, 5)) == [3, 4]
    assert sequences(take_some(several, 9, 1)) == [5]
    assert take_some(several, None, None) == []


def test_what_is_within_bounds_is_taken_whole() -> None:
    """Only what is beyond them waits for the next batch."""
    assert sequences(take_within_bounds(lanes((1, 3), (2,), size=2, max_bytes=4))) == [1, 2, 3]
    assert take_within_bounds(lanes((), ())) == []


def test_a_batch_within_bounds_ends_where_one_lane_would_exceed_its_own() -> None:
    """In items or in bytes; the other lanes' next ones wait too, as they come later."""
    several = lanes((1, 2, 3, 5), (4,), size=2)
    assert [sequences(take_within_bounds(several)) for _ in range(3)] == [[1, 2], [3, 4, 5], []]
    several = lanes((1, 2, 4), (3,), max_bytes=5)
    assert [sequences(take_within_bounds(several)) for _ in range(3)] == [[1, 2, 3], [4], []]


def test_one_envelope_is_taken_whatever_the_bounds() -> None:
    """An envelope that no bound allows holds up nobody for ever."""
    several = lanes((1, 2), max_bytes=1)
    assert [sequences(take_within_bounds(several)) for _ in range(3)] == [[1], [2], []]
