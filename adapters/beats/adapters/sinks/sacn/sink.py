"""The sACN sink. Packets are those of ANSI E1.31-2018."""

import socket
import uuid
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from beats.adapters.led import sacn as layout
from beats.adapters.led.hosts import HostPort
from beats.adapters.led.sink import LedSink
from beats.adapters.led.targets import Counts, Packet, Target
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.kernel.ports import Context

_LENGTH_AT: Final = 16
"""Where a packet's own length begins to count: before flags and length of the root layer."""
_FAREWELLS: Final = 3
"""Section 6.2.6: three packets with the bit Stream_Terminated."""
_ORIGIN: Final = uuid.UUID("7c6d2a0e-5b51-4f0b-8a54-1f1f3b1a9d5e")


class SacnPackets:
    """A data packet for each universe, then a synchronisation packet if wanted."""

    def __init__(self, settings: SacnSettings, name: str) -> None:
        """Prepare; `name` tells this source from others of this machine."""
        self._settings: Final = settings
        self._name: Final = name
        self._source: Final = settings.source_name.encode()
        self._sequence = -1
        self._sync_sequence = -1

    @cached_property
    def cid(self) -> bytes:
        """The source's id, the same after each start: or receivers would take it for a second source."""
        return uuid.uuid5(_ORIGIN, f"{uuid.getnode()}/{socket.gethostname()}/{self._name}").bytes

    def frame(self, wire: bytes) -> Sequence[Packet]:
        """Packets of the next sequence number; all universes have the same one, from 0 to 255 and again."""
        packets = self._data(self._settings.cut(wire), 0)
        if self._settings.sync_universe:
            packets.append(self._sync(self._settings.sync_universe))
        return packets

    def end(self) -> Sequence[Packet]:
        """Each universe is told three times that the stream has ended."""
        nothing = [b""] * len(self._settings.numbers)
        return [packet for _ in range(_FAREWELLS) for packet in self._data(nothing, layout.TERMINATED)]

    def _data(self, parts: Sequence[bytes], options: int) -> list[Packet]:
        settings = self._settings
        self._sequence = (self._sequence + 1) % 256
        sync = settings.sync_universe
        packets: list[Packet] = []
        for universe, data in zip(settings.numbers, parts, strict=True):
            size = layout.DMP.size + len(data)
            dmp = layout.DMP.pack(layout.FLAGS | size, layout.DMP_SET, 0xA1, 0, 1, 1 + len(data), 0)
            size += layout.FRAMING.size
            place = (settings.priority, sync, self._sequence, options, universe)
            framing = layout.FRAMING.pack(layout.FLAGS | size, layout.FRAMING_DATA, self._source, *place)
            packets.append(
                Packet(self._root(layout.ROOT_DATA, size) + framing + dmp + data, layout.group_of(universe))
            )
        return packets

    def _sync(self, universe: int) -> Packet:
        self._sync_sequence = (self._sync_sequence + 1) % 256
        framing = layout.SYNC.pack(
            layout.FLAGS | layout.SYNC.size, layout.FRAMING_SYNC, self._sync_sequence, universe, 0
        )
        return Packet(self._root(layout.ROOT_EXTENDED, layout.SYNC.size) + framing, layout.group_of(universe))

    def _root(self, vector: int, inner: int) -> bytes:
        size = layout.ROOT.size - _LENGTH_AT + inner
        return layout.ROOT.pack(0x0010, 0, layout.ID, layout.FLAGS | size, vector, self.cid)


class _Multicast(Target):
    """All receivers that have joined the groups of their universes."""

    def __init__(self, who: str, interface: str | None, port: int, counts: Counts) -> None:
        super().__init__(who, HostPort(interface or "0.0.0.0", port), counts)
        self._port: Final = port

    def _prepare(self, opened: socket.socket, address: Any) -> None:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address[0]))

    def _push(self, opened: socket.socket, packet: Packet) -> None:
        opened.sendto(packet.data, (packet.group, self._port))


class SacnSink(LedSink):
    """Shows a picture by sACN."""

    def __init__(self, settings: SacnSettings, context: Context) -> None:
        def multicast(who: str, counts: Counts) -> Sequence[Target]:
            return [_Multicast(who, settings.interface, settings.default_port, counts)]

        packets = SacnPackets(settings, f"{context.profile}/{context.name}")
        super().__init__(settings, context, packets, None if settings.host else multicast)
