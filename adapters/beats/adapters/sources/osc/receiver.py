"""A UDP socket that counts what the operating system had to drop."""

import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from anyio import to_thread

from beats.kernel.capabilities import authority
from beats.kit.addresses import addresses, bind_all
from beats.kit.ports import refused

_MOST_BYTES: Final = 65_536
_DROPS: Final = struct.Struct("@I")
_RXQ_OVFL: Final = 40
"""SO_RXQ_OVFL, which Python does not name: Linux adds to each datagram how many were dropped before it, see
socket(7)."""


class Datagram(NamedTuple):
    """What came."""

    data: bytes
    sender: str
    """Host and port, as text."""


class UdpReceiver:
    """One socket; `wait_readable` it, then `receive` until there is nothing left."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket: Final = sock
        self.dropped = 0
        """Datagrams that the operating system dropped because they were not read in time, as far as it
        tells: Linux does, with the next one that arrives."""

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port, *_ = self.socket.getsockname()
        return authority(host, port)

    def receive(self) -> Datagram | None:
        """The next datagram; None when nothing waits."""
        try:
            data, notes, _, sender = self.socket.recvmsg(_MOST_BYTES, socket.CMSG_SPACE(_DROPS.size))
        except (BlockingIOError, InterruptedError):
            return None
        for level, kind, note in notes:
            if level == socket.SOL_SOCKET and kind == _RXQ_OVFL and len(note) == _DROPS.size:
                (self.dropped,) = _DROPS.unpack(note)
        return Datagram(data, authority(*sender[:2]))


async def open_receivers(host: str, port: int, key: Sequence[str], buffer_bytes: int) -> list[UdpReceiver]:
    """Listen on every address of a host that this machine has; `key` is the setting of the port.

    Raises:
        OSError: none can be listened on, or one is in use; says which.
    """
    found = await to_thread.run_sync(addresses, host)
    try:
        sockets = bind_all(found, port, partial(_bound, buffer_bytes))
    except OSError as error:
        raise refused(error, key, host, port, kind="UDP ", other="another program") from error
    return [UdpReceiver(sock) for sock in sockets]


def _bound(buffer_bytes: int, family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with suppress(OSError):  # macOS refuses more than it allows; Linux takes what it allows
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        if sys.platform == "linux":
            sock.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
