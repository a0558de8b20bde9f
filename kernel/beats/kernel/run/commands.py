"""The commands that sources and sinks take besides those of the wire, and the way to whoever takes them."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from beats.kernel.bus import Bus, Connection
from beats.kernel.capabilities import CommandCheck, TakesCommands
from beats.kernel.envelope import Control


class Commands:
    """Lives in the kernel's event loop; `known` is for any thread."""

    def __init__(self, bus: Bus) -> None:
        """Begin with nobody who takes any."""
        self.known: Final[dict[str, CommandCheck]] = {}
        """By name, the check of each command's fields: the same dictionary always."""
        self._bus: Final = bus
        self._takers: Final[dict[object, TakesCommands]] = {}
        self._ears: Final[dict[object, Connection]] = {}

    def add(self, key: object, part: object) -> None:
        """Let the commands of a part in, if it takes any.

        Args:
            key: to `remove` it by.
            part: a source or a sink.
        """
        if isinstance(part, TakesCommands):
            self._takers[key] = part
            self.known.update(part.commands)
            self._ears[key] = self._bus.connect("control", partial(_hand, part))

    def remove(self, key: object) -> None:
        """Let only those in that others take; at no instant is one of theirs missing."""
        if key not in self._takers:
            return
        self._ears.pop(key).disconnect()
        del self._takers[key]
        left: dict[str, CommandCheck] = {}
        for part in self._takers.values():
            left.update(part.commands)
        self.known.update(left)
        for command in self.known.keys() - left.keys():
            del self.known[command]


def _hand(part: TakesCommands, control: Control) -> None:
    commands: Mapping[str, CommandCheck] = part.commands
    if control.command in commands:
        part.command(control)
