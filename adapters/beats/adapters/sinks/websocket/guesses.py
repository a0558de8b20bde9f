"""Wrong tokens: counted, and slowed down by address."""

import ipaddress
from collections import deque
from collections.abc import Collection
from typing import Final

from beats.adapters.sinks.websocket.rate import Allowance

GUESSES_PER_S: Final = 5.0
"""How many different wrong tokens an address may present, twice as many in a burst."""
_MOST_ADDRESSES: Final = 4096
_REMEMBERED: Final = 16
_IPV6_NETWORK_BITS: Final = 64
"""One customer has at least as many addresses (RFC 6177)."""


class _Guesser:
    def __init__(self, now_s: float) -> None:
        self.allowance: Final = Allowance(GUESSES_PER_S, now_s)
        self.known: Final[deque[int]] = deque(maxlen=_REMEMBERED)
        """Hashes of tokens that were wrong."""


class Guesses:
    """Knows which addresses present wrong tokens, and how fast.

    Without a limit on the looks at tokens, many requests at once guess as fast as the network allows; a delay
    before the answer alone does not help. A token that was wrong before tells a guesser nothing new and costs
    nothing: pages that still have yesterday's do not lock out the others behind their proxy.
    """

    def __init__(self) -> None:
        """Begin with no address known."""
        self._guessers: Final[dict[str, _Guesser]] = {}
        """By address or network; the one that guessed last is the last."""

    def may_look(self, address: str, now_s: float) -> bool:
        """Whether what comes from an address is to be looked at; else its tokens must not be."""
        guesser = self._guessers.get(_network(address))
        return guesser is None or guesser.allowance.has_one(now_s)

    def add(self, address: str, tokens: Collection[str], now_s: float) -> bool:
        """Count wrong tokens; whether they are the first from this address."""
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
                guesser.allowance.take(now_s)
        return is_first


def _network(address: str) -> str:
    """What one guesser has: an IPv4 address, or an IPv6 network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket's, or unknown
        return address
    if ip.version == 4 or ip.is_loopback:
        return address
    return str(ipaddress.IPv6Network((int(ip), _IPV6_NETWORK_BITS), strict=False))
