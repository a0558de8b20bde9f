import pkgutil

import pytest
from hypothesis import given

import beats.kernel.queue.overflow
from beats.kernel.queue.bounds import LaneBounds
from beats.kernel.queue.lanes import Lane
from beats.kernel.queue.overflow import OVERFLOWS, Verdict
from beats.kernel.testing import envelope
from tests.kernel.queue.overflow.offers import OFFERS, Offer, made
from tests.kernel.support import EXPLORE


class RoomyBacklog:
    """A backlog with room, from which nothing may be given up, except what a topic replaces."""

    def has_room_for(self, envelope: object) -> bool:
        return True

    def give_up_oldest(self) -> None:
        raise AssertionError("there is room")

    def give_up_topic(self, topic: str) -> None:
        pass


def test_every_strategy_module_is_registered_under_its_own_name() -> None:
    """A strategy's name in the settings is its module's name."""
    modules = {module.name for module in pkgutil.iter_modules(beats.kernel.queue.overflow.__path__)}
    assert modules - {"base"} == set(OVERFLOWS)
    for name, strategy in OVERFLOWS.items():
        assert strategy.name == name
        assert strategy.__module__ == f"beats.kernel.queue.overflow.{name}"


def test_verdicts_are_four() -> None:
    """A queue must know what to do with each verdict; a fifth needs a look at it."""
    assert [verdict.value for verdict in Verdict] == ["admit", "refuse", "raise", "wait"]


@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_strategy_admits_while_there_is_room(name: str) -> None:
    """No strategy gives anything up before it must."""
    assert OVERFLOWS[name]().decide(RoomyBacklog(), envelope()) is Verdict.ADMIT


@pytest.mark.parametrize("name", OVERFLOWS)
@EXPLORE
@given(offers=OFFERS)
def test_a_strategy_keeps_the_bounds_and_the_order(name: str, offers: list[Offer]) -> None:
    """Whatever comes, a lane holds at most its bounds, in order of arrival."""
    lane = Lane(LaneBounds(3, 8, name))
    for number, item in enumerate(map(made, offers), 1):
        lane.offer(number, item._replace(sequence=number))
        assert len(lane) <= 3
        assert lane.waiting_bytes <= 8
    numbers = [number for number, _ in lane.take_all()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", OVERFLOWS)
@EXPLORE
@given(offers=OFFERS)
def test_a_strategy_loses_nothing_uncounted(name: str, offers: list[Offer]) -> None:
    """Each envelope waits, was dropped and counted, or is still its producer's."""
    lane = Lane(LaneBounds(3, 8, name))
    items = [made(offer) for offer in offers]
    verdicts = [lane.offer(number, item) for number, item in enumerate(items, 1)]
    in_line = [item for item, verdict in zip(items, verdicts, strict=True) if verdict is Verdict.WAIT]
    drops = list(lane.drops())
    assert len(items) == len(lane) + sum(drop.items for drop in drops) + len(in_line)
    assert sum(len(item.encoded) for item in items) == (
        lane.waiting_bytes + sum(drop.bytes for drop in drops) + sum(len(item.encoded) for item in in_line)
    )
