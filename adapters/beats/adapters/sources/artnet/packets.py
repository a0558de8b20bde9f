"""Reads Art-Net, and answers desks that look for nodes.

Art-Net(TM) Designed by and Copyright Artistic Licence Engineering Ltd.
"""

import itertools
import math
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Final

from beats.adapters.led import artnet as layout
from beats.adapters.led.senders import Levels, Sync
from beats.adapters.led.universes import CHANNELS

_REPLY: Final = struct.Struct("<8sH4sHHBBHBBH18s64s64sxB4s4s4s4s4s6xB6s4sBB26x")
"""ArtPollReply: id, operation, address, port, firmware, net, subnet, OEM code, UBEA version, status 1, ESTA
code, short name, long name, report, number of ports, their types, inputs, outputs, universes of inputs and of
outputs, style, MAC, address and index of the reply, status 2; what is left is 0."""
_OEM_UNKNOWN: Final = 0xFF00
"""0x00FF, high byte first."""
_ESTA_PROTOTYPE: Final = 0x7FF0
_INDICATORS_NORMAL: Final = 0xC0
_ADDRESSES_OF_15_BITS: Final = 0x08
_OUTPUT: Final = 0x80
"""A port that puts out DMX that came by Art-Net."""
_PORTS: Final = 4
"""Most universes in a reply."""
_MOST_REPLIES: Final = 255
"""Desks tell the replies of a node apart by a byte."""
_POLL_S: Final = 0.25
"""Least time between two polls that are answered; a desk polls every 2.5 s or so."""


class ArtNetReader:
    """Reads ArtDmx, ArtSync and ArtPoll."""

    sync_timeout_s: float = 4.0
    """Seconds without ArtSync after which universes are shown as they come."""

    def __init__(self, universes: Collection[int], name: str) -> None:
        """Open nothing.

        Args:
            universes: those that a poll is told.
            name: what desks call this node.
        """
        self._universes: Final = sorted(universes)
        self._name: Final = name
        self._poll: tuple[str, int] | None = None
        self._polled_s = -math.inf

    def read(self, packet: bytes, sender: tuple[str, int]) -> Levels | Sync | None:
        """Levels or ArtSync; an ArtPoll is kept for `answers`, all else is for others.

        Raises:
            ValueError: the packet is not Art-Net, or is damaged.
        """
        if len(packet) < layout.HEAD.size or not packet.startswith(layout.ID):
            raise ValueError("it is not an Art-Net packet")
        _, operation = layout.HEAD.unpack_from(packet)
        if operation == layout.OP_DMX:
            return _levels(packet, sender[0])
        if operation == layout.OP_SYNC:
            return Sync(sender[0])
        if operation == layout.OP_POLL:
            self._poll = sender
        return None

    def join(self, opened: socket.socket) -> None:
        """Do nothing: Art-Net is sent to one address or broadcast, and has no groups to join."""

    def answers(self, now_s: float) -> list[tuple[bytes, tuple[str, int]]]:
        """ArtPollReply for the last poll, for each four universes of a subnet."""
        poll, self._poll = self._poll, None
        if poll is None or now_s < self._polled_s + _POLL_S:
            return []
        self._polled_s = now_s
        return [(reply, poll) for reply in itertools.islice(self._replies(poll), _MOST_REPLIES)]

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _replies(self, to: tuple[str, int]) -> Iterator[bytes]:
        own = _address_towards(to)
        name = self._name.encode()
        index = 1
        for subnet, group in itertools.groupby(self._universes, lambda universe: universe >> 4):
            universes = [*group]
            for at in range(0, len(universes), _PORTS):
                ports = universes[at : at + _PORTS]
                yield _REPLY.pack(
                    layout.ID,
                    layout.OP_POLL_REPLY,
                    own,
                    layout.PORT,
                    0,
                    subnet >> 4,
                    subnet & 15,
                    _OEM_UNKNOWN,
                    0,
                    _INDICATORS_NORMAL,
                    _ESTA_PROTOTYPE,
                    name[:17],
                    b"Beats: " + name[:56],
                    b"#0001 [0000] Power on",
                    len(ports),
                    bytes([_OUTPUT] * len(ports)),
                    b"",
                    bytes([_OUTPUT] * len(ports)),
                    b"",
                    bytes(universe & 15 for universe in ports),
                    0,
                    b"",
                    own,
                    index,
                    _ADDRESSES_OF_15_BITS,
                )
                index += 1


def _levels(packet: bytes, sender: str) -> Levels:
    if len(packet) < layout.DMX.size:
        raise ValueError(f"{len(packet)} bytes are too few for ArtDmx")
    _, _, _, _, sequence, _, universe, high, low = layout.DMX.unpack_from(packet)
    length = high << 8 | low
    data = packet[layout.DMX.size : layout.DMX.size + length]
    if length > CHANNELS or len(data) != length:
        raise ValueError(f"it says that it has {length} channels, and has {len(packet) - layout.DMX.size}")
    return Levels(universe, sender, sequence or None, data, sync=sender)


def _address_towards(to: tuple[str, int]) -> bytes:
    """The address of this machine that a desk sees; nothing is sent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(to)
            return socket.inet_aton(probe.getsockname()[0])
        except OSError:
            return bytes(4)
