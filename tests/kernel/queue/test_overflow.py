"""The overflow strategies; `test_model` holds each of them against a model."""

import pkgutil
from collections.abc import Callable
from typing import Final

import pytest

import beats.kernel.queue.overflow
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from tests.kernel.support import assert_balanced, dropped

TOPICS: Final = ("frame", "peripheral/a", "peripheral/b", "peripheral/a", "frame")


def test_every_strategy_module_is_registered_under_its_own_name() -> None:
    """A strategy's name in the settings is its module's name."""
    modules = {module.name for module in pkgutil.iter_modules(beats.kernel.queue.overflow.__path__)}
    assert modules - {"base"} == set(OVERFLOWS)
    for name, strategy in OVERFLOWS.items():
        assert (strategy.name, strategy.__module__) == (name, f"beats.kernel.queue.overflow.{name}")


def in_items(overflow: str) -> QueueBounds:
    return QueueBounds(size=3, overflow=overflow, block_timeout_s=1e6)


def in_bytes(overflow: str) -> QueueBounds:
    return QueueBounds(max_bytes=6, overflow=overflow, block_timeout_s=1e6)


@pytest.mark.parametrize("bounds", [in_items, in_bytes])
@pytest.mark.parametrize(
    ("overflow", "kept", "told", "answer"),
    [
        ("drop_oldest", [3, 4, 5], [], None),
        ("drop_newest", [1, 2, 3], [], None),
        ("error", [1, 2, 3], [4, 5], Refusal),
        ("latest", [3, 4, 5], [], None),
        ("block", [1, 2, 3], [4, 5], Waiter),
    ],
)
def test_a_full_queue_keeps_what_its_strategy_says(
    overflow: str, kept: list[int], told: list[int], answer: type | None, bounds: Callable[[str], QueueBounds]
) -> None:
    """Five into three places, in items or in bytes; `latest` replaces the older one of a topic."""
    queue = SinkQueue("recorder", bounds(overflow))
    answers = {
        number: queue.offer(envelope(number, topic=topic, encoded=b"12"))
        for number, topic in enumerate(TOPICS, 1)
    }
    assert [number for number, given in answers.items() if given is not None] == told
    assert all(answer is not None and isinstance(answers[number], answer) for number in told)
    assert sum(dropped(queue.stats()).values()) == (0 if overflow == "block" else 2)
    assert_balanced(queue.stats())
    assert [item.sequence for item in queue.take_nowait()] == kept


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_an_envelope_above_max_bytes_is_refused_and_displaces_nothing(overflow: str) -> None:
    """What can never fit is counted as `too_large`; strategies that tell the producer say why."""
    queue = SinkQueue("recorder", QueueBounds(max_bytes=10, overflow=overflow, block_timeout_s=1e6))
    queue.offer(envelope(1, encoded=b"1" * 10))
    refusal = queue.offer(envelope(2, encoded=b"1" * 11))
    assert dropped(queue.stats()) == {("too_large", "frame"): 1}
    assert [item.sequence for item in queue.take_nowait()] == [1]
    if overflow in ("error", "block"):
        assert isinstance(refusal, Refusal)
        assert (refusal.sink, refusal.why) == ("recorder", "11 bytes are more than its max_bytes of 10")
    else:
        assert refusal is None
