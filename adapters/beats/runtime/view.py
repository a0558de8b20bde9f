"""What sinks see of a run that has several processes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import TakeStats


class RuntimeView(NamedTuple):
    """Replaces the kernel's own commands and counters."""

    control: Callable[[Control], None]
    """Passes on a client's command; never raises."""
    commands: Mapping[str, CommandCheck]
    """The commands accepted at present, each with its check."""
    stats: TakeStats
    """The counters of all processes."""
