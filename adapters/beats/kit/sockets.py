"""Sockets of the side that connects, and what a socket still holds."""

import asyncio
import socket
import sys
from typing import Any, Final

import anyio

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

_NOTSENT_BYTES: Final = 64 * 1024
"""What the operating system may hold beyond what is in flight. Without a bound it buffers megabytes for a
slow reader, out of reach of the queue and its strategy."""


async def connected_socket(host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket to the first address of a host that answers within its share of the time.

    asyncio (3.11) may leave its own sockets open when it is cancelled while it connects.

    Raises:
        OSError: no address answers.
    """
    addresses = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    errors: list[OSError] = []
    for family, _, _, _, address in addresses:
        try:
            with anyio.fail_after(timeout_s / len(addresses)):
                return await _connect(family, address)
        except OSError as error:
            errors.append(error)
    if not errors:
        raise OSError(f"{host} has no address")
    if isinstance(errors[0], TimeoutError):
        raise TimeoutError(f"no answer within {timeout_s:g} s")
    raise errors[0]


async def _connect(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # asyncio sets this for its own sockets only: small writes would wait up to 40 ms for an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOTSENT_BYTES)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def unsent_bytes(transport: asyncio.BaseTransport) -> int | None:
    """How much the operating system holds for a socket that the other side has not acknowledged: tcp(7).

    Returns:
        None where that is unknown: elsewhere than on Linux, or when the socket is closed.
    """
    sock = transport.get_extra_info("socket")
    if sys.platform != "linux" or sock is None:
        return None
    try:
        return int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    except (OSError, ValueError):
        return None
