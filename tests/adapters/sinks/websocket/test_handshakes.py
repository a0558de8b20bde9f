"""Connections that have not been let in yet."""

from collections.abc import Callable
from typing import Final

from beats.adapters.sinks.websocket.handshakes import Handshakes


class Table:
    """Handshakes with a clock that is set by hand, and a list of those that had to give way."""

    def __init__(self, most: int) -> None:
        self.now_s = 100.0
        self.ended: Final[list[int]] = []
        self.handshakes: Final = Handshakes(most, lambda: self.now_s)

    def end(self, descriptor: int) -> Callable[[], object]:
        return lambda: self.ended.append(descriptor)

    def idle(self, descriptor: int, address: str = "a") -> bool:
        return self.handshakes.idle(descriptor, address, self.end(descriptor))


def test_no_more_are_held_than_there_may_be() -> None:
    """The oldest one gives way."""
    table = Table(3)
    for descriptor in (4, 5, 6, 7):
        assert table.idle(descriptor)
    assert (len(table.handshakes), table.ended) == (3, [4])


def test_the_address_that_has_most_gives_way() -> None:
    """Whoever comes from elsewhere takes nothing from others that have few."""
    table = Table(4)
    table.idle(4, "one")
    for descriptor in (5, 6, 7):
        table.idle(descriptor, "many")
    table.idle(8, "two")
    table.idle(9, "three")
    assert table.ended == [5, 6]


def test_what_waits_for_us_does_not_give_way() -> None:
    """Its client has done its part."""
    table = Table(2)
    table.idle(4)
    table.idle(5)
    table.handshakes.busy(4)
    table.idle(6)
    assert table.ended == [5]


def test_progress_makes_a_connection_the_newest() -> None:
    """What waits for its client again has just heard from it."""
    table = Table(2)
    table.idle(4)
    table.idle(5)
    table.idle(4)
    table.idle(6)
    assert table.ended == [5]


def test_one_that_had_to_give_way_is_told_so() -> None:
    """It may be on its way to the server; its number can be used again once it is closed."""
    table = Table(1)
    table.idle(4)
    table.idle(5)
    assert not table.idle(4)
    table.handshakes.busy(4)
    table.handshakes.remove(4)
    assert table.idle(4)
    assert table.ended == [4, 5]


def test_one_that_was_let_in_leaves_its_place() -> None:
    """And is not ended."""
    table = Table(1)
    table.idle(4)
    table.handshakes.remove(4)
    table.idle(5)
    assert (len(table.handshakes), table.ended) == (1, [])


def test_who_comes_waits_until_another_was_idle_for_half_a_second() -> None:
    """A thousand honest clients may come at once, and all of them have their time."""
    table = Table(2)
    table.idle(4)
    assert table.handshakes.has_room()
    table.idle(5)
    table.now_s += 0.4
    assert not table.handshakes.has_room()
    table.now_s += 0.1
    assert table.handshakes.has_room()


def test_nobody_waits_long_while_others_say_nothing_again_and_again() -> None:
    """Once one that was idle for that long had to give way, others do after a moment, as long as some do."""
    table = Table(2)
    table.idle(4)
    table.idle(5)
    table.now_s += 0.5
    table.idle(6)
    table.idle(7)
    assert (table.ended, table.handshakes.has_room()) == ([4, 5], False)
    table.now_s += 0.001
    assert table.handshakes.has_room()
    table.now_s += 1.0
    for descriptor in (6, 7):
        table.handshakes.remove(descriptor)
    table.idle(8)
    table.idle(9)
    table.now_s += 0.4
    assert not table.handshakes.has_room()


def test_there_is_no_room_while_all_wait_for_us() -> None:
    """However long that takes: none of them is to blame."""
    table = Table(1)
    table.idle(4)
    table.handshakes.busy(4)
    table.now_s += 100.0
    assert not table.handshakes.has_room()


def test_the_bound_can_be_lowered() -> None:
    """As when descriptors run short: idle ones give way at once."""
    table = Table(4)
    for descriptor in (4, 5, 6, 7):
        table.idle(descriptor)
    table.handshakes.busy(4)
    table.handshakes.limit(1)
    assert (len(table.handshakes), table.ended) == (1, [5, 6, 7])
