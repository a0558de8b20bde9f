"""Connections that have not been let in yet: bounded, and shared out fairly among addresses."""

from collections.abc import Callable
from typing import Final, NamedTuple

_PATIENCE_S: Final = 0.5
"""How long a connection may be idle before it gives way to another one, while none had to for as long."""
_GIVE_WAY_PER_S: Final = 5000.0
"""How many may have to give way each second from then on: each of 256 still has 50 ms."""


class _Idle(NamedTuple):
    since_s: float
    end: Callable[[], object]


class Handshakes:
    """Holds a bounded number; to make room for one more, the oldest idle one of the fullest address is ended.

    So an address that opens connections and says nothing takes the places of its own connections only. One
    that comes from elsewhere finds room, and one that comes from the same address has the time that an honest
    client needs for its request. Idle is what waits for its client; what waits for us is not ended.

    A thousand clients may come at once and take a moment until all have sent their requests: until somebody
    has been idle for longer than any of them would be, the next ones wait. After that they do not have to.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        """Begin with none.

        Args:
            most: how many there may be.
            clock: tells the time in seconds.
        """
        self.most = most
        """How many there may be."""
        self._clock: Final = clock
        self._gave_way_s: float | None = None
        """When one had to give way last."""
        self._idle: Final[dict[str, dict[int, _Idle]]] = {}
        """By address and descriptor, oldest first."""
        self._addresses: Final[dict[int, str]] = {}
        """Of all, by descriptor."""
        self._ended: Final[set[int]] = set()
        """Descriptors of those that had to give way, and are not closed yet."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._addresses)

    def has_room(self) -> bool:
        """Whether one more can be held: there is a place, or one has been idle for long enough."""
        if len(self) < self.most:
            return True
        address = self._fullest()
        if address is None:
            return False
        now_s = self._clock()
        time_s = self.most / _GIVE_WAY_PER_S
        if self._gave_way_s is None or now_s - self._gave_way_s > _PATIENCE_S:
            time_s = _PATIENCE_S
        return now_s - next(iter(self._idle[address].values())).since_s >= time_s

    def idle(self, descriptor: int, address: str, end: Callable[[], object]) -> bool:
        """A connection waits for its client from now on; False if it has had to give way already.

        Args:
            descriptor: its socket's.
            address: the other side's.
            end: ends it; may return before it is closed.
        """
        if descriptor in self._ended:
            return False
        self._take_out(descriptor)
        self._addresses[descriptor] = address
        self._idle.setdefault(address, {})[descriptor] = _Idle(self._clock(), end)
        self.limit(self.most)
        return descriptor in self._addresses

    def busy(self, descriptor: int) -> None:
        """The client has done its part, and the connection waits for us."""
        address = self._addresses.get(descriptor)
        if address is not None:
            self._take_out(descriptor)
            self._addresses[descriptor] = address

    def remove(self, descriptor: int) -> None:
        """A connection was let in, or its socket is closed."""
        self._ended.discard(descriptor)
        self._take_out(descriptor)

    def limit(self, most: int) -> None:
        """Hold so many from now on; if there are more, idle ones give way at once."""
        self.most = most
        while len(self) > most and (address := self._fullest()) is not None:
            descriptor, idle = next(iter(self._idle[address].items()))
            self._take_out(descriptor)
            self._ended.add(descriptor)
            self._gave_way_s = self._clock()
            idle.end()

    def _fullest(self) -> str | None:
        """The address that has most idle ones; None when none is idle."""
        return max(self._idle, key=lambda address: len(self._idle[address]), default=None)

    def _take_out(self, descriptor: int) -> None:
        address = self._addresses.pop(descriptor, None)
        if address is not None and address in self._idle:
            same = self._idle[address]
            same.pop(descriptor, None)
            if not same:
                del self._idle[address]
