"""The pauses between attempts to connect."""

from beats.kit.backoff import JitteredBackoff


def test_pauses_double_up_to_the_longest() -> None:
    """And begin anew when it has worked."""
    backoff = JitteredBackoff(1.0, chance=lambda: 1.0)
    assert [backoff.next_s() for _ in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    backoff.reset()
    assert backoff.next_s() == 0.05


def test_a_pause_is_at_least_half_as_long() -> None:
    """Chance decides on the rest."""
    backoff = JitteredBackoff(1.0, chance=lambda: 0.0)
    assert [backoff.next_s() for _ in range(6)] == [0.025, 0.05, 0.1, 0.2, 0.4, 0.5]


def test_two_who_wait_do_not_return_as_one() -> None:
    """A server that comes back is not met by all at the same moment."""
    assert JitteredBackoff(1.0).next_s() != JitteredBackoff(1.0).next_s()


def test_a_year_of_failures_is_no_trouble() -> None:
    """Nor is a longest pause that is shorter than the first."""
    backoff = JitteredBackoff(0.01, chance=lambda: 1.0)
    assert {backoff.next_s() for _ in range(10_000)} == {0.01}
