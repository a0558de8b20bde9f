"""WebSocket framing: frames envelopes once for all viewers, and finds where frames of a client begin."""

from collections.abc import Iterable, Iterator
from typing import Final

from beats.kernel.envelope import Envelope

CHUNK_BYTES: Final = 256 * 1024
"""Most bytes that are written to a viewer in one step, unless one envelope alone is larger."""


def header(size_bytes: int, kind: bytes = b"\x82") -> bytes:
    """The header of an unmasked, final frame, binary by default: RFC 6455, section 5.2."""
    if size_bytes < 126:
        return kind + size_bytes.to_bytes(1, "big")
    if size_bytes < 65536:
        return kind + b"\x7e" + size_bytes.to_bytes(2, "big")
    return kind + b"\x7f" + size_bytes.to_bytes(8, "big")


def framed_text(text: str) -> bytes:
    """A frame of text."""
    data = text.encode()
    return header(len(data), b"\x81") + data


def framed(envelopes: Iterable[Envelope]) -> bytes:
    """The frames of several envelopes, one after the other."""
    parts: list[bytes] = []
    for envelope in envelopes:
        parts.append(header(len(envelope.encoded)))
        parts.append(envelope.encoded)
    return b"".join(parts)


def chunks(batch: list[Envelope]) -> Iterator[list[Envelope]]:
    """A batch in pieces of at most `CHUNK_BYTES`, each of at least one envelope."""
    start = size_bytes = 0
    for index, envelope in enumerate(batch):
        size_bytes += len(envelope.encoded)
        if size_bytes > CHUNK_BYTES and index > start:
            yield batch[start:index]
            start, size_bytes = index, len(envelope.encoded)
    if start < len(batch):
        yield batch[start:]


class FrameScanner:
    """Finds where frames begin in received bytes, however these are split: RFC 6455, section 5.2.

    The library parses everything that it is given. This costs a fraction of that, and shows up to which frame
    a client stays within its rate limit.
    """

    def __init__(self) -> None:
        self._header = b""
        self._payload_bytes = 0
        """How much of the current frame's payload is still to come."""

    def starts(self, data: bytes) -> Iterator[int]:
        """The positions in `data` where frames begin; nothing is scanned before the next one is asked for."""
        at = 0
        while at < len(data):
            if self._payload_bytes:
                skipped = min(self._payload_bytes, len(data) - at)
                self._payload_bytes -= skipped
                at += skipped
                continue
            if not self._header:
                yield at
            missing = _header_bytes(self._header) - len(self._header)
            self._header += data[at : at + missing]
            at += missing
            if len(self._header) == _header_bytes(self._header):
                self._payload_bytes = _payload_bytes(self._header)
                self._header = b""


_LONGER: Final = {126: 2, 127: 8}
"""How many bytes hold the length of a longer payload, by the marker in place of a short one's length."""


def _header_bytes(beginning: bytes) -> int:
    """How long a header is, as far as its first bytes tell: at least 2 bytes."""
    if len(beginning) < 2:
        return 2
    mask_bytes = 4 if beginning[1] & 0x80 else 0
    return 2 + _LONGER.get(beginning[1] & 0x7F, 0) + mask_bytes


def _payload_bytes(header: bytes) -> int:
    length = header[1] & 0x7F
    return int.from_bytes(header[2 : 2 + _LONGER[length]], "big") if length in _LONGER else length
