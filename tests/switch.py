"""What the hosts of `tests.namespaces` are plugged into: carries their packets, as late as their lines say.

The kernel's own `tc netem` does the same where it is built in, which it is not everywhere; this needs nothing
but TUN devices, and can be told to lose a packet at a moment that a test chooses.
"""

import heapq
import os
import selectors
import threading
import time
from collections.abc import Mapping
from itertools import count
from typing import Final, NamedTuple, Self

from tests.line import Line, Way

_ANY_PACKET_BYTES: Final = 65536
_IPV4: Final = 4
_BATCH: Final = 64


class Port(NamedTuple):
    """Where one host is plugged in."""

    device: int
    """The descriptor of its TUN device, which reads and writes one IP packet at a time."""
    line: Line


class _Plugged:
    def __init__(self, port: Port, seed: int) -> None:
        self.device: Final = port.device
        self.out: Final = Way(port.line, 2 * seed)
        self.back: Final = Way(port.line, 2 * seed + 1)


class Switch:
    """Carries packets between hosts from a thread of its own, as long as the `with` block lasts."""

    def __init__(self, ports: Mapping[bytes, Port]) -> None:
        """Plug hosts in, by their addresses of four bytes."""
        self._ports: Final = {
            address: _Plugged(port, seed) for seed, (address, port) in enumerate(ports.items())
        }
        self._on_the_way: Final[list[tuple[float, int, bool, _Plugged, bytes]]] = []
        """When, in which order, whether on the second line already, to whom, and what."""
        self._numbers: Final = count()
        self._selector: Final = selectors.DefaultSelector()
        self._stop_read, self._stop_write = os.pipe()
        self._thread: Final = threading.Thread(target=self._run, name="switch")

    def __enter__(self) -> Self:
        self._selector.register(self._stop_read, selectors.EVENT_READ)
        for port in self._ports.values():
            os.set_blocking(port.device, False)
            self._selector.register(port.device, selectors.EVENT_READ, port)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b".")
        self._thread.join()
        self._selector.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _run(self) -> None:
        while True:
            timeout_s = max(0.0, self._on_the_way[0][0] - time.monotonic()) if self._on_the_way else None
            for key, _ in self._selector.select(timeout_s):
                if key.data is None:
                    return
                self._read(key.data)
            self._deliver()

    def _read(self, source: _Plugged) -> None:
        """Take what a host sends."""
        for _ in range(_BATCH):
            try:
                packet = os.read(source.device, _ANY_PACKET_BYTES)
            except OSError:  # there is no more, or its device is down
                return
            target = self._ports.get(packet[16:20]) if packet[0] >> 4 == _IPV4 else None
            if target is None:
                continue  # IPv6 looks for neighbours by itself
            self._send(source.out, time.monotonic(), target, packet, is_last=False)

    def _send(self, way: Way, now_s: float, target: _Plugged, packet: bytes, *, is_last: bool) -> None:
        due_s = way.arrival_s(now_s, len(packet))
        if due_s is not None:
            heapq.heappush(self._on_the_way, (due_s, next(self._numbers), is_last, target, packet))

    def _deliver(self) -> None:
        """Hand over what has arrived by now; what was on a line when it was cut is gone."""
        now_s = time.monotonic()
        while self._on_the_way and self._on_the_way[0][0] <= now_s:
            due_s, _, is_last, target, packet = heapq.heappop(self._on_the_way)
            if not is_last:
                # Not before it is there: on the second line nothing waits for what is still on the first.
                self._send(target.back, due_s, target, packet, is_last=True)
                continue
            if target.back.line.is_cut:
                continue
            try:
                os.write(target.device, packet)
            except OSError:  # its device is down
                continue
