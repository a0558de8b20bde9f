"""Switching recording on and off, from any thread, at a certain envelope."""

from collections.abc import Sequence

from beats.adapters.sinks.recorder.switch import MOST_CHANGES, Switch, SwitchChange
from beats.kernel.envelope import Envelope
from beats.kernel.testing import FixedClock, envelope
from tests.kernel.support import threads


def at(*times_ns: int) -> list[Envelope]:
    return [envelope(number, unix_ns=time_ns) for number, time_ns in enumerate(times_ns, 1)]


def told(*changes: tuple[bool | None, int], is_on: bool = False) -> Switch:
    """A switch that was told something at these times."""
    clock = FixedClock()
    switch = Switch(clock, is_on=is_on)
    for wanted, clock.now_ns in changes:
        switch.tell(wanted)
    return switch


def obeyed(switch: Switch, envelopes: Sequence[Envelope]) -> list[tuple[bool, list[int]]]:
    """What is done with each envelope, by the times that they have."""
    done: list[tuple[bool, list[int]]] = []
    while True:
        count = switch.before_change(envelopes)
        done.append((switch.is_on, [each.published_unix_ns for each in envelopes[:count]]))
        if count == len(envelopes):
            return done
        envelopes = envelopes[count:]
        switch.obey()


def test_being_told_the_same_twice_changes_nothing() -> None:
    """`tell` returns whether something changes; without a value it toggles the last command."""
    switch = Switch(FixedClock(), is_on=False)
    told = (False, True, True, None, None, False, False)
    assert [switch.tell(wanted) for wanted in told] == [False, True, False, True, True, True, False]
    assert not switch.wanted
    assert not switch.is_on


def test_a_change_holds_from_the_first_envelope_after_it() -> None:
    """Envelopes from before or at the time of the command belong to the state before."""
    assert obeyed(told((True, 20), (False, 40)), at(10, 20, 21, 40, 41)) == [
        (False, [10, 20]),
        (True, [21, 40]),
        (False, [41]),
    ]


def test_two_changes_between_two_envelopes_are_both_made() -> None:
    """Also if nothing is between them."""
    assert obeyed(told((True, 20), (False, 21)), at(10, 30)) == [(False, [10]), (True, []), (False, [30])]


def test_a_change_waits_until_something_comes_after_it() -> None:
    """Envelopes in the queue may have been published before it."""
    switch = told((True, 20))
    assert obeyed(switch, at(10, 20)) == [(False, [10, 20])]
    assert switch.next_change == SwitchChange(is_on=True, unix_ns=20)
    assert obeyed(switch, at(21)) == [(False, []), (True, [21])]
    assert switch.next_change is None


def test_a_wall_clock_that_is_set_back_does_not_put_a_change_off() -> None:
    """A change is dated by the steady clock, as envelopes are."""
    clock = FixedClock(1000)
    switch = Switch(clock, is_on=True)
    clock.set_ahead(-900)
    switch.tell(False)
    assert obeyed(switch, at(1000, 1001)) == [(True, [1000]), (False, [1001])]


def test_pending_changes_are_bounded_and_the_last_one_counts() -> None:
    """A person may press the button repeatedly while the disk hangs."""
    switch = Switch(FixedClock(), is_on=False)
    for count in range(1, 3 * MOST_CHANGES):
        assert switch.tell(None)
        assert switch.wanted == (count % 2 == 1)
    switch.obey()
    obeyed_count = 1
    while switch.next_change is not None:
        switch.obey()
        obeyed_count += 1
    assert obeyed_count <= MOST_CHANGES
    assert switch.is_on == switch.wanted == ((3 * MOST_CHANGES - 1) % 2 == 1)


def test_threads_may_give_commands_while_a_task_carries_them_out() -> None:
    """No command is lost: an odd number of toggles is one."""
    switch = Switch(FixedClock(), is_on=False)

    def tell() -> None:
        for _ in range(501):
            switch.tell(None)

    def obey() -> None:
        for _ in range(500):
            if switch.next_change is not None:
                switch.obey()

    with threads(tell, tell, tell, obey):
        pass
    while switch.next_change is not None:
        switch.obey()
    assert switch.is_on
