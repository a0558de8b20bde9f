"""Clients of the soak test: each comes, behaves in one of several ways for a while, and goes, at random.

    python -m tests.system.soak_crowd HOST PORT CLIENTS SEED

keeps CLIENTS of them busy until standard input ends, then prints `{"started": N, MANNER: N, …}`: how many
behaved how, `"let_in"`: how many got the server's 101, and `"served"`: how many got a part of the stream.
"""

import json
import random
import select
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from typing import Final

REQUEST: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_CLOSE: Final = b"\x88\x82\0\0\0\0\x03\xe8"  # a masked close frame with code 1000: RFC 6455, section 5.5.1
_RESET: Final = struct.pack("ii", 1, 0)
_STEP_S: Final = 0.02
_SLOW_BYTES: Final = 2000
"""A slow client takes so much each step: less than a tenth of the stream."""
_MANNERS: Final = {"polite": 5, "reset": 3, "frozen": 1, "slow": 3, "vanish": 2}
_LIVES_S: Final = {
    "polite": (0.5, 8.0),
    "reset": (0.2, 6.0),
    "frozen": (1.0, 6.0),  # some leave before the server closes them
    "slow": (1.0, 10.0),
    "vanish": (0.0, 0.5),
}


class Visitor:
    """One client, from its connection to its end."""

    def __init__(self, address: tuple[str, int], chance: random.Random) -> None:
        (self.manner,) = chance.choices(list(_MANNERS), list(_MANNERS.values()))
        low, high = _LIVES_S[self.manner]
        self.end_s: Final = time.monotonic() + chance.uniform(low, high)
        self.sock: Final = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(address)  # over a line that may take its time
        self._silent: Final = self.manner == "vanish"
        self._answer = b""
        # A client that vanishes sends only a part of a request, or nothing.
        self._request: Final = REQUEST[: chance.randrange(len(REQUEST))] if self._silent else REQUEST
        self.begun = False

    def begin(self) -> bool:
        """The connection is there, or has failed: send the request; False when it has failed."""
        self.begun = True
        try:
            self.sock.send(self._request)
        except OSError:
            return False
        return True

    @property
    def let_in(self) -> bool:
        """Whether the server has answered with 101."""
        return b" 101 " in self._answer

    @property
    def served(self) -> bool:
        """Whether it has read something of the stream."""
        return self.let_in and bool(self._answer.partition(b"\r\n\r\n")[2])

    def read(self) -> bool:
        """Read what it wants to; False when the server has ended the connection."""
        try:
            data = self.sock.recv(_SLOW_BYTES if self.manner == "slow" else 1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.served:
            self._answer += data[:512]
        return bool(data)

    @property
    def eager(self) -> bool:
        """Whether it reads whatever comes, when it comes."""
        return self.manner in ("polite", "reset") or not (self._silent or self.let_in)

    def leave(self) -> None:
        """Go, as its manner is."""
        if self.manner == "polite":
            try:
                self.sock.send(_CLOSE)
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was closed already
        elif self.manner == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.sock.close()


class Crowd:
    """As many visitors as there have to be."""

    def __init__(self, address: tuple[str, int], count: int, seed: int) -> None:
        self.seen: Final[Counter[str]] = Counter()
        self._address: Final = address
        self._count: Final = count
        self._chance: Final = random.Random(seed)
        self._selector: Final = selectors.DefaultSelector()
        self._visitors: Final[set[Visitor]] = set()

    def step(self) -> None:
        """Let everyone do what they do for a few milliseconds."""
        self._come()
        for key, _ in self._selector.select(_STEP_S):
            visitor: Visitor = key.data
            if not visitor.begun:
                self._selector.unregister(visitor.sock)
                if not visitor.begin():
                    self._go(visitor)
                elif visitor.eager:
                    self._selector.register(visitor.sock, selectors.EVENT_READ, visitor)
            elif not visitor.read():
                self._go(visitor)
            elif not visitor.eager:
                self._selector.unregister(visitor.sock)
        now_s = time.monotonic()
        for visitor in tuple(self._visitors):
            slow = visitor.manner == "slow" and visitor.let_in
            gone = slow and not visitor.read()
            if gone or now_s >= visitor.end_s:
                self._go(visitor)

    def leave(self) -> None:
        """Everyone goes."""
        for visitor in tuple(self._visitors):
            self._go(visitor)
        self._selector.close()

    def _come(self) -> None:
        # A few at a time, so that they do not all come and go in step.
        for _ in range(min(5, self._count - len(self._visitors))):
            visitor = Visitor(self._address, self._chance)
            self.seen["started"] += 1
            self.seen[visitor.manner] += 1
            self._visitors.add(visitor)
            self._selector.register(visitor.sock, selectors.EVENT_WRITE, visitor)

    def _go(self, visitor: Visitor) -> None:
        self.seen["let_in"] += visitor.let_in
        self.seen["served"] += visitor.served
        if visitor.sock in self._selector.get_map():
            self._selector.unregister(visitor.sock)
        self._visitors.discard(visitor)
        visitor.leave()


def main() -> None:
    """Run until standard input ends."""
    host, *numbers = sys.argv[1:]
    port, count, seed = map(int, numbers)
    crowd = Crowd((host, port), count, seed)
    until = select.poll()
    until.register(0, select.POLLIN)
    while not until.poll(0):
        crowd.step()
    crowd.leave()
    print(json.dumps(crowd.seen), flush=True)


if __name__ == "__main__":
    main()
