"""The addresses that a server listens on, by its host, and where others reach it."""

import errno
import ipaddress
import re
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

Address = tuple[socket.AddressFamily, str]

UNAVAILABLE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Error numbers of an address, or of a whole family, that this machine does not have."""
_NUMERIC: Final = re.compile(r"[0-9a-fA-FxX.:%*]+")
"""The characters of an address; `*`, `0` and `0x0` are addresses, too."""
_ATTEMPTS: Final = 20
_EVERY: Final = (socket.AF_INET6, "::")
_EVERY_IPV4: Final = (socket.AF_INET, "0.0.0.0")


def addresses(host: str, *, numeric: bool = False) -> list[Address]:
    """The addresses to bind, each once, to one socket each (IPV6_V6ONLY).

    `::` means all addresses of both families: on most systems one IPv6 socket would accept both, but show
    IPv4 clients with mapped addresses (RFC 4291, section 2.5.5.2).

    Args:
        host: name or address as the C library reads it: also `*` and `0`.
        numeric: ask no name server; then a name has no address.

    Raises:
        OSError: the host has no address.
    """
    flags = socket.AI_PASSIVE | (socket.AI_NUMERICHOST if numeric else 0)
    try:
        # Port 0: without any port the C library does not take `*`.
        answers = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=flags)
    except ValueError as error:  # too long for a name, or it holds a null character
        raise socket.gaierror(socket.EAI_NONAME, "not a name") from error
    found: list[Address] = list(
        dict.fromkeys((family, str(address[0])) for family, _, _, _, address in answers)
    )
    if _EVERY in found and _EVERY_IPV4 not in found:
        found.append(_EVERY_IPV4)
    return found


def bind_all(
    found: Sequence[Address], port: int, bind: Callable[[socket.AddressFamily, str, int], socket.socket]
) -> list[socket.socket]:
    """Bind a socket to each address; with port 0, to one port that is free on all of them.

    Addresses that this machine lacks (IPv6 in many containers) are left out as long as it has one.

    Args:
        found: what `addresses` gives.
        port: 0 for any free one.
        bind: makes a bound socket; the port that it gets is 0 until the first one is bound.

    Raises:
        OSError: as `bind` raised it: an address is in use, or this machine has none of them.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _bind_each(found, port, bind)
        except OSError as error:
            # Port 0 again: the port that the first address found was taken on the second.
            if port != 0 or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _bind_each(
    found: Sequence[Address], port: int, bind: Callable[[socket.AddressFamily, str, int], socket.socket]
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    lacking = 0
    try:
        for family, address in found:
            try:
                sock = bind(family, address, port)
            except OSError as error:
                lacking += 1
                if error.errno not in UNAVAILABLE or lacking == len(found):
                    raise
            else:
                sockets.append(sock)
                port = port or sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def is_wildcard(host: str) -> bool:
    """Whether listening on this host means listening on every address of the machine.

    A name never does, and is not resolved.
    """
    if not _NUMERIC.fullmatch(host):
        return False
    try:
        found = addresses(host, numeric=True)
    except OSError:
        return False
    return any(ipaddress.ip_address(address).is_unspecified for _, address in found)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by definition: RFC 6761, section 6.3, for the name."""
    name = host.lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return False


def network_address() -> str | None:
    """An address of this machine by which its network most likely reaches it; None without a network.

    It is the one that the route to other networks begins with; without such a route, that of the first
    interface that has one. Nothing is sent.
    """
    for found in (*_by_route(), *_by_interface()):
        if not is_loopback(found):
            return found
    return None


_ELSEWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that nobody has: RFC 5737, RFC 3849."""


def _by_route() -> Iterator[str]:
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((elsewhere, 9))  # of a datagram socket: it chooses the route, and sends nothing
            yield sock.getsockname()[0]


def _by_interface() -> Iterator[str]:
    if sys.platform != "linux":
        return
    from fcntl import ioctl

    for _, name in socket.if_nameindex():
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            answer = ioctl(sock, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            yield socket.inet_ntoa(answer[20:24])


_SIOCGIFADDR: Final = 0x8915
"""Asks for the IPv4 address of an interface: netdevice(7)."""
