"""The ports that a profile's parts need: whether they could listen there now, and who could reach them."""

import errno
import ipaddress
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from beats.config.errors import dotted
from beats.doctor.findings import Finding
from beats.doctor.listeners import Listener, listeners
from beats.kernel.resources import Port
from beats.kit.addresses import UNAVAILABLE, Address, addresses
from beats.runtime.conflicts import Part

_RESOLVE_S: Final = 1.0
"""Seconds that a name server has; a start would wait longer."""


class Attempt(NamedTuple):
    """One try to have an address."""

    address: str
    error: OSError | None


def port(part: Part, resource: Port, running: Collection[int]) -> Iterator[Finding]:
    """Whether a part could listen where it wants to.

    Args:
        part: whose it is.
        resource: where.
        running: processes of this user's that are Beats.
    """
    subject = f"port {resource.port}"
    if resource.port == 0:
        yield Finding(subject, "ok", f"{dotted(part.key)} takes a free one")
        return
    found = resolve(resource.host)
    if not found:
        what = f"{dotted(part.key)}: host {resource.host!r} has no address"
        yield Finding(subject, "fault", what, "give a name or address of this machine")
        return
    attempts = [Attempt(address, bind(family, address, resource)) for family, address in found]
    said = verdict(part, resource, attempts, running)
    optional = part.value("required") is False
    yield said._replace(level="warning") if optional and said.level == "fault" else said
    yield from exposed(part, [address for _, address in found])


def resolve(host: str) -> list[Address]:
    """The addresses that a host has here; none when there are none, or nobody says so in time."""
    found: list[Address] = []

    def ask() -> None:
        with suppress(OSError):  # no such name, or none that could be one
            found.extend(addresses(host))

    thread = threading.Thread(target=ask, daemon=True)  # it cannot be ended, and may wait for long
    thread.start()
    thread.join(_RESOLVE_S)
    return [] if thread.is_alive() else found


def bind(family: socket.AddressFamily, address: str, resource: Port) -> OSError | None:
    """Why an address cannot be had; None when it can. Nobody can connect: nothing listens."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if resource.is_shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, resource.port))
    except OSError as error:
        return error
    return None


def verdict(part: Part, resource: Port, attempts: list[Attempt], running: Collection[int]) -> Finding:
    """What the attempts come to: an address that this machine lacks is passed over as long as one works."""
    subject, name = f"port {resource.port}", dotted(part.key)
    failed = [each for each in attempts if each.error is not None]
    lacking = [each for each in failed if each.error is not None and each.error.errno in UNAVAILABLE]
    serious = [each for each in failed if each not in lacking]
    if serious:
        error = serious[0].error
        assert error is not None
        if error.errno == errno.EADDRINUSE:
            return _in_use(subject, f"{name} wants {serious[0].address}", listeners(resource.port), running)
        what = f"{name} cannot listen on {serious[0].address}: {error.strerror}"
        if error.errno == errno.EACCES:
            allow = "choose a port from 1024, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit"
            return Finding(subject, "fault", what, allow)
        return Finding(subject, "fault", what, "choose another host or port")
    if len(lacking) == len(attempts):
        what = f"{name} cannot listen on {resource.host!r}, which is not an address of this machine"
        return Finding(subject, "fault", what, "set its host to one that is, or to localhost")
    free = ", ".join(each.address for each in attempts if each.error is None)
    passed = "".join(f"; {each.address} is passed over, this machine has no such" for each in lacking)
    return Finding(subject, "ok", f"free for {name} on {free}{passed}")


def _in_use(subject: str, wish: str, there: list[Listener], running: Collection[int]) -> Finding:
    # It may serve by processes of its own.
    theirs = {pid for each in there for pid in (each.pid, each.parent) if pid is not None}
    if found := sorted(theirs & set(running)):
        what = f"{wish}, where Beats listens already, process {found[0]}"
        return Finding(subject, "warning", what, "stop that before you start another, or choose another port")
    names = ", ".join(_who(each) for each in there)
    what = f"{wish}, where {names or 'somebody else'} listens"
    return Finding(subject, "fault", what, "stop that, or choose another port, 0 for any free one")


def _who(listener: Listener) -> str:
    if listener.pid is None:
        return listener.name
    return f"process {listener.pid}" + (f" ({listener.name})" if listener.name else "")


def exposed(part: Part, addresses: list[str]) -> Iterator[Finding]:
    """Whether others can reach it who need no token; of all addresses at once the settings warn."""
    has_none = part.value("token") is None and part.value("token_file") is None
    reached = [address for address in addresses if not _is_own(address)]
    if hasattr(part.settings, "token") and has_none and reached:
        what = f"{dotted(part.key)} has no token, and whoever reaches {reached[0]} can watch"
        yield Finding("access", "warning", what, "set token or token_file, or its host to localhost")


def _is_own(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])  # a scope may follow: RFC 4007, section 11
    return found.is_loopback or found.is_unspecified
