"""Cuts a stream of bytes into picture files, by the files' own structure; pure.

Bytes that belong to no picture are skipped and counted. After damage, the next picture begins at the next
signature, also where the damaged one claimed to go on.
"""

import re
import struct
import sys
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from beats.pictures.formats import PNG_SIGNATURE

_Bytes = bytes | bytearray
Scan = Generator[None, None, int]
"""Asks for more bytes with each step, and returns the length of the file."""

_START: Final = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)
_LONGEST_START: Final = 12
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers of a JPEG without a length that may follow each other: TEM and RST0 to RST7 (T.81, table B.1)."""


class _DamagedError(Exception):
    """A picture file is damaged; the text says how."""


class Cut(NamedTuple):
    """What some bytes completed."""

    pictures: list[bytes]
    faults: list[str]
    """What was skipped, and why."""


class PictureCutter:
    """Takes bytes as they arrive; keeps no more than one picture of bounded length, and what came with it."""

    def __init__(self, max_picture_bytes: int) -> None:
        self._max_bytes: Final = max_picture_bytes
        self._buffer = bytearray()
        self._scan: Scan | None = None
        self._stray_bytes = 0

    def feed(self, data: bytes) -> Cut:
        """The pictures that `data` completes."""
        self._buffer += data
        cut = Cut([], [])
        while self._scan is not None or self._begin(cut):
            assert self._scan is not None
            try:
                next(self._scan)
            except StopIteration as end:
                size: int = end.value
                cut.pictures.append(bytes(memoryview(self._buffer)[:size]))
                del self._buffer[:size]
                self._scan = None
            except _DamagedError as error:
                cut.faults.append(str(error))
                self._scan = None
                del self._buffer[:1]  # another picture may begin anywhere behind
            else:
                break
        return cut

    def finish(self) -> Cut:
        """The end of the input: what is left is no whole picture."""
        cut = Cut([], [])
        if self._scan is not None:
            cut.faults.append(f"the output ended within a picture, after {len(self._buffer):,} bytes of it")
        elif self._stray_bytes or self._buffer:
            self._stray_bytes += len(self._buffer)
            self._report_stray(cut)
        self._buffer.clear()
        self._scan = None
        return cut

    def _begin(self, cut: Cut) -> bool:
        """Drop what comes before the next picture; whether there is one."""
        found = _START.search(self._buffer)
        skipped = max(0, len(self._buffer) - _LONGEST_START + 1) if found is None else found.start()
        self._stray_bytes += skipped
        del self._buffer[:skipped]
        if found is None:
            if self._stray_bytes > self._max_bytes:  # soon enough for who reads the log
                self._report_stray(cut)
            return False
        self._report_stray(cut)
        self._scan = _SCANS[self._buffer[0]](self._buffer, self._max_bytes)
        return True

    def _report_stray(self, cut: Cut) -> None:
        if self._stray_bytes:
            cut.faults.append(f"{self._stray_bytes:,} bytes belong to no PNG, JPEG or WebP file")
            self._stray_bytes = 0


def why_damaged(data: bytes) -> str | None:
    """Why a file that begins as a PNG, JPEG or WebP is not a whole one, by its structure; None if it is."""
    try:
        next(_SCANS[data[0]](data, sys.maxsize))
    except StopIteration:
        return None
    except _DamagedError as error:
        return str(error)
    return f"a picture is cut off after {len(data):,} bytes"


def _until(buffer: _Bytes, size: int, most_bytes: int) -> Generator[None]:
    """Wait until there are so many bytes."""
    while True:
        if size > most_bytes:
            raise _DamagedError(f"a picture is larger than max_picture_bytes = {most_bytes:,}")
        if len(buffer) >= size:
            return
        yield


def _png(buffer: _Bytes, most_bytes: int) -> Scan:
    """Chunks up to IEND: PNG (third edition), section 5.3."""
    at = len(PNG_SIGNATURE)
    name = b""
    while name != b"IEND":
        yield from _until(buffer, at + 8, most_bytes)
        length, name = struct.unpack_from(">I4s", buffer, at)
        if not name.isalpha():
            raise _DamagedError(f"a PNG is damaged: {name!r} is in place of the name of a chunk")
        at += 12 + length
    yield from _until(buffer, at, most_bytes)
    return at


def _jpeg(buffer: _Bytes, most_bytes: int) -> Scan:
    """Marker segments, and the data after each start of scan, up to the end of image: T.81, section B.2."""
    at = 2
    while True:
        yield from _until(buffer, at + 2, most_bytes)
        marker = buffer[at + 1]
        if buffer[at] != 0xFF or marker in (0x00, 0xD8):
            raise _DamagedError(
                f"a JPEG is damaged: {bytes(buffer[at : at + 2]).hex(' ')} in place of a marker"
            )
        if marker == 0xD9:  # end of image
            return at + 2
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            yield from _until(buffer, at + 4, most_bytes)
            at += 2 + struct.unpack_from(">H", buffer, at + 2)[0]
            if marker == 0xDA:  # start of scan
                at = yield from _after_scan(buffer, at, most_bytes)


def _after_scan(buffer: _Bytes, at: int, most_bytes: int) -> Scan:
    """Where the entropy-coded data ends: at a marker that is neither a stuffed zero nor a restart."""
    while True:
        yield from _until(buffer, at + 2, most_bytes)
        found = buffer.find(b"\xff", at, len(buffer) - 1)
        if found < 0:
            at = len(buffer) - 1
        elif buffer[found + 1] and not 0xD0 <= buffer[found + 1] <= 0xD7:
            return found
        else:
            at = found + 2


def _webp(buffer: _Bytes, most_bytes: int) -> Scan:
    """The size is in its header: RFC 9649, section 2.4."""
    size = 8 + int.from_bytes(buffer[4:8], "little")
    yield from _until(buffer, size, most_bytes)
    return size


_SCANS: Final[dict[int, Callable[[_Bytes, int], Scan]]] = {
    PNG_SIGNATURE[0]: _png,
    0xFF: _jpeg,
    ord("R"): _webp,
}
"""By the first byte."""
