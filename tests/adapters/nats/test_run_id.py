"""What tells one run of a kernel from the next."""

import gc

import pytest

from beats.adapters.nats.run_id import SILENCE_S, RunFilter, run_id
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import FixedClock, PlainCodec


def context(kernel: Kernel) -> Context:
    return Context("relay", "test", FixedClock(), lambda control: None, stats=kernel.stats)


def test_all_adapters_of_a_kernel_share_a_run() -> None:
    """A replacement continues the numbers. Every other kernel begins at 1, even in the same program."""
    kernel = Kernel(PlainCodec())
    assert run_id(context(kernel)) == run_id(context(kernel))
    ids: set[str] = set()
    for _ in range(5):
        ids.add(run_id(context(Kernel(PlainCodec()))))
        gc.collect()
    assert len(ids) == 5
    alone = Context("relay", "test", FixedClock(), lambda control: None)
    assert run_id(alone) != run_id(alone)


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param("a 0 followed, a 1 followed, a 100 followed", id="the first"),
        pytest.param("a 0 followed, b 0.1 new, b 0.2 followed", id="a restarted origin"),
        pytest.param("a 0 followed, b 0.1 new, a 0.2 other, b 0.3 followed, a 0.4 other", id="two origins"),
        pytest.param(f"a 0 followed, b 0 new, a {SILENCE_S} resumed, b {SILENCE_S} other", id="cut off"),
    ],
)
def test_the_newest_run_is_followed(heard: str) -> None:
    """Two origins do not alternate; an earlier run resumes when the other one falls silent."""
    runs, current = RunFilter(), None
    for run, now_s, answer in map(str.split, heard.split(", ")):
        assert runs.current == current
        assert runs.hear(run, float(now_s)) == answer
        current = current if answer == "other" else run


def test_only_some_runs_are_remembered() -> None:
    """An origin may be restarted a thousand times; a forgotten run counts as new."""
    runs = RunFilter()
    for number in range(1000):
        assert runs.hear(str(number), 0.0) == ("new" if number else "followed")
    assert runs.hear("998", 0.0) == "other"
    assert runs.hear("1", 0.0) == "new"
