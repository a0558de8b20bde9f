"""How fast a client may send."""

from collections.abc import Callable
from typing import Final

import pytest

from beats.adapters.http.limits import WRONG_TOKENS_PER_S, Handshakes, RateLimit, WrongTokens


@pytest.mark.parametrize(
    ("per_s", "seconds", "fewest", "most"),
    [(1e9, 21e-9, 20, 20), (10, 1000, 10_000, 10_000), (20, 100, 1000, 1021)],
    ids=["burst", "within the rate", "twice the rate"],
)
def test_a_burst_of_two_seconds_worth_and_then_the_rate_is_allowed(
    per_s: float, seconds: float, fewest: int, most: int
) -> None:
    """A client that keeps to its rate never exceeds the limit; of one at twice the rate, half is allowed."""
    limit = RateLimit(10, now_s=0.0)
    allowed = sum(limit.take(step / per_s) for step in range(round(per_s * seconds)))
    assert fewest <= allowed <= most


def guessed(guesses: WrongTokens, address: str, count: int, now_s: float = 0.0) -> int:
    """Try this many different tokens; how many of them were checked."""
    looked = 0
    for number in range(count):
        if guesses.may_try(address, now_s):
            looked += 1
            guesses.add(address, [f"token {number} at {now_s}"], now_s)
    return looked


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),  # a network is one address
        ("::1", "::1", "unknown"),
        ("fe80::1%eth0", "fe80::1%eth0", "::1"),
        ("unknown", "unknown", "::1"),
    ],
)
def test_an_address_may_guess_a_few_times(address: str, same: str, other: str) -> None:
    """Twice the rate at once, and the rate from then on; guessing locks out no other address."""
    guesses = WrongTokens()
    assert guessed(guesses, address, 200) == 2 * WRONG_TOKENS_PER_S
    assert not guesses.may_try(same, 0.0)
    assert guesses.may_try(other, 0.0)
    assert guessed(guesses, address, 200, now_s=1.0) == WRONG_TOKENS_PER_S


def test_each_different_wrong_token_is_a_guess() -> None:
    """A hundred pages with an old token lock nobody out. The first wrong token of an address is reported."""
    guesses = WrongTokens()
    for number in range(100):
        assert guesses.may_try("192.0.2.1", 0.0)
        assert guesses.add("192.0.2.1", ["yesterday's"], 0.0) is (number == 0)
    for number in range(5):
        guesses.add("192.0.2.1", [f"{number} a", f"{number} b"], 0.0)
    assert not guesses.may_try("192.0.2.1", 0.0)
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


@pytest.mark.parametrize(
    ("most", "steps", "left", "ended"),
    [
        pytest.param(3, "4 5 6 7", 3, [4], id="the oldest one is closed"),
        pytest.param(4, "4@one 5@b 6@b 7@b 8@two 9@three", 4, [5, 6], id="of the address with most of them"),
        pytest.param(2, "4 5 busy:4 6", 2, [5], id="not one that waits for the server"),
        pytest.param(2, "4 5 4 6", 2, [5], id="progress makes a connection the newest"),
        pytest.param(1, "4 remove:4 5", 1, [], id="an accepted one frees its place"),
        pytest.param(4, "4 5 6 7 busy:4 limit:1", 1, [5, 6, 7], id="the bound can be lowered"),
    ],
)
def test_the_number_of_handshakes_is_bounded(most: int, steps: str, left: int, ended: list[int]) -> None:
    """Idle ones are closed."""
    table = Table(most)
    for step in steps.split():
        action, _, number = step.rpartition(":")
        if action:
            getattr(table.handshakes, action)(int(number))
        else:
            descriptor, _, address = number.partition("@")
            assert table.idle(int(descriptor), address)
    assert (len(table.handshakes), table.ended) == (left, ended)


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


def test_new_handshakes_wait_until_another_was_idle_for_half_a_second() -> None:
    """A thousand honest clients may come at once; there is no room while all wait for the server."""
    table = Table(2)
    table.idle(4)
    assert table.handshakes.has_room()
    table.idle(5)
    table.now_s += 0.4
    assert not table.handshakes.has_room()
    table.now_s += 0.1
    assert table.handshakes.has_room()
    for descriptor in (4, 5):
        table.handshakes.busy(descriptor)
    table.now_s += 100.0
    assert not table.handshakes.has_room()


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
