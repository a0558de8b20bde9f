"""Which run of which origin is followed."""

from beats.adapters.nats.origins import SILENCE_S, Origins


def test_the_first_is_followed() -> None:
    """And goes on to be."""
    origins = Origins()
    assert origins.current is None
    assert [origins.hear("a", now_s) for now_s in (0.0, 1.0, 100.0)] == ["followed"] * 3
    assert origins.current == "a"


def test_a_new_run_takes_over_at_once() -> None:
    """An origin was restarted."""
    origins = Origins()
    origins.hear("a", 0.0)
    assert origins.hear("b", 0.1) == "new"
    assert origins.hear("b", 0.2) == "followed"


def test_two_that_send_at_once_do_not_take_turns() -> None:
    """Whoever came last is followed, and the other is not."""
    origins = Origins()
    origins.hear("a", 0.0)
    origins.hear("b", 0.1)
    assert origins.hear("a", 0.2) == "other"
    assert origins.hear("b", 0.3) == "followed"
    assert origins.hear("a", 0.4) == "other"
    assert origins.current == "b"


def test_one_goes_on_when_the_other_falls_silent() -> None:
    """It was cut off for a while, and somebody stood in for it."""
    origins = Origins()
    origins.hear("a", 0.0)
    origins.hear("b", 1.0)
    assert origins.hear("a", 1.0 + SILENCE_S) == "resumed"
    assert origins.hear("b", 1.1 + SILENCE_S) == "other"


def test_only_some_runs_are_remembered() -> None:
    """An origin may be restarted a thousand times; a run of long ago is a new one then."""
    origins = Origins()
    for number in range(1000):
        assert origins.hear(str(number), 0.0) == ("new" if number else "followed")
    assert origins.hear("998", 0.0) == "other"
    assert origins.hear("1", 0.0) == "new"
