"""Sockets that are connected to somebody."""

import asyncio
import socket
from typing import Any, Final

import anyio

_NOTSENT_BYTES: Final = 64 * 1024
"""What the operating system may hold beyond what is already on its way. Without a bound it takes megabytes
for one who reads slowly, out of reach of the queue and its strategy."""


async def connected_socket(host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket to the first address of a host that answers within its share of the time.

    It is made here, since asyncio (3.11) may leave one open when it is cancelled while it connects.

    Raises:
        OSError: there is nobody.
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
        # asyncio sees to it only for sockets of its own: what is small would wait up to 40 ms for an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOTSENT_BYTES)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
