"""The commands that sources and sinks take besides those of the wire."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from beats.kernel.bus import Bus, Connection
from beats.kernel.capabilities import CommandCheck, TakesCommands
from beats.kernel.envelope import Control


class Commands:
    """Passes commands from the bus to the sources and sinks that take them.

    Lives in the kernel's event loop; any thread may read `known`.
    """

    def __init__(self, bus: Bus) -> None:
        self.known: Final[dict[str, CommandCheck]] = {}
        """The check of each command's fields, by its name; always the same dictionary."""
        self._bus: Final = bus
        self._takers: Final[dict[object, TakesCommands]] = {}
        self._connections: Final[dict[object, Connection]] = {}

    def add(self, key: object, adapter: object) -> None:
        """Accept the commands of a source or sink, if it takes any; `key` is for `remove`."""
        if isinstance(adapter, TakesCommands):
            self._takers[key] = adapter
            self.known.update(adapter.commands)
            self._connections[key] = self._bus.connect("control", partial(_pass_on, adapter))

    def remove(self, key: object) -> None:
        """Accept the adapter's commands no longer. Those of other adapters stay accepted all the time."""
        if key not in self._takers:
            return
        self._connections.pop(key).disconnect()
        del self._takers[key]
        left: dict[str, CommandCheck] = {}
        for adapter in self._takers.values():
            left.update(adapter.commands)
        self.known.update(left)
        for command in self.known.keys() - left.keys():
            del self.known[command]


def _pass_on(adapter: TakesCommands, control: Control) -> None:
    commands: Mapping[str, CommandCheck] = adapter.commands
    if control.command in commands:
        adapter.command(control)
