"""Addresses of NATS servers, with and without passwords. Decides without I/O."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from beats.kernel.capabilities import authority

DEFAULT_PORT: Final = 4222
_MOST: Final = 64
_ENCRYPTED: Final = {"nats": False, "tls": True}


class Server(NamedTuple):
    """One server, with user and password."""

    host: str
    port: int = DEFAULT_PORT
    encrypted: bool = False
    """Whether encryption is required; the server may ask for it by itself."""
    user: str | None = None
    password: str | None = None
    """None means that `user`, if there is one, is a token."""
    tls_name: str | None = None
    """The name in its certificate, if that is not the host."""

    def __str__(self) -> str:
        """The server's address without user and password, for the log."""
        return f"{'tls' if self.encrypted else 'nats'}://{authority(self.host, self.port)}"


def server(url: str) -> Server:
    """The server of an address such as `nats://host:4222`, `tls://user:password@host`, or `host`.

    Raises:
        ValueError: the address is invalid; says why, without showing it.
    """
    parts = _split(url)
    if parts.scheme not in _ENCRYPTED:
        raise ValueError("must begin with nats:// or tls://")
    if not parts.hostname:
        raise ValueError("must name a host, as nats://host:4222 does")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must end with the port")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    port = _port(parts)
    return Server(parts.hostname, port or DEFAULT_PORT, _ENCRYPTED[parts.scheme], user or None, password)


def masked(url: str) -> str:
    """An address, valid or not, without user and password."""
    before, slashes, rest = url.rpartition("://")
    rest = rest.rpartition("@")[2]
    return f"{before}{slashes}{rest}"


class ServerPool:
    """The order in which servers are tried, including those that a cluster has announced."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self._servers: Final = list(dict.fromkeys(servers))

    def round(self) -> list[Server]:
        """All servers, in the order in which to try them."""
        return list(self._servers)

    def reached(self, server: Server, others: Iterable[tuple[str, int]]) -> None:
        """A server has answered, and announced others of its cluster, which have the same users."""
        self._servers.remove(server)
        self._servers.insert(0, server)
        known = {(each.host, each.port) for each in self._servers}
        for host, port in others:
            if (host, port) not in known and len(self._servers) < _MOST:
                known.add((host, port))
                name = server.tls_name or server.host if _is_address(host) else None
                self._servers.append(server._replace(host=host, port=port, tls_name=name))

    def lost(self, server: Server) -> None:
        """The connection to a server has ended: try the others first."""
        self._servers.remove(server)
        self._servers.append(server)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url if "://" in url else f"nats://{url}")
    except ValueError:
        raise ValueError("must be an address, such as nats://host:4222") from None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError("must have a port from 1 to 65535, or none") from None
