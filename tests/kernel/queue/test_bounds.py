from dataclasses import replace
from typing import Any

import pytest

from beats.kernel.queue.bounds import LaneBounds, QueueBounds


@pytest.mark.parametrize("name", ["size", "max_bytes"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)],
)
def test_a_bound_is_an_integer_of_at_least_one(name: str, value: Any, error: type[Exception]) -> None:
    """The message names the setting and its value."""
    with pytest.raises(error, match=f"{name} is {value!r}; it must be"):
        replace(LaneBounds(), **{name: value})


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_producer_waits_for_a_positive_and_finite_time(value: float) -> None:
    """No thread can wait for any other."""
    with pytest.raises(ValueError, match="block_timeout_s is"):
        LaneBounds(block_timeout_s=value)


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    """The operator reads which names are allowed."""
    with pytest.raises(ValueError, match=r"'newest'.*block, drop_newest, drop_oldest, error, latest"):
        LaneBounds(overflow="newest")


def test_a_strategy_that_waits_is_replaced_in_every_lane() -> None:
    """All else stays as it was."""
    bounds = QueueBounds(5, overflow="block", per_kind={"frame": LaneBounds(2, overflow="block")})
    expected = QueueBounds(5, overflow="latest", per_kind={"frame": LaneBounds(2, overflow="latest")})
    assert bounds.without_waiting("latest") == expected
    assert expected.without_waiting("error") == expected
