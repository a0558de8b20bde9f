"""What an adapter says it needs."""

from beats.kernel.resources import Resources, no_resources


def test_an_adapter_needs_nothing_unless_it_says_so() -> None:
    """The contract for adapters that were written before there were claims."""
    assert no_resources(object(), "studio") == Resources() == Resources((), (), (), (), ())
