"""Where an envelope belongs, in the headers of its message: to which run of which origin, and where in it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from beats.kernel.envelope import Envelope

SEQUENCE: Final = "Beats-Sequence"
CAPTURED: Final = "Beats-Captured-Unix-Ns"
ORIGIN: Final = "Beats-Origin"

_NUMBER_DIGITS: Final = 20


class Place(NamedTuple):
    """What the headers say; nothing of it is certain, for anyone may send a message."""

    origin: str
    """The run of the kernel that the envelope was first published in; empty when it is not said."""
    sequence: int
    """0 when it is not said."""


NOWHERE: Final = Place("", 0)


def publish_command(subject: bytes, origin: bytes, envelope: Envelope) -> tuple[bytes, int]:
    """What stands before an envelope's bytes, with CR LF after them, and the size that the server counts.

    See https://docs.nats.io/reference/reference-protocols/nats-protocol, HPUB.
    """
    headers = (
        b"NATS/1.0\r\nBeats-Sequence: %d\r\nBeats-Captured-Unix-Ns: %d\r\nBeats-Origin: %b\r\n\r\n"
    ) % (envelope.sequence, envelope.captured_unix_ns, origin)
    size_bytes = len(headers) + len(envelope.encoded)
    return b"HPUB %b %d %d\r\n%b" % (subject, len(headers), size_bytes, headers), size_bytes


def place_of(headers: Mapping[str, str] | None) -> Place:
    """What headers say of a message's place."""
    if not headers:
        return NOWHERE
    return Place(headers.get(ORIGIN, ""), _number(headers.get(SEQUENCE, "")))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS else 0
