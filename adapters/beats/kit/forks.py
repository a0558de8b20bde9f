"""Tells what was opened in this process from what a forked child has inherited.

A child gets a copy of every object and none of the threads: a stream in it has no event loop that delivers,
and may have locks that are never released.
"""

import os
import socket
from typing import Final
from weakref import WeakSet

from beats.kernel.errors import ClosedError


class Home:
    """The process that something was opened in: this one."""

    def __init__(self) -> None:
        self.left = False
        """Whether this process was forked from it."""
        self._pid: Final = os.getpid()
        _homes.add(self)

    def check(self) -> None:
        """Refuse what works only in that process. Costs no system call.

        Raises:
            ClosedError: this process was forked from it.
        """
        if self.left:
            raise ClosedError(
                f"the stream was opened in another process ({self._pid}), from which this one "
                f"({os.getpid()}) was forked: publish there, or open a stream here"
            )


def close_in_children(listening: socket.socket) -> None:
    """Have a socket closed in forked children: one that lives on would keep the port in use."""
    _listening.add(listening)


_homes: Final[WeakSet[Home]] = WeakSet()
_listening: Final[WeakSet[socket.socket]] = WeakSet()


def _leave() -> None:
    for home in _homes:
        home.left = True
    for each in _listening:
        each.close()  # this process's descriptor alone; that of the parent goes on to listen


os.register_at_fork(after_in_child=_leave)
