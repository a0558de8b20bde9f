"""What tells one run of a kernel from the next."""

import gc

from beats.adapters.nats.run_id import SILENCE_S, RunFilter, run_id
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import FixedClock, PlainCodec


def context(kernel: Kernel) -> Context:
    return Context("relay", "test", FixedClock(), lambda control: None, stats=kernel.stats)


def test_all_adapters_of_a_kernel_share_a_run() -> None:
    """A replacement continues the numbers."""
    kernel = Kernel(PlainCodec())
    assert run_id(context(kernel)) == run_id(context(kernel))


def test_every_kernel_has_its_own_run() -> None:
    """Its numbers begin at 1, even if one program has several."""
    ids: set[str] = set()
    for _ in range(5):
        ids.add(run_id(context(Kernel(PlainCodec()))))
        gc.collect()
    assert len(ids) == 5


def test_an_adapter_without_a_kernel_has_its_own_run() -> None:
    """As in a test of an adapter alone."""
    alone = Context("relay", "test", FixedClock(), lambda control: None)
    assert run_id(alone) != run_id(alone)


def test_the_first_run_is_followed() -> None:
    """And stays followed."""
    runs = RunFilter()
    assert runs.current is None
    assert [runs.hear("a", now_s) for now_s in (0.0, 1.0, 100.0)] == ["followed"] * 3
    assert runs.current == "a"


def test_a_new_run_takes_over_at_once() -> None:
    """The origin was restarted."""
    runs = RunFilter()
    runs.hear("a", 0.0)
    assert runs.hear("b", 0.1) == "new"
    assert runs.hear("b", 0.2) == "followed"


def test_two_origins_do_not_alternate() -> None:
    """The one that came last is followed."""
    runs = RunFilter()
    runs.hear("a", 0.0)
    runs.hear("b", 0.1)
    assert runs.hear("a", 0.2) == "other"
    assert runs.hear("b", 0.3) == "followed"
    assert runs.hear("a", 0.4) == "other"
    assert runs.current == "b"


def test_an_earlier_run_resumes_when_the_other_falls_silent() -> None:
    """It was cut off for a while."""
    runs = RunFilter()
    runs.hear("a", 0.0)
    runs.hear("b", 1.0)
    assert runs.hear("a", 1.0 + SILENCE_S) == "resumed"
    assert runs.hear("b", 1.1 + SILENCE_S) == "other"


def test_only_some_runs_are_remembered() -> None:
    """An origin may be restarted a thousand times; a forgotten run counts as new."""
    runs = RunFilter()
    for number in range(1000):
        assert runs.hear(str(number), 0.0) == ("new" if number else "followed")
    assert runs.hear("998", 0.0) == "other"
    assert runs.hear("1", 0.0) == "new"
