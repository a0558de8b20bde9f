"""Listening sockets: all addresses of a host on one port, also when the port is to be found."""

import errno
import socket
from typing import Final

from anyio import to_thread

from beats.kit.addresses import UNAVAILABLE, Address, addresses
from beats.kit.forks import close_in_children

_ATTEMPTS: Final = 20
BACKLOG: Final = 4096
NOTSENT_BYTES: Final = 16 * 1024
"""What the operating system may hold for a viewer beyond what is already on its way."""


async def listen(
    host: str, port: int, *, reuse_port: bool = False, send_buffer_bytes: int | None = None
) -> list[socket.socket]:
    """Listen on every address of `host`; with port 0, on one free port that all of them share.

    An address family that this machine lacks (IPv6 in many containers) is passed over as long as one
    address works.

    Raises:
        OSError: no address can be listened on; says which, why, and what to do.
    """
    found = await _resolve(host)
    options = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    # Accepted connections inherit these. A frame must not wait for the last one's acknowledgement. And the
    # operating system would take megabytes for a viewer that has stopped reading, out of reach of its
    # queue's strategy, and hide for many seconds that it has (Linux and macOS know the option).
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES))
    if send_buffer_bytes is not None:
        options.append((socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes))
    if reuse_port:
        options.append((socket.SOL_SOCKET, socket.SO_REUSEPORT, 1))
    for attempt in range(_ATTEMPTS):
        try:
            return _listen_all(found, port, options)
        except OSError as error:
            # Port 0 again: the port that the first address found was taken on the second.
            if port != 0 or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS - 1:
                raise _explained(error, host, port) from error
    raise AssertionError("unreachable")


async def _resolve(host: str) -> list[Address]:
    try:
        return await to_thread.run_sync(addresses, host, abandon_on_cancel=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"host {host!r} has no address ({error.strerror}): give a name or address of this machine",
        ) from error


def _listen_all(found: list[Address], port: int, options: list[tuple[int, int, int]]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    unavailable: list[OSError] = []
    try:
        for family, address in found:
            try:
                sock = _listen_one(family, address, port, options)
            except OSError as error:
                unavailable.append(error)
                if error.errno not in UNAVAILABLE or len(unavailable) == len(found):
                    raise
            else:
                sockets.append(sock)
                port = port or sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _listen_one(
    family: socket.AddressFamily, address: str, port: int, options: list[tuple[int, int, int]]
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        for level, option, value in options:
            sock.setsockopt(level, option, value)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        close_in_children(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _explained(error: OSError, host: str, port: int) -> OSError:
    where = f"port {port} on {host!r}"
    if error.errno == errno.EADDRINUSE:
        text = f"{where} is in use, perhaps by another Beats: stop that, or choose another (0: any free one)"
    elif error.errno in UNAVAILABLE:
        text = f"{where} cannot be listened on: {host!r} is not an address of this machine"
    elif error.errno == errno.EACCES:
        text = f"{where} needs privileges: choose a port from 1024"
    else:
        text = f"{where} cannot be listened on: {error.strerror}"
    return OSError(error.errno, text)
