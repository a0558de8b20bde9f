"""How fast a client may send."""

from beats.adapters.sinks.websocket.rate import Allowance


def test_a_burst_of_two_seconds_worth_is_allowed() -> None:
    """A client that was quiet may send twice its rate at once, and no more."""
    allowance = Allowance(10, now_s=0.0)
    assert [allowance.take(0.0) for _ in range(21)] == [True] * 20 + [False]


def test_the_rate_is_allowed_for_ever() -> None:
    """A client that keeps to its rate is never over it."""
    allowance = Allowance(10, now_s=0.0)
    assert all(allowance.take(step / 10) for step in range(10_000))


def test_above_the_rate_the_rate_comes_through() -> None:
    """At twice the rate about half is allowed, once the burst is used up."""
    allowance = Allowance(10, now_s=0.0)
    allowed = sum(allowance.take(step / 20) for step in range(2000))
    assert 1000 <= allowed <= 1021
