"""WebSocket framing of what is sent to many: once, not once for each viewer."""

from collections.abc import Iterable, Iterator
from typing import Final

from beats.kernel.envelope import Envelope

CHUNK_BYTES: Final = 256 * 1024
"""Most that is written to a viewer in one step, unless one envelope alone is larger."""


def header(size_bytes: int) -> bytes:
    """The header of an unmasked, final binary frame: RFC 6455, section 5.2."""
    if size_bytes < 126:
        return b"\x82" + size_bytes.to_bytes(1, "big")
    if size_bytes < 65536:
        return b"\x82\x7e" + size_bytes.to_bytes(2, "big")
    return b"\x82\x7f" + size_bytes.to_bytes(8, "big")


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
