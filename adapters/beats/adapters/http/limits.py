"""Limits on clients: how fast they may send, how many wrong tokens they may try, how many may be waiting."""

import ipaddress
from collections import deque
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

WRONG_TOKENS_PER_S: Final = 5.0
"""How many different wrong tokens an address may present each second, twice as many in a burst."""
_MOST_ADDRESSES: Final = 4096
_REMEMBERED: Final = 16
_IPV6_NETWORK_BITS: Final = 64
"""One customer has at least as many addresses (RFC 6177)."""
_PATIENCE_S: Final = 0.5
"""How long a connection may be idle before it is closed for another one, unless one was closed recently."""
_CLOSED_PER_S: Final = 5000.0
"""How many may be closed each second from then on: each of 256 still has 50 ms."""


class RateLimit:
    """A token bucket: `per_s` messages a second on average, twice as many at once."""

    __slots__ = ("_level", "_seen_s", "per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self.per_s: Final = per_s
        self._level = 2 * per_s
        self._seen_s = now_s

    def has_one(self, now_s: float) -> bool:
        """Whether one more message would be within the limit."""
        self._level = min(2 * self.per_s, self._level + (now_s - self._seen_s) * self.per_s)
        self._seen_s = now_s
        return self._level >= 1

    def take(self, now_s: float) -> bool:
        """Count one more message if it is within the limit; whether it is."""
        if not self.has_one(now_s):
            return False
        self._level -= 1
        return True


class _Guesser:
    def __init__(self, now_s: float) -> None:
        self.limit: Final = RateLimit(WRONG_TOKENS_PER_S, now_s)
        self.known: Final[deque[int]] = deque(maxlen=_REMEMBERED)
        """Hashes of wrong tokens that were tried."""


class WrongTokens:
    """Limits how fast an address may try wrong tokens.

    A delay before the answer alone does not help: many requests at once would still guess as fast as the
    network allows. A token that was wrong before tells a guesser nothing new and costs nothing: pages that
    still use an old token do not lock out the others behind their proxy.
    """

    def __init__(self) -> None:
        self._guessers: Final[dict[str, _Guesser]] = {}
        """Clients that guessed tokens, by address or network, in the order of their last wrong token."""

    def may_try(self, address: str, now_s: float) -> bool:
        """Whether tokens from an address may be checked now."""
        guesser = self._guessers.get(_network(address))
        return guesser is None or guesser.limit.has_one(now_s)

    def add(self, address: str, tokens: Collection[str], now_s: float) -> bool:
        """Count wrong tokens; returns whether they are the first from this address."""
        network = _network(address)
        guesser = self._guessers.pop(network, None)
        is_first = guesser is None
        guesser = guesser or _Guesser(now_s)
        self._guessers[network] = guesser
        if len(self._guessers) > _MOST_ADDRESSES:
            del self._guessers[next(iter(self._guessers))]
        for token in map(hash, tokens):
            if token not in guesser.known:
                guesser.known.append(token)
                guesser.limit.take(now_s)
        return is_first


def _network(address: str) -> str:
    """What one guesser controls: an IPv4 address, or an IPv6 network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket's, or unknown
        return address
    if ip.version == 4 or ip.is_loopback:
        return address
    return str(ipaddress.IPv6Network((int(ip), _IPV6_NETWORK_BITS), strict=False))


class _Idle(NamedTuple):
    since_s: float
    end: Callable[[], object]


class Handshakes:
    """Counts connections whose request has not been accepted yet, and closes idle ones to make room.

    To make room for one more, the oldest idle connection of the address that has the most of them is closed.
    So an address that opens connections and sends nothing only takes places from itself: a client from
    another address finds room, and one from the same address has the time that an honest client needs for its
    request. A connection is idle while it waits for its client; one that waits for the server is not closed.

    A thousand clients may come at once and need a moment until all have sent their requests. So new ones wait
    until a connection has been idle for longer than that takes. After that they need not wait.
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
        self._last_closed_s: float | None = None
        self._idle: Final[dict[str, dict[int, _Idle]]] = {}
        """Idle connections by address and descriptor, oldest first."""
        self._addresses: Final[dict[int, str]] = {}
        """The address of each, by descriptor."""
        self._ended: Final[set[int]] = set()
        """Descriptors of those that are being closed to make room."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._addresses)

    def has_room(self) -> bool:
        """Whether one more fits: a place is free, or can be freed because its holder has been idle."""
        if len(self) < self.most:
            return True
        address = self._fullest()
        if address is None:
            return False
        now_s = self._clock()
        time_s = self.most / _CLOSED_PER_S
        if self._last_closed_s is None or now_s - self._last_closed_s > _PATIENCE_S:
            time_s = _PATIENCE_S
        return now_s - next(iter(self._idle[address].values())).since_s >= time_s

    def idle(self, descriptor: int, address: str, end: Callable[[], object]) -> bool:
        """A connection waits for its client from now on; False if it is being closed already.

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
        """The client has sent its part, and the connection waits for the server."""
        address = self._addresses.get(descriptor)
        if address is not None:
            self._take_out(descriptor)
            self._addresses[descriptor] = address

    def remove(self, descriptor: int) -> None:
        """A connection was accepted, or its socket is closed."""
        self._ended.discard(descriptor)
        self._take_out(descriptor)

    def limit(self, most: int) -> None:
        """Hold at most this many from now on; if there are more, idle ones are closed at once."""
        self.most = most
        while len(self) > most and (address := self._fullest()) is not None:
            descriptor, idle = next(iter(self._idle[address].items()))
            self._take_out(descriptor)
            self._ended.add(descriptor)
            self._last_closed_s = self._clock()
            idle.end()

    def _fullest(self) -> str | None:
        """The address that has the most idle ones; None when none is idle."""
        return max(self._idle, key=lambda address: len(self._idle[address]), default=None)

    def _take_out(self, descriptor: int) -> None:
        address = self._addresses.pop(descriptor, None)
        if address is not None and address in self._idle:
            same = self._idle[address]
            same.pop(descriptor, None)
            if not same:
                del self._idle[address]
