"""Which number an envelope has here that had one where it comes from."""

from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.nats.numbering import LoopGuard, Numbered, Numbering


def taken(numbering: Numbering, *sequences: int, topic: str = "frame") -> list[int | None]:
    """The numbers that envelopes get; their capture time equals their number."""
    found = [numbering.take(topic, sequence, sequence) for sequence in sequences]
    return [None if each is None else each.here for each in found]


def test_numbers_are_kept() -> None:
    """Topic by topic, from any first one; a gap is counted, and known and older numbers are skipped."""
    numbering = Numbering()
    assert taken(numbering, 7, 7, 6, 8, 1) == [7, None, None, 8, None]
    assert taken(numbering, 1, 2, topic="peripheral/knob") == [1, 2]
    assert numbering.take("frame", 11, 0) == Numbered(11, 2)
    # Without a number, or with one out of range, each is numbered by the bus.
    assert taken(numbering, 0, 0, 2**63, 2**64 - 1, 12) == [0, 0, 0, 0, 12]


def test_numbers_continue_after_a_restart_of_the_origin() -> None:
    """As far apart as the origin's: a loss is still a gap."""
    numbering = Numbering()
    taken(numbering, 100)
    taken(numbering, 5, topic="peripheral/knob")
    numbering.begin_run()
    assert numbering.take("frame", 1, 0) == Numbered(101, 0)
    assert numbering.take("frame", 4, 0) == Numbered(104, 2)
    assert numbering.take("frame", 4, 0) is None
    assert numbering.take("peripheral/knob", 3, 0) == Numbered(8, 2)
    assert numbering.take("peripheral/new", 9, 0) == Numbered(9, 0)


def test_a_resumed_run_has_no_gap() -> None:
    """Another run had been followed meanwhile."""
    numbering = Numbering()
    taken(numbering, 100)
    numbering.begin_run(is_known=True)
    assert numbering.take("frame", 5000, 0) == Numbered(101, 0)
    assert numbering.take("frame", 5002, 0) == Numbered(103, 1)
    numbering.begin_run(is_known=True)
    assert numbering.take("frame", 3, 0) == Numbered(104, 0)
    assert numbering.take("frame", 4, 0) == Numbered(105, 0)


def test_after_a_new_connection_a_first_number_that_goes_back_is_of_another_run() -> None:
    """A server of the same run sends last values again: the same number with the same capture time."""
    numbering = Numbering()
    taken(numbering, 100)
    numbering.reconnected()
    assert numbering.take("frame", 100, 100) is None
    assert numbering.take("frame", 101, 101) == Numbered(101)
    numbering.reconnected()
    assert numbering.take("frame", 101, 77) == Numbered(202, 100)
    numbering.reconnected()
    assert numbering.take("frame", 3, 3) == Numbered(205, 2)
    assert numbering.take("frame", 4, 4) == Numbered(206, 0)
    assert numbering.take("frame", 2, 2) is None


def test_numbers_continue_from_those_of_the_bus() -> None:
    """After another source has published the topic; a gap is still a gap."""
    numbering = Numbering()
    assert taken(numbering, 5) == [5]
    numbering.corrected("frame", 5, 10)
    assert numbering.take("frame", 6, 6) == Numbered(11, 0)
    assert numbering.take("frame", 8, 8) == Numbered(13, 1)
    numbering.corrected("frame", 13, 20)
    assert numbering.take("frame", 9, 9) == Numbered(21, 0)


def test_old_envelopes_are_recognised_by_their_headers() -> None:
    """Unless they may be of another run."""
    numbering = Numbering()
    assert not numbering.is_old("frame", 1)
    taken(numbering, 5)
    assert [numbering.is_old("frame", number) for number in (0, 1, 5, 6)] == [False, True, True, False]
    numbering.reconnected()
    assert not numbering.is_old("frame", 1)
    numbering.begin_run(is_known=True)
    assert not numbering.is_old("frame", 1)


def test_a_topic_that_the_bus_refuses_is_forgotten() -> None:
    """Or stray ids would fill memory."""
    numbering, guard = Numbering(), LoopGuard()
    taken(numbering, 5)
    guard.remember("frame", b"a")
    for _ in range(2):
        numbering.forget("frame")
        guard.forget("frame")
    numbering.corrected("frame", 5, 6)
    assert taken(numbering, 3) == [3]
    assert not guard.has("frame", b"a")


Step = tuple[str, int]
ACTIONS = ["take", "run", "resume", "reconnect", "correct"]
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 30)), max_size=60)


@given(STEPS)
def test_numbers_always_rise(steps: list[Step]) -> None:
    """Whatever comes in whatever order; missed numbers add up."""
    numbering, last, first, missed, given_out = Numbering(), 0, 0, 0, 0
    corrected = False
    for index, (what, number) in enumerate(steps):
        if what == "run":
            numbering.begin_run()
        elif what == "resume":
            numbering.begin_run(is_known=True)
        elif what == "reconnect":
            numbering.reconnected()
        elif what == "correct" and last:
            numbering.corrected("frame", last, last + number)
            last += number
            corrected = True
        elif (found := numbering.take("frame", number, index)) is not None and found.here:
            assert found.here > last
            first = first or found.here
            last, missed, given_out = found.here, missed + found.missed, given_out + 1
    if given_out and not corrected:
        assert last - first + 1 == given_out + missed


def test_the_guard_recognises_the_same_bytes() -> None:
    """Of the same topic, among the last 64."""
    guard = LoopGuard()
    guard.remember("frame", b"a")
    assert guard.has("frame", b"a")
    assert not guard.has("frame", b"b")
    assert not guard.has("peripheral/knob", b"a")
    for number in range(64):
        guard.remember("frame", b"%d" % number)
    assert not guard.has("frame", b"a")
    assert guard.has("frame", b"0")
