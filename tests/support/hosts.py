"""Hosts on one machine: network namespaces where it may make them, and proxies on loopback anywhere.

Namespaces need Linux, the command `ip` of iproute2, and root's rights.
"""

import ctypes
import fcntl
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.support import TIMEOUT_S, Program
from tests.support.lines import LOOPBACK, Line, Port, Proxy, Switch

_TUN: Final = Path("/dev/net/tun")
NAMED: Final = Path("/run/netns")
"""Where namespaces that have names are."""
_NEEDED: Final = (1 << 12) | (1 << 21)
"""CAP_NET_ADMIN and CAP_SYS_ADMIN: capabilities(7)."""
_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_DEVICE: Final = "line"
_numbers: Final = itertools.count()


class Host:
    """A machine of its own as far as its network goes."""

    def __init__(self, address: str, line: Line, *before: str) -> None:
        """Prepare a host.

        Args:
            address: where its programs listen.
            line: what connects it to all others.
            before: what stands before each of its commands.
        """
        self.address: Final = address
        self.line: Final = line
        self._before: Final = before

    def start(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], stdin: int | None = None
    ) -> Program:
        """Start a program on it; a context manager."""
        return Program([*self._before, *arguments], cwd, environment, stdin)

    def way_to(self, other: "Host", port: int) -> tuple[str, int]:
        """The address and port under which it reaches a port of another host of the same kind."""
        return other.address, port

    def pull_the_plug(self) -> None:
        """Take its own end of the line down: unlike a cut further away, it can know."""
        self.line.cut()

    def plug_in(self) -> None:
        """Take it up again."""
        self.line.mend()


Maker = Callable[..., AbstractContextManager[Mapping[str, Host]]]
"""Makes hosts of lines, each by its name."""


def _available() -> bool:
    """Whether this process may make hosts here."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None or not _TUN.exists():
        return False
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return effective & _NEEDED == _NEEDED


class _NamespaceHost(Host):
    def __init__(self, namespace: str, address: str, line: Line) -> None:
        super().__init__(address, line, "ip", "netns", "exec", namespace)
        self._namespace: Final = namespace

    @property
    def namespace(self) -> str:
        """Its name."""
        return self._namespace

    def pull_the_plug(self) -> None:
        _ip("-n", self._namespace, "link", "set", _DEVICE, "down")

    def plug_in(self) -> None:
        _ip("-n", self._namespace, "link", "set", _DEVICE, "up")


@contextmanager
def _in_namespaces(**lines: Line) -> Generator[dict[str, Host]]:
    """Network namespaces, each with a line to a switch of ours.

    Everything has gone when the `with` block has ended, however it ended; what a killed run left behind, the
    next one removes.

    Raises:
        RuntimeError: the machine refuses, although it seemed able; says why.
    """
    _remove_left_behind()
    with ExitStack() as stack:
        made: dict[str, Host] = {}
        ports: dict[bytes, Port] = {}
        for number, (name, line) in enumerate(lines.items(), 1):
            address = f"10.77.0.{number}"
            namespace = f"beats-{os.getpid()}-{next(_numbers)}-{name}"
            device = stack.enter_context(_plugged(namespace, address))
            ports[socket.inet_aton(address)] = Port(device, line)
            made[name] = _NamespaceHost(namespace, address, line)
        stack.enter_context(Switch(ports))
        yield made


@contextmanager
def inside(host: Host) -> Generator[None]:
    """In the block, this thread is on a host in a namespace, with what it opens and starts there.

    Raises:
        OSError: the machine refuses.
    """
    assert isinstance(host, _NamespaceHost)
    with Path("/proc/thread-self/ns/net").open("rb") as home, (NAMED / host.namespace).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)  # Python has it from 3.12 on, as `os.setns`
    if library.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def cable(one: Host, other: Host) -> tuple[str, str]:
    """Connect two hosts in namespaces directly, for broadcast, which a switch of ours does not carry.

    Returns:
        Their addresses on this line, which is never bad.

    Raises:
        RuntimeError: the machine refuses; says why.
    """
    addresses = ("10.78.0.1", "10.78.0.2")
    assert isinstance(one, _NamespaceHost)
    assert isinstance(other, _NamespaceHost)
    names = (one.namespace, other.namespace)
    ends = ("name", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
    _ip("link", "add", *ends)
    for namespace, address in zip(names, addresses, strict=True):
        _ip("-n", namespace, "address", "add", f"{address}/24", "broadcast", "+", "dev", "cable")
        _ip("-n", namespace, "link", "set", "cable", "up")
    return addresses


@contextmanager
def _plugged(namespace: str, address: str) -> Generator[int]:
    """A namespace with one device, of which this is our end."""
    _ip("netns", "add", namespace)
    try:
        device = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
        try:
            asked = struct.pack("16sH14x", b"", _IFF_TUN | _IFF_NO_PI)
            given = fcntl.ioctl(device, _TUNSETIFF, asked)
            # Made here and moved there; it goes when its descriptor is closed.
            name = given[:16].rstrip(b"\0").decode()
            _ip("link", "set", name, "netns", namespace, "name", _DEVICE)
            inside = ("-n", namespace)
            _ip(*inside, "address", "add", f"{address}/24", "dev", _DEVICE)
            _ip(*inside, "link", "set", _DEVICE, "up", "txqueuelen", "10000")
            _ip(*inside, "link", "set", "lo", "up")
            yield device
        finally:
            os.close(device)
    finally:
        _ip("netns", "delete", namespace)


def _remove_left_behind() -> None:
    """Remove the hosts of processes that are no more."""
    for path in NAMED.glob("beats-*-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            subprocess.run(["ip", "netns", "delete", path.name], capture_output=True, timeout=TIMEOUT_S)


def _ip(*arguments: str) -> None:
    run = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=TIMEOUT_S)
    if run.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {run.stderr.strip()}")


class _ProxyHost(Host):
    def __init__(self, line: Line, stack: ExitStack) -> None:
        super().__init__(LOOPBACK, line)
        self._stack: Final = stack

    def way_to(self, other: Host, port: int) -> tuple[str, int]:
        if other is self:
            return LOOPBACK, port
        return LOOPBACK, self._stack.enter_context(Proxy(port, self.line, other.line)).port


@contextmanager
def _behind_proxies(**lines: Line) -> Generator[dict[str, Host]]:
    """Hosts by their names, each with its line."""
    with ExitStack() as stack:
        yield {name: _ProxyHost(line, stack) for name, line in lines.items()}


MAKERS: Final[Mapping[str, Maker]] = {
    **({"namespaces": _in_namespaces} if _available() else {}),
    "proxy": _behind_proxies,
}
"""What this machine has, the best first."""
