"""What a kernel's sinks know of the house, when it is larger than one process."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.ports import TakeStats


class RuntimeView(NamedTuple):
    """In place of the kernel's own."""

    control: Callable[[Control], None]
    """Puts a client's command where it is obeyed; never raises."""
    commands: Mapping[str, CommandCheck]
    """The commands that are taken there, as they are now."""
    stats: TakeStats
    """The counters of everything."""
