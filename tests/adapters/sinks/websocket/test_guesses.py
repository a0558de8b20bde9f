"""Wrong tokens."""

import pytest

from beats.adapters.sinks.websocket.guesses import GUESSES_PER_S, Guesses


def guessed(guesses: Guesses, address: str, count: int, now_s: float = 0.0) -> int:
    """Guess so often, with another token each time; how many of them were looked at."""
    looked = 0
    for number in range(count):
        if guesses.may_look(address, now_s):
            looked += 1
            guesses.add(address, [f"token {number} at {now_s}"], now_s)
    return looked


def test_an_address_may_guess_a_few_times() -> None:
    """Twice the rate at once, and the rate from then on."""
    guesses = Guesses()
    assert guessed(guesses, "192.0.2.1", 200) == 2 * GUESSES_PER_S
    assert guessed(guesses, "192.0.2.1", 200, now_s=1.0) == GUESSES_PER_S


def test_who_guesses_keeps_out_no_other_address() -> None:
    """Each has its own allowance."""
    guesses = Guesses()
    guessed(guesses, "192.0.2.1", 200)
    assert not guesses.may_look("192.0.2.1", 0.0)
    assert guesses.may_look("192.0.2.2", 0.0)


def test_an_ipv6_network_is_one_address() -> None:
    """Whoever has one of its addresses has them all."""
    guesses = Guesses()
    guessed(guesses, "2001:db8::1", 200)
    assert not guesses.may_look("2001:db8::ffff:2", 0.0)
    assert guesses.may_look("2001:db8:0:1::1", 0.0)


@pytest.mark.parametrize("address", ["::1", "unknown", "fe80::1%eth0"])
def test_any_address_can_be_told(address: str) -> None:
    """Also this machine's, one with a scope, and none."""
    guesses = Guesses()
    assert guessed(guesses, address, 200) == 2 * GUESSES_PER_S


def test_the_same_wrong_token_again_is_no_guess() -> None:
    """A hundred pages that still have yesterday's token do not lock out the others behind their proxy."""
    guesses = Guesses()
    for _ in range(100):
        assert guesses.may_look("192.0.2.1", 0.0)
        guesses.add("192.0.2.1", ["yesterday's"], 0.0)


def test_each_token_of_a_request_is_a_guess() -> None:
    """Several in one request are as many guesses."""
    guesses = Guesses()
    for number in range(5):
        guesses.add("192.0.2.1", [f"{number} a", f"{number} b"], 0.0)
    assert not guesses.may_look("192.0.2.1", 0.0)


def test_only_the_first_of_an_address_is_news() -> None:
    """For the log has one line for each."""
    guesses = Guesses()
    assert guesses.add("192.0.2.1", ["a"], 0.0)
    assert not guesses.add("192.0.2.1", ["b"], 0.0)
    assert guesses.add("192.0.2.2", ["a"], 0.0)


def test_the_number_of_addresses_is_bounded() -> None:
    """Those that have not guessed for longest are forgotten."""
    guesses = Guesses()
    guessed(guesses, "192.0.2.1", 200)
    for number in range(4096):
        guesses.add(f"10.0.{number // 256}.{number % 256}", ["a"], 0.0)
    assert guesses.may_look("192.0.2.1", 0.0)
    assert not guesses.add("10.0.0.1", ["b"], 0.0)
