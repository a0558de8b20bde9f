"""How fast a client may send."""

from collections.abc import Callable
from typing import Final

import pytest

from beats.adapters.http.limits import WRONG_TOKENS_PER_S, Handshakes, RateLimit, WrongTokens


def test_a_burst_of_two_seconds_worth_is_allowed() -> None:
    """A client that was quiet may send twice its rate at once, and no more."""
    limit = RateLimit(10, now_s=0.0)
    assert [limit.take(0.0) for _ in range(21)] == [True] * 20 + [False]


def test_the_rate_is_allowed_for_ever() -> None:
    """A client that keeps to its rate is never over it."""
    limit = RateLimit(10, now_s=0.0)
    assert all(limit.take(step / 10) for step in range(10_000))


def test_above_the_rate_the_rate_comes_through() -> None:
    """At twice the rate about half is allowed, once the burst is used up."""
    limit = RateLimit(10, now_s=0.0)
    allowed = sum(limit.take(step / 20) for step in range(2000))
    assert 1000 <= allowed <= 1021


def guessed(guesses: WrongTokens, address: str, count: int, now_s: float = 0.0) -> int:
    """Guess so often, with another token each time; how many of them were looked at."""
    looked = 0
    for number in range(count):
        if guesses.may_try(address, now_s):
            looked += 1
            guesses.add(address, [f"token {number} at {now_s}"], now_s)
    return looked


def test_an_address_may_guess_a_few_times() -> None:
    """Twice the rate at once, and the rate from then on."""
    guesses = WrongTokens()
    assert guessed(guesses, "192.0.2.1", 200) == 2 * WRONG_TOKENS_PER_S
    assert guessed(guesses, "192.0.2.1", 200, now_s=1.0) == WRONG_TOKENS_PER_S


def test_who_guesses_keeps_out_no_other_address() -> None:
    """Each has its own limit."""
    guesses = WrongTokens()
    guessed(guesses, "192.0.2.1", 200)
    assert not guesses.may_try("192.0.2.1", 0.0)
    assert guesses.may_try("192.0.2.2", 0.0)


def test_an_ipv6_network_is_one_address() -> None:
    """Whoever has one of its addresses has them all."""
    guesses = WrongTokens()
    guessed(guesses, "2001:db8::1", 200)
    assert not guesses.may_try("2001:db8::ffff:2", 0.0)
    assert guesses.may_try("2001:db8:0:1::1", 0.0)


@pytest.mark.parametrize("address", ["::1", "unknown", "fe80::1%eth0"])
def test_any_address_can_be_told(address: str) -> None:
    """Also this machine's, one with a scope, and none."""
    guesses = WrongTokens()
    assert guessed(guesses, address, 200) == 2 * WRONG_TOKENS_PER_S


def test_the_same_wrong_token_again_is_no_guess() -> None:
    """A hundred pages that still have yesterday's token do not lock out the others behind their proxy."""
    guesses = WrongTokens()
    for _ in range(100):
        assert guesses.may_try("192.0.2.1", 0.0)
        guesses.add("192.0.2.1", ["yesterday's"], 0.0)


def test_each_token_of_a_request_is_a_guess() -> None:
    """Several in one request are as many guesses."""
    guesses = WrongTokens()
    for number in range(5):
        guesses.add("192.0.2.1", [f"{number} a", f"{number} b"], 0.0)
    assert not guesses.may_try("192.0.2.1", 0.0)


def test_only_the_first_of_an_address_is_news() -> None:
    """For the log has one line for each."""
    guesses = WrongTokens()
    assert guesses.add("192.0.2.1", ["a"], 0.0)
    assert not guesses.add("192.0.2.1", ["b"], 0.0)
    assert guesses.add("192.0.2.2", ["a"], 0.0)


def test_the_number_of_addresses_is_bounded() -> None:
    """Those that have not guessed for longest are forgotten."""
    guesses = WrongTokens()
    guessed(guesses, "192.0.2.1", 200)
    for number in range(4096):
        guesses.add(f"10.0.{number // 256}.{number % 256}", ["a"], 0.0)
    assert guesses.may_try("192.0.2.1", 0.0)
    assert not guesses.add("10.0.0.1", ["b"], 0.0)


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
