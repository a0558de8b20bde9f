"""Where the packets of a wall go: a UDP socket for each controller, which never holds up the others."""

import errno
import logging
import math
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import anyio
from anyio import to_thread

from beats.adapters.led.hosts import HostPort
from beats.kernel.capabilities import authority
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_BUFFER_BYTES: Final = 1 << 20
_CHECK_NAME_S: Final = 30.0
"""How often a name is looked up again: a controller may have got another address."""
_RETRY_S: Final = 1.0
"""Least time between two attempts to reach a host."""
_QUIET_S: Final = 10.0
"""How long a host must take everything until it counts as reachable again."""
_YIELD_PACKETS: Final = 32
"""How many packets are sent until other tasks have their turn: some 0.2 ms."""


_Found = Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]]
"""What `socket.getaddrinfo` returns."""


class Packet(NamedTuple):
    """One UDP payload."""

    data: bytes
    group: str = ""
    """The multicast address that it belongs to, in protocols that have one."""


class Counts:
    """What all targets of a sink have sent."""

    def __init__(self) -> None:
        self.packets = 0
        """Packets that the operating system has taken."""
        self.errors = 0
        """Packets that it has refused, or that had nowhere to go."""


class Target:
    """One controller.

    Only names are looked up in a thread. All else happens in the event loop, where no call waits longer than
    its caller allows.
    """

    def __init__(self, who: str, to: HostPort, counts: Counts) -> None:
        """Open nothing yet; `who` begins the lines of the log."""
        self._reports: Final = ThrottledLog(log, f"{who}: {authority(*to)}")
        self._to: Final = to
        self._counts: Final = counts
        self._socket: socket.socket | None = None
        self._next: socket.socket | None = None
        """A socket that takes over with the next frame."""
        self._address: object = None
        self._is_wanted = anyio.Event()
        self._problem = ""
        self._failed_at = 0.0
        self._check_s = _CHECK_NAME_S

    @property
    def is_open(self) -> bool:
        """Whether its address is known."""
        return self._socket is not None or self._next is not None

    def open(self) -> None:
        """Open the socket now if the host is an address; a name is looked up by `keep_open`."""
        try:
            found = socket.getaddrinfo(*self._to, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        except (socket.gaierror, UnicodeError):  # a name
            return
        self._check_s = math.inf
        try:
            self._connect(found)
        except OSError as error:
            self._fail(error)

    @property
    def is_failing(self) -> bool:
        """Whether something could not be sent to it in the last seconds."""
        return bool(self._problem)

    async def keep_open(self) -> None:
        """Look the host up until it is found, again after errors and, if it is a name, now and then."""
        while True:
            with anyio.move_on_after(self._check_s if self.is_open else 0):
                await self._is_wanted.wait()
            try:
                self._connect(await to_thread.run_sync(self._look_up, abandon_on_cancel=True))
            except (OSError, UnicodeError) as error:  # UnicodeError: no name of the DNS, such as "a..b"
                self._fail(error)
            await anyio.sleep(_RETRY_S)

    async def send(self, packets: Sequence[Packet], spread_s: float, timeout_s: float) -> None:
        """Send the packets of one frame; what cannot be sent in time is counted as errors.

        Args:
            packets: in order.
            spread_s: seconds over which they are spread; 0 sends them at once.
            timeout_s: longest time to wait for room in the socket's buffer.
        """
        self._swap()
        start = anyio.current_time()
        sent = 0
        if self._socket is not None:
            with anyio.move_on_after(spread_s + timeout_s):
                for number, packet in enumerate(packets):
                    wait_s = start + spread_s * number / len(packets) - anyio.current_time()
                    if spread_s and wait_s > 0:
                        await anyio.sleep(wait_s)
                    elif number % _YIELD_PACKETS == _YIELD_PACKETS - 1:
                        await anyio.lowlevel.checkpoint()
                    while not self._emit(self._socket, packet):
                        await anyio.wait_writable(self._socket)
                    sent = number + 1
        if sent < len(packets):
            self._counts.errors += len(packets) - sent
            if self._socket is not None:
                self._fail(TimeoutError(errno.ETIMEDOUT, "its network accepts less than is sent"))
        elif self._problem and anyio.current_time() > self._failed_at + _QUIET_S:
            self._problem = ""
            self._reports.add("recoveries", "it can be reached again", logging.INFO)

    def close(self) -> None:
        """Close the socket."""
        self._swap()
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._address = None

    def _look_up(self) -> _Found:
        return socket.getaddrinfo(*self._to, type=socket.SOCK_DGRAM)

    def _connect(self, found: _Found) -> None:
        """Use the first address that was found, from the next frame on."""
        family, *_, address = found[0]
        if address == self._address and not self._is_wanted.is_set():
            return
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._prepare(opened, address)
        except BaseException:
            opened.close()
            raise
        if self._next is not None:
            self._next.close()
        self._next, self._address = opened, address
        self._is_wanted = anyio.Event()

    def _prepare(self, opened: socket.socket, address: Any) -> None:
        """Connect the socket: so the system tells when nothing listens there."""
        opened.connect(address)

    def _push(self, opened: socket.socket, packet: Packet) -> None:
        """Give one packet to the operating system."""
        opened.send(packet.data)

    def _emit(self, opened: socket.socket, packet: Packet) -> bool:
        """Send one packet or count it as an error; False when there is no room for it yet."""
        try:
            try:
                self._push(opened, packet)
            except ConnectionRefusedError as error:  # an answer to an earlier packet; this one was not sent
                self._counts.errors += 1
                self._fail(error)
                self._push(opened, packet)
        except BlockingIOError:
            return False
        except OSError as error:
            self._counts.errors += 1
            self._fail(error)
            if error.errno != errno.ECONNREFUSED:
                self._is_wanted.set()  # the machine's own address may have changed
        else:
            self._counts.packets += 1
        return True

    def _swap(self) -> None:
        if self._next is not None:
            if self._socket is not None:
                self._socket.close()
            self._socket, self._next = self._next, None

    def _fail(self, error: Exception) -> None:
        """Log a fault once, until the host has taken everything for a while."""
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._failed_at = anyio.current_time()
        if why != self._problem:
            self._problem = why
            self._reports.add("faults", f"it cannot be reached ({why}); trying again")
