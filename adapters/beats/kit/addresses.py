"""The addresses that a host stands for when a server listens there."""

import errno
import ipaddress
import re
import socket
from typing import Final

Address = tuple[socket.AddressFamily, str]

UNAVAILABLE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Error numbers of an address, or of a whole family, that this machine does not have."""
_NUMERIC: Final = re.compile(r"[0-9a-fA-FxX.:%*]+")
"""What an address may be written with: also `*`, `0` and `0x0`."""
_EVERY: Final = (socket.AF_INET6, "::")
_EVERY_IPV4: Final = (socket.AF_INET, "0.0.0.0")


def addresses(host: str, *, numeric: bool = False) -> list[Address]:
    """The addresses to bind, each once, with a socket of its own for each (IPV6_V6ONLY).

    `::` stands for all addresses of both families: on most systems one IPv6 socket would take both, but name
    IPv4 clients by mapped addresses (RFC 4291, section 2.5.5.2).

    Args:
        host: name or address as the C library reads it: also `*` and `0`.
        numeric: ask no server for names; then a name has no address.

    Raises:
        OSError: it has no address.
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


def is_wildcard(host: str) -> bool:
    """Whether listening on this host, or address, means listening on every address of the machine.

    A name never means that: it is not looked up.
    """
    if not _NUMERIC.fullmatch(host):
        return False
    try:
        found = addresses(host, numeric=True)
    except OSError:
        return False
    return any(ipaddress.ip_address(address).is_unspecified for _, address in found)
