"""Reads sACN, and joins its multicast groups. Sections are those of ANSI E1.31-2018."""

import errno
import socket
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from beats.adapters.led import sacn as layout
from beats.adapters.led.senders import Levels, Sync
from beats.adapters.led.universes import CHANNELS

_DATA_AT: Final = layout.ROOT.size + layout.FRAMING.size + layout.DMP.size
_MOST_SYNCS: Final = 16
"""Synchronisation universes whose groups are joined; more would be forged."""


class SacnReader:
    """Reads the packets of some universes."""

    sync_timeout_s: float = 2.5
    """Section 11.1.2: then universes are shown as they come."""

    def __init__(
        self, universes: Collection[int], *, multicast: bool, interface: str | None, preview: bool
    ) -> None:
        """Join nothing yet.

        Args:
            universes: those to take.
            multicast: whether to join their groups.
            interface: address of this machine in the network of the groups.
            preview: whether to take levels that are marked as a preview.
        """
        self._universes: Final = frozenset(universes)
        self._is_multicast: Final = multicast
        self._interface: Final = socket.inet_aton(interface or "0.0.0.0")
        self._preview: Final = preview
        self._syncs: Final[set[int]] = set()
        """The synchronisation universes that senders name."""
        self._opened: socket.socket | None = None
        self._more: Final[list[socket.socket]] = []
        """Sockets that only hold memberships: Linux allows 20 for each (net.ipv4.igmp_max_memberships)."""

    def read(self, packet: bytes, sender: tuple[str, int]) -> Levels | Sync | None:
        """Levels, or a synchronisation packet; None for universe discovery and for start codes but 0.

        Raises:
            ValueError: the packet is not sACN, or is damaged.
        """
        if len(packet) < layout.ROOT.size:
            raise ValueError(f"{len(packet)} bytes are too few for sACN")
        preamble, _, id_, _, vector, cid = layout.ROOT.unpack_from(packet)
        if (preamble, id_) != (0x0010, layout.ID):
            raise ValueError("it is no sACN")
        if vector == layout.ROOT_EXTENDED:
            return self._sync(packet, cid)
        if vector != layout.ROOT_DATA:
            return None
        return self._levels(packet, cid)

    def _sync(self, packet: bytes, cid: bytes) -> Sync | None:
        if len(packet) < layout.ROOT.size + layout.SYNC.size:
            raise ValueError(f"{len(packet)} bytes are too few for a synchronisation packet")
        _, vector, _, universe, _ = layout.SYNC.unpack_from(packet, layout.ROOT.size)
        return Sync(_key(cid, universe)) if vector == layout.FRAMING_SYNC else None

    def _levels(self, packet: bytes, cid: bytes) -> Levels | None:
        if len(packet) < _DATA_AT:
            raise ValueError(f"{len(packet)} bytes are too few for a data packet")
        framing = layout.FRAMING.unpack_from(packet, layout.ROOT.size)
        _, vector, _, priority, sync, sequence, options, universe = framing
        at = layout.ROOT.size + layout.FRAMING.size
        _, dmp_vector, type_, first, increment, count, start_code = layout.DMP.unpack_from(packet, at)
        if (vector, dmp_vector, type_, first, increment) != (layout.FRAMING_DATA, layout.DMP_SET, 0xA1, 0, 1):
            raise ValueError("it is not a data packet: its vectors are those of other packets")
        is_end = bool(options & layout.TERMINATED)
        if (start_code and not is_end) or (options & layout.PREVIEW and not self._preview):
            return None
        data = packet[_DATA_AT : _DATA_AT + max(0, count - 1)]
        if count > CHANNELS + 1 or (len(data) != count - 1 and not is_end) or priority > 200:
            raise ValueError(
                f"it has priority {priority} (allowed: 0 to 200), and {count - 1} channels (allowed: 0 to "
                f"{CHANNELS}) in {len(packet) - _DATA_AT} bytes"
            )
        if sync and universe in self._universes and sync not in self._syncs:
            self._follow(sync)
        key = _key(cid, sync) if sync else ""
        return Levels(universe, cid.hex(), sequence, data, priority, key, is_end)

    def join(self, opened: socket.socket) -> None:
        """Join the groups of all universes, again if that was done before.

        Raises:
            OSError: the interface cannot do that, now or ever.
        """
        if self._is_multicast:
            self.close()
            self._opened = opened
            for universe in sorted(self._universes | self._syncs):
                self._join(universe)

    def answers(self, now_s: float) -> list[tuple[bytes, tuple[str, int]]]:
        """Receivers of sACN tell nothing."""
        return []

    def close(self) -> None:
        """Leave all groups."""
        if self._opened is not None:
            for universe in self._universes | self._syncs:
                with suppress(OSError):  # it was not joined, or its interface is gone
                    self._opened.setsockopt(
                        socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, self._membership(universe)
                    )
            self._opened = None
        while self._more:
            self._more.pop().close()

    def _follow(self, sync: int) -> None:
        if len(self._syncs) < _MOST_SYNCS:
            self._syncs.add(sync)
            if self._opened is not None and sync not in self._universes:
                with suppress(
                    OSError
                ):  # the groups of the universes were joined; it is tried again with them
                    self._join(sync)

    def _join(self, universe: int) -> None:
        assert self._opened is not None
        membership = self._membership(universe)
        try:
            last = self._more[-1] if self._more else self._opened
            last.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._more.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._more[-1].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)

    def _membership(self, universe: int) -> bytes:
        return socket.inet_aton(layout.group_of(universe)) + self._interface


def _key(cid: bytes, universe: int) -> str:
    """Names the synchronisation packets of a sender."""
    return f"{cid.hex()}/{universe}"
