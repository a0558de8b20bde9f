"""How fast a client may send."""

from collections.abc import Callable
from typing import Final

import pytest

from beats.adapters.http.limits import WRONG_TOKENS_PER_S, Handshakes, RateLimit, WrongTokens


def test_a_burst_of_two_seconds_worth_is_allowed() -> None:
    """A client that was quiet may send twice its rate at once, and no more."""
    limit = RateLimit(10, now_s=0.0)
    assert [limit.take(0.0) for _ in range(21)] == [True] * 20 + [False]


def test_the_rate_is_always_allowed() -> None:
    """A client that keeps to its rate never exceeds the limit."""
    limit = RateLimit(10, now_s=0.0)
    assert all(limit.take(step / 10) for step in range(10_000))


def test_above_the_limit_its_rate_is_allowed() -> None:
    """At twice the rate about half is allowed, once the burst is used up."""
    limit = RateLimit(10, now_s=0.0)
    allowed = sum(limit.take(step / 20) for step in range(2000))
    assert 1000 <= allowed <= 1021


def guessed(guesses: WrongTokens, address: str, count: int, now_s: float = 0.0) -> int:
    """Try this many different tokens; how many of them were checked."""
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


def test_each_address_has_its_own_limit() -> None:
    """Guessing locks out no other address."""
    guesses = WrongTokens()
    guessed(guesses, "192.0.2.1", 200)
    assert not guesses.may_try("192.0.2.1", 0.0)
    assert guesses.may_try("192.0.2.2", 0.0)


def test_an_ipv6_network_is_one_address() -> None:
    """A client that has one of its addresses has all of them."""
    guesses = WrongTokens()
    guessed(guesses, "2001:db8::1", 200)
    assert not guesses.may_try("2001:db8::ffff:2", 0.0)
    assert guesses.may_try("2001:db8:0:1::1", 0.0)


@pytest.mark.parametrize("address", ["::1", "unknown", "fe80::1%eth0"])
def test_any_address_is_limited(address: str) -> None:
    """Also this machine's, one with a scope, and an unknown one."""
    guesses = WrongTokens()
    assert guessed(guesses, address, 200) == 2 * WRONG_TOKENS_PER_S


def test_the_same_wrong_token_again_is_no_guess() -> None:
    """A hundred pages with an old token do not lock out the others behind their proxy."""
    guesses = WrongTokens()
    for _ in range(100):
        assert guesses.may_try("192.0.2.1", 0.0)
        guesses.add("192.0.2.1", ["yesterday's"], 0.0)


def test_each_token_of_a_request_is_a_guess() -> None:
    """Several in one request count as many."""
    guesses = WrongTokens()
    for number in range(5):
        guesses.add("192.0.2.1", [f"{number} a", f"{number} b"], 0.0)
    assert not guesses.may_try("192.0.2.1", 0.0)


def test_the_first_wrong_token_of_an_address_is_reported() -> None:
    """So that the log has one line for each address."""
    guesses = WrongTokens()
    assert guesses.add("192.0.2.1", ["a"], 0.0)
    assert not guesses.add("192.0.2.1", ["b"], 0.0)
    assert guesses.add("192.0.2.2", ["a"], 0.0)


def test_the_number_of_addresses_is_bounded() -> None:
    """Those whose last wrong token is oldest are forgotten."""
    guesses = WrongTokens()
    guessed(guesses, "192.0.2.1", 200)
    for number in range(4096):
        guesses.add(f"10.0.{number // 256}.{number % 256}", ["a"], 0.0)
    assert guesses.may_try("192.0.2.1", 0.0)
    assert not guesses.add("10.0.0.1", ["b"], 0.0)


class Table:
    """Handshakes with a clock that is set by hand, and a list of those that were closed."""

    def __init__(self, most: int) -> None:
        self.now_s = 100.0
        self.ended: Final[list[int]] = []
        self.handshakes: Final = Handshakes(most, lambda: self.now_s)

    def end(self, descriptor: int) -> Callable[[], object]:
        return lambda: self.ended.append(descriptor)

    def idle(self, descriptor: int, address: str = "a") -> bool:
        return self.handshakes.idle(descriptor, address, self.end(descriptor))


def test_the_number_of_handshakes_is_bounded() -> None:
    """The oldest one is closed."""
    table = Table(3)
    for descriptor in (4, 5, 6, 7):
        assert table.idle(descriptor)
    assert (len(table.handshakes), table.ended) == (3, [4])


def test_the_address_with_most_handshakes_loses_one() -> None:
    """Clients from other addresses lose nothing."""
    table = Table(4)
    table.idle(4, "one")
    for descriptor in (5, 6, 7):
        table.idle(descriptor, "many")
    table.idle(8, "two")
    table.idle(9, "three")
    assert table.ended == [5, 6]


def test_a_handshake_that_waits_for_the_server_is_not_closed() -> None:
    """Its client has done its part."""
    table = Table(2)
    table.idle(4)
    table.idle(5)
    table.handshakes.busy(4)
    table.idle(6)
    assert table.ended == [5]


def test_progress_makes_a_connection_the_newest() -> None:
    """Its client has just sent something."""
    table = Table(2)
    table.idle(4)
    table.idle(5)
    table.idle(4)
    table.idle(6)
    assert table.ended == [5]


def test_a_closed_handshake_cannot_continue() -> None:
    """Its descriptor can be used again once the socket is closed."""
    table = Table(1)
    table.idle(4)
    table.idle(5)
    assert not table.idle(4)
    table.handshakes.busy(4)
    table.handshakes.remove(4)
    assert table.idle(4)
    assert table.ended == [4, 5]


def test_an_accepted_handshake_frees_its_place() -> None:
    """It is not closed."""
    table = Table(1)
    table.idle(4)
    table.handshakes.remove(4)
    table.idle(5)
    assert (len(table.handshakes), table.ended) == (1, [])


def test_new_handshakes_wait_until_another_was_idle_for_half_a_second() -> None:
    """A thousand honest clients may come at once, and all of them have enough time."""
    table = Table(2)
    table.idle(4)
    assert table.handshakes.has_room()
    table.idle(5)
    table.now_s += 0.4
    assert not table.handshakes.has_room()
    table.now_s += 0.1
    assert table.handshakes.has_room()


def test_under_attack_handshakes_wait_a_moment_only() -> None:
    """Once an idle one was closed, others are closed after a moment, as long as new ones come."""
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


def test_there_is_no_room_while_all_wait_for_the_server() -> None:
    """However long that takes."""
    table = Table(1)
    table.idle(4)
    table.handshakes.busy(4)
    table.now_s += 100.0
    assert not table.handshakes.has_room()


def test_the_bound_can_be_lowered() -> None:
    """When descriptors run short, idle ones are closed at once."""
    table = Table(4)
    for descriptor in (4, 5, 6, 7):
        table.idle(descriptor)
    table.handshakes.busy(4)
    table.handshakes.limit(1)
    assert (len(table.handshakes), table.ended) == (1, [5, 6, 7])
