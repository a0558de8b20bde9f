"""What tells one run of a kernel from the next: numbers begin again with each."""

from secrets import token_hex
from typing import Final
from weakref import WeakKeyDictionary

from beats.kernel.ports import Context

_RUNS: Final[WeakKeyDictionary[object, str]] = WeakKeyDictionary()


def run_of(context: Context) -> str:
    """The name of the run that an adapter is part of; of all adapters of one kernel the same.

    A program may have one kernel after the other, or several, and one kernel several adapters after each
    other, which go on with its numbers.
    """
    kernel: object = getattr(context.stats, "__self__", None)
    if kernel is None:  # no kernel, as in a test of an adapter alone
        return token_hex(8)
    return _RUNS.setdefault(kernel, token_hex(8))
