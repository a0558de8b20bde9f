"""What a line does to what goes over it."""

import pytest

from tests.support.lines import Line, Way


def arrivals(line: Line, sent_s: list[float], size: int = 1500) -> list[float | None]:
    way = Way(line, seed=1)
    return [way.arrival_s(at_s, size) for at_s in sent_s]


def test_a_line_without_settings_takes_no_time() -> None:
    """What is sent has arrived."""
    assert arrivals(Line(), [0.0, 1.0, 2.0]) == [0.0, 1.0, 2.0]


def test_delay_varies_by_the_jitter_and_nothing_overtakes() -> None:
    """Each packet is late by what the line says, in the order in which they were sent."""
    sent_s = [number / 100 for number in range(1000)]
    arrived_s = [at_s for at_s in arrivals(Line(0.08, 0.02), sent_s) if at_s is not None]
    late_s = [there - here for here, there in zip(sent_s, arrived_s, strict=True)]
    assert arrived_s == sorted(arrived_s)
    assert 0.06 <= min(late_s) < 0.065
    assert 0.095 < max(late_s) <= 0.1


def test_so_many_are_lost() -> None:
    """The part that never arrives is what was asked for."""
    lost = arrivals(Line(loss=0.1), [0.0] * 10_000).count(None)
    assert 900 < lost < 1100


def test_a_piece_of_many_packets_is_lost_if_one_is() -> None:
    """A proxy's pieces are as often late as their packets would be."""
    lost = arrivals(Line(loss=0.1), [0.0] * 10_000, size=15_000).count(None)
    assert lost / 10_000 == pytest.approx(1 - 0.9**10, abs=0.02)


def test_a_narrow_line_carries_its_rate_and_loses_the_rest() -> None:
    """Packets wait for those before them; beyond a short queue they are lost."""
    arrived_s = [at_s for at_s in arrivals(Line(bytes_per_s=15_000), [0.0] * 100) if at_s is not None]
    assert arrived_s == [pytest.approx(number / 10) for number in range(1, 4)]


def test_nothing_goes_over_a_cut_line_until_it_is_mended() -> None:
    """And those who watch it are told of both."""
    line, told = Line(), list[bool]()
    line.watch(lambda: told.append(line.is_cut))
    way = Way(line, seed=1)
    line.cut()
    assert way.arrival_s(1.0, 100) is None
    line.mend()
    assert way.arrival_s(2.0, 100) == 2.0
    assert told == [True, False]
