"""What tells one run of a kernel from the next."""

import gc

from beats.adapters.nats.run_id import run_of
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import FixedClock, PlainCodec


def context(kernel: Kernel) -> Context:
    return Context("relay", "test", FixedClock(), lambda control: None, stats=kernel.stats)


def test_all_adapters_of_a_kernel_are_of_one_run() -> None:
    """One that takes the place of another goes on with its numbers."""
    kernel = Kernel(PlainCodec())
    assert run_of(context(kernel)) == run_of(context(kernel))


def test_every_kernel_is_a_run_of_its_own() -> None:
    """Its numbers begin at 1, also when a program has one after the other."""
    runs: set[str] = set()
    for _ in range(5):
        runs.add(run_of(context(Kernel(PlainCodec()))))
        gc.collect()
    assert len(runs) == 5


def test_an_adapter_without_a_kernel_is_a_run_of_its_own() -> None:
    """As in a test of it alone."""
    alone = Context("relay", "test", FixedClock(), lambda control: None)
    assert run_of(alone) != run_of(alone)
