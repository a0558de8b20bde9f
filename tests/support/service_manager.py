"""The other side of sd_notify(3), as systemd has it."""

import socket
import time
from collections.abc import Mapping
from typing import Final

from tests.support import TIMEOUT_S


class Manager:
    """Receives the messages of a service."""

    def __init__(self, address: str) -> None:
        self.address: Final = address
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0") if address[0] == "@" else address)

    def next(self, timeout_s: float = TIMEOUT_S) -> Mapping[str, str]:
        """The next message.

        Raises:
            TimeoutError, BlockingIOError: none came.
        """
        self._socket.settimeout(timeout_s)
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str) -> Mapping[str, str]:
        """The next message with this name; others, between which pings come, are left out."""
        end_s = time.monotonic() + TIMEOUT_S
        while name not in (message := self.next()):
            assert time.monotonic() < end_s, f"no {name}"
            assert set(message) <= {"WATCHDOG", "STATUS"}, f"no {name}, but {message}"
        return message

    def drain(self) -> None:
        """Forget what has come until now."""
        try:
            while True:
                self.next(0)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Leave; nothing listens there any more."""
        self._socket.close()
