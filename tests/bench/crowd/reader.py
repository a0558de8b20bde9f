"""What a slow client makes of the bytes that it reads: ages and sequence numbers."""

import time
from typing import Final

from tests.bench.load.samples import Samples
from tests.bench.load.stream import BINARY

_TAIL_BYTES: Final = 40
_SEQUENCE_TAG: Final = b"\xa0\x06"  # field 100, varint
_TIME_TAG: Final = b"\xa9\x06"  # field 101, 64 bits
_FRAME: Final = 0x0A  # field 1 of the envelope


class Topic:
    """Sequence numbers of one topic."""

    def __init__(self) -> None:
        self.count = 0
        self.missing = 0
        self.last = 0

    def note(self, number: int) -> None:
        """Take note of the next number.

        Raises:
            ValueError: it is not above the last one.
        """
        if number <= self.last:
            raise ValueError(f"{number} came after {self.last}")
        if self.last:
            self.missing += number - self.last - 1
        self.last = number
        self.count += 1


class Reader:
    """Cuts the stream into messages and keeps the first byte and the last few of each."""

    def __init__(self, ages: Samples, *, numbered: bool) -> None:
        self.frames: Final = Topic()
        self.peripherals: Final = Topic()
        self._ages: Final = ages
        self._numbered: Final = numbered
        self._head = b""
        self._first = 0
        self._tail = b""
        self._todo = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        while data:
            if not self._todo:
                data = self._header(data)
                continue
            piece, data = data[: self._todo], data[self._todo :]
            if not self._tail:
                self._first = piece[0]
            self._tail = (self._tail + piece[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            self._todo -= len(piece)
            if not self._todo:
                self._complete()

    def _header(self, data: bytes) -> bytes:
        """Take a header, RFC 6455, section 5.2, as far as it has come; the rest."""
        self._head += data
        if len(self._head) < 2:
            return b""
        size, end = self._head[1] & 0x7F, 2
        if size >= 126:
            end = 4 if size == 126 else 10
            if len(self._head) < end:
                return b""
            size = int.from_bytes(self._head[2:end], "big")
        rest = self._head[end:]
        self._opcode, self._head, self._tail, self._todo = self._head[0], b"", b"", size
        return rest

    def _complete(self) -> None:
        if self._opcode != BINARY:
            return
        stamp_ns = int.from_bytes(self._tail[-8:], "little", signed=True)
        if not self._numbered:
            self.frames.count += 1
            self._ages.add(time.time_ns() - stamp_ns)
            return
        number = sequence(self._tail)
        if self._first == _FRAME:
            self._ages.add(time.time_ns() - stamp_ns)
            self.frames.note(number)
        else:
            self.peripherals.note(number)


def sequence(tail: bytes) -> int:
    """The sequence number of the envelope that ends with these bytes.

    Raises:
        ValueError: an envelope does not end so.
    """
    if tail[-10:-8] != _TIME_TAG:
        raise ValueError(f"{tail!r} is no end of an envelope")
    begin = tail.rindex(_SEQUENCE_TAG, 0, -10) + 2
    return sum((byte & 0x7F) << 7 * index for index, byte in enumerate(tail[begin:-10]))
