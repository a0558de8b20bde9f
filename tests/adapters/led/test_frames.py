"""Which universes belong together."""

import math

from beats.adapters.led.frames import QUIET_S, Frames
from beats.adapters.led.senders import Levels, Sync


def frames(*universes: int) -> Frames:
    return Frames(universes or (1, 2), sync_timeout_s=2.5)


def levels(universe: int, value: int, sync: str = "") -> Levels:
    return Levels(universe, "desk", None, bytes([value]), sync=sync)


def test_a_frame_is_complete_when_every_universe_has_come() -> None:
    """In any order; it is taken once."""
    found = frames()
    found.add(levels(2, 20), 0)
    assert (found.take(0), found.due_s) == (None, QUIET_S)
    found.add(levels(1, 10), 0)
    assert found.take(0) == {1: b"\x0a", 2: b"\x14"}
    assert (found.take(9), found.due_s) == (None, math.inf)


def test_a_frame_is_complete_before_a_universe_comes_again() -> None:
    """What is missing keeps its levels."""
    found = frames()
    found.add(levels(1, 10), 0)
    found.add(levels(2, 20), 0)
    found.add(levels(1, 11), 0.001)
    found.add(levels(1, 12), 0.002)
    assert found.take(0.002) == {1: b"\x0b", 2: b"\x14"}
    found.add(levels(2, 22), 0.003)
    assert found.take(0.003) == {1: b"\x0c", 2: b"\x16"}


def test_a_frame_is_complete_when_nothing_comes_for_a_moment() -> None:
    """Some desks send only what has changed. Each packet begins the moment again."""
    found = frames(1, 2, 3)
    found.add(levels(1, 10), 0)
    found.add(levels(2, 20), 0.015)
    assert found.take(0.034) is None
    assert found.take(0.035) == {1: b"\x0a", 2: b"\x14"}


def test_with_sync_a_frame_is_complete_when_its_sync_comes() -> None:
    """Once the first one was seen, neither repetitions, nor time, nor the syncs of others complete it."""
    found = frames()
    found.add(levels(1, 9, "desk"), 0)
    found.sync(Sync("desk"), 0)
    assert found.take(0) == {1: b"\x09"}
    for value in (10, 11):
        found.add(levels(1, value, "desk"), 0.1)
        found.add(levels(2, value, "desk"), 0.1)
    found.sync(Sync("other"), 0.2)
    assert found.take(1) is None
    found.sync(Sync("desk"), 1)
    assert found.take(1) == {1: b"\x0b", 2: b"\x0b"}


def test_without_sync_for_a_while_a_frame_is_complete_without_it() -> None:
    """The desk may have switched it off, or is another one."""
    found = frames(1)
    found.sync(Sync("desk"), 0)
    found.add(levels(1, 10, "desk"), 1)
    assert (found.due_s, found.take(2.4)) == (2.5, None)
    assert found.take(2.5) == {1: b"\x0a"}
    found.add(levels(1, 11, "desk"), 2.6)
    assert found.take(2.6) == {1: b"\x0b"}


def test_only_the_newest_frame_waits() -> None:
    """All are counted."""
    found = frames(1)
    for value in range(100):
        found.add(levels(1, value), 0)
    assert (found.take(0), found.take(0), found.count) == ({1: b"\x63"}, None, 100)


def test_channels_that_are_not_sent_keep_their_levels() -> None:
    """A packet may have fewer than 512."""
    found = frames(1)
    found.add(Levels(1, "desk", None, b"abcd"), 0)
    found.add(Levels(1, "desk", None, b"AB"), 0)
    assert found.take(0) == {1: b"ABcd"}


def test_universes_are_darkened_at_once() -> None:
    """The others stay."""
    found = frames()
    found.add(levels(1, 10), 0)
    found.add(levels(2, 20), 0)
    found.darken([2])
    assert found.take(0) == {1: b"\x0a", 2: b"\x00"}


def test_forged_syncs_do_not_fill_memory() -> None:
    """Only the latest ones are known."""
    found = frames(1)
    for number in range(10_000):
        found.sync(Sync(str(number)), 0)
    for number in (0, 9935):
        found.add(levels(1, 10, str(number)), 0)
        assert found.take(0), "it waits for none"
    found.add(levels(1, 10, "9936"), 0)
    assert found.take(1) is None
