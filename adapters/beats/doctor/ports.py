"""Checks the ports that a profile listens on, and finds out who else does."""

import errno
import os
import pwd
import re
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

from beats.config.errors import dotted
from beats.doctor.findings import Finding
from beats.kernel.resources import Port
from beats.kit.addresses import UNAVAILABLE, Address, addresses, is_loopback, is_wildcard
from beats.runtime.conflicts import Part

_STATES: Final = {"tcp": "0A", "udp": "07"}
"""The state of a listening socket in the tables of proc_net_tcp(5): TCP_LISTEN; for UDP TCP_CLOSE."""
_TYPES: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_SHOWN_CHARACTERS: Final = 60


class Listener(NamedTuple):
    """A process that listens."""

    pid: int | None
    """The process id; None for a process of another user."""
    name: str
    """The command line of the process, or at least its user."""
    parent: int | None = None
    """The id of the parent process."""


def listeners(
    port: int, proc: Path = Path("/proc"), protocol: Literal["tcp", "udp"] = "tcp"
) -> list[Listener]:
    """The processes that listen on a port; empty if the system does not tell."""
    tables = [proc / "net" / name for name in (protocol, f"{protocol}6")]
    state = _STATES[protocol]
    users = {inode: user for table in tables for inode, user in _sockets(table, port, state)}
    found = dict(_processes(set(users), proc))
    known = [_listener(pid, proc / str(pid)) for pid in dict.fromkeys(found.values())]
    others = dict.fromkeys(user for inode, user in users.items() if inode not in found)
    return [*known, *(Listener(None, f"a process of {_name(user)}") for user in others)]


def _sockets(table: Path, port: int, state: str) -> Iterator[tuple[int, int]]:
    """Inode and user of each socket listening on the port: proc_net_tcp(5)."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[9]), int(fields[7])


def _processes(inodes: set[int], proc: Path) -> Iterator[tuple[int, int]]:
    """The process of each socket, if this user may see it."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for folder in proc.glob("[0-9]*") if wanted else ():
        with suppress(OSError):  # another user's, or ended
            for link in (folder / "fd").iterdir():
                with suppress(OSError):
                    if (target := os.readlink(link)) in wanted:  # noqa: PTH115 - it is no path
                        yield wanted[target], int(folder.name)


def _listener(pid: int, folder: Path) -> Listener:
    words: list[str] = []
    parent: int | None = None
    with suppress(OSError, ValueError, IndexError):  # the process may end at any time
        words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # proc_pid_stat(5): the name in brackets may hold anything; the second field after it is the parent.
        parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return Listener(pid, _shown(words), parent)


def _shown(words: list[str]) -> str:
    text = re.sub(r"[^\x20-\x7e]", "?", " ".join(words).strip())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


_RESOLVE_S: Final = 1.0
"""Longest wait for a name server; a start waits longer."""


class Attempt(NamedTuple):
    """One attempt to bind an address."""

    address: str
    error: OSError | None


def port(part: Part, resource: Port, running: Collection[int]) -> Iterator[Finding]:
    """Whether a sink or source could listen on its port.

    Args:
        part: the sink or source.
        resource: the port.
        running: the running Beats processes of this user.
    """
    subject = _subject(resource)
    if resource.port == 0:
        yield Finding(subject, "ok", f"{dotted(part.key)} uses a free one")
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


def _subject(resource: Port) -> str:
    return f"port {resource.port}{'/udp' if resource.protocol == 'udp' else ''}"


def resolve(host: str) -> list[Address]:
    """The addresses of a host; none if there are none, or without an answer in time."""
    found: list[Address] = []

    def ask() -> None:
        with suppress(OSError):  # unknown or invalid name
            found.extend(addresses(host))

    thread = threading.Thread(target=ask, daemon=True)  # it cannot be ended, and may wait long
    thread.start()
    thread.join(_RESOLVE_S)
    return [] if thread.is_alive() else found


def bind(family: socket.AddressFamily, address: str, resource: Port) -> OSError | None:
    """Why an address cannot be bound; None when it can. The socket does not listen, so nobody can connect."""
    try:
        with socket.socket(family, _TYPES[resource.protocol]) as sock:
            if resource.protocol == "tcp":  # with UDP it would share a port that is in use
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
    """The finding for all attempts: addresses that this machine lacks are skipped if one works."""
    subject, name = _subject(resource), dotted(part.key)
    failed = [each for each in attempts if each.error is not None]
    lacking = [each for each in failed if each.error is not None and each.error.errno in UNAVAILABLE]
    serious = [each for each in failed if each not in lacking]
    if serious:
        error = serious[0].error
        assert error is not None
        if error.errno == errno.EADDRINUSE:
            there = listeners(resource.port, protocol=resource.protocol)
            return _in_use(subject, f"{name} is set to listen on {serious[0].address}", there, running)
        what = f"{name} cannot listen on {serious[0].address}: {error.strerror}"
        if error.errno == errno.EACCES:
            allow = "choose a port from 1024, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit"
            return Finding(subject, "fault", what, allow)
        return Finding(subject, "fault", what, "choose another host or port")
    if len(lacking) == len(attempts):
        what = f"{name} cannot listen on {resource.host!r}, which is not an address of this machine"
        return Finding(subject, "fault", what, "set its host to an address of this machine, or to localhost")
    free = ", ".join(each.address for each in attempts if each.error is None)
    passed = "".join(f"; {each.address} is skipped, as this machine does not have it" for each in lacking)
    return Finding(subject, "ok", f"free for {name} on {free}{passed}")


def _in_use(subject: str, wish: str, there: list[Listener], running: Collection[int]) -> Finding:
    # Beats may listen in worker processes.
    theirs = {pid for each in there for pid in (each.pid, each.parent) if pid is not None}
    if found := sorted(theirs & set(running)):
        what = f"{wish}, where Beats listens already, process {found[0]}"
        return Finding(subject, "warning", what, "stop it first, or choose another port")
    names = ", ".join(_who(each) for each in there)
    what = f"{wish}, where {names or 'another process'} listens"
    return Finding(subject, "fault", what, "stop it, or choose another port, 0 for any free one")


def _who(listener: Listener) -> str:
    if listener.pid is None:
        return listener.name
    return f"process {listener.pid}" + (f" ({listener.name})" if listener.name else "")


def exposed(part: Part, addresses: list[str]) -> Iterator[Finding]:
    """Whether other machines can watch without a token; for wildcard addresses the settings warn already."""
    has_none = part.value("token") is None and part.value("token_file") is None
    reached = [each for each in addresses if not (is_loopback(each) or is_wildcard(each))]
    if hasattr(part.settings, "token") and has_none and reached:
        what = f"{dotted(part.key)} has no token: anyone who can reach {reached[0]} can watch"
        yield Finding("access", "warning", what, "set token or token_file, or its host to localhost")
