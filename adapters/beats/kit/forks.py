"""Detects use of a stream in a forked child.

A child gets a copy of every object but none of the threads: its copy of a stream has no event loop that
delivers, and may have locks that are never released.
"""

import os
import socket
from typing import Final
from weakref import WeakSet

from beats.kernel.errors import ClosedError


class Home:
    """Remembers the process in which something was opened."""

    def __init__(self) -> None:
        self.left = False
        """Whether this process is a forked child of it."""
        self._pid: Final = os.getpid()
        _homes.add(self)

    def check(self) -> None:
        """Refuse an operation that works only in that process. Costs no system call.

        Raises:
            ClosedError: this process is a forked child.
        """
        if self.left:
            raise ClosedError(
                f"the stream was opened in another process ({self._pid}), from which this one "
                f"({os.getpid()}) was forked: publish there, or open a stream here"
            )


def close_in_children(listening: socket.socket) -> None:
    """Close a socket in forked children, where it would keep the port in use."""
    _listening.add(listening)


_homes: Final[WeakSet[Home]] = WeakSet()
_listening: Final[WeakSet[socket.socket]] = WeakSet()


def _leave() -> None:
    for home in _homes:
        home.left = True
    for each in _listening:
        # Only this process's descriptor: the parent listens on. `close` would wait for the event loop
        # that watches the socket, which does not run here (uvloop).
        if (descriptor := each.detach()) >= 0:
            os.close(descriptor)


os.register_at_fork(after_in_child=_leave)
