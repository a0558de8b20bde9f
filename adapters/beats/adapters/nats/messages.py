"""Messages on the NATS server: the subject of an envelope, and its headers. Decides without I/O."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from beats.kernel.envelope import FRAME_TOPIC, Envelope, Kind, frame_topic

PREFIX: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
STREAM: Final = re.compile(r"[A-Za-z0-9_-]+")
MAX_TOKEN: Final = 1024
"""Longest token: a server cuts off a client whose line, with the subject, is longer than 4,096 bytes."""
SEQUENCE: Final = "Beats-Sequence"
ORIGIN: Final = "Beats-Origin"

_PICTURE: Final = "frame/"
_PERIPHERAL: Final = "peripheral/"
_EMPTY: Final = "%"
_DIGEST: Final = "%sha256-"
_NUMBER_DIGITS: Final = 20


class Subjects:
    """The subjects of a stream below `<prefix>.<stream>`: `frame`, `frame.<token>`, `peripheral.<token>`."""

    def __init__(self, prefix: str, stream: str) -> None:
        """Name a stream by a prefix of one token or more, and its own token."""
        base = f"{prefix}.{stream}"
        self.everything: Final = f"{base}.>"
        """The pattern of all subjects of the stream, and no others."""
        self.last_values: Final = base.replace(".", "_")
        """The name of the JetStream stream that keeps the last message of each subject."""
        self._frame: Final = f"{base}.frame"
        self._picture: Final = f"{base}.frame."
        self._peripheral: Final = f"{base}.peripheral."

    def of(self, topic: str) -> str:
        """The subject of a topic."""
        if topic == FRAME_TOPIC:
            return self._frame
        if topic.startswith(_PICTURE):
            return self._picture + token(topic.removeprefix(_PICTURE))
        return self._peripheral + token(topic.removeprefix(_PERIPHERAL))

    def topic(self, subject: str) -> str | None:
        """The topic of a subject; None for other streams, and when it cannot be read from the subject."""
        if subject == self._frame:
            return FRAME_TOPIC
        if subject.startswith(self._picture):
            found = id_of(subject.removeprefix(self._picture))
            return frame_topic(found) if found else None
        if not subject.startswith(self._peripheral):
            return None
        found = id_of(subject.removeprefix(self._peripheral))
        return None if found is None else _PERIPHERAL + found

    def kind(self, subject: str) -> Kind:
        """The kind of the messages of a subject."""
        is_frame = subject == self._frame or subject.startswith(self._picture)
        return "frame" if is_frame else "peripheral"


def token(id: str) -> str:  # noqa: A002 - the wire's own word
    """An id as one token of a subject, which may hold no blank, dot or wildcard, and may not be empty.

    Different ids have different tokens, and `id_of` reads them back: any character except letters,
    digits, `-`, `_` and `~` is written as `%` and two digits for each byte, as in an address (RFC 3986). An
    id whose token would be too long has its digest as token; the id itself is in the envelope.
    """
    if not id:
        return _EMPTY
    escaped = quote(id, safe="").replace(".", "%2E")
    return escaped if len(escaped) <= MAX_TOKEN else _DIGEST + sha256(id.encode()).hexdigest()


def id_of(text: str) -> str | None:
    """The id that has this token; None when the token is invalid, or a digest."""
    if text == _EMPTY:
        return ""
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
    return found if found and token(found) == text else None


class MessageHeaders(NamedTuple):
    """The headers of a message; not to be trusted, since anyone may send a message."""

    origin: str = ""
    """The run of the kernel that first published the envelope; empty when missing."""
    sequence: int = 0
    """0 when missing."""


def headers_of(headers: Mapping[str, str] | None) -> MessageHeaders:
    """The headers of a message."""
    if not headers:
        return MessageHeaders()
    return MessageHeaders(headers.get(ORIGIN, ""), _number(headers.get(SEQUENCE, "")))


def publish_command(subject: bytes, origin: bytes, envelope: Envelope) -> tuple[bytes, int]:
    """What precedes an envelope's bytes, which CR LF follows, and the size that the server counts.

    See https://docs.nats.io/reference/reference-protocols/nats-protocol, HPUB.
    """
    headers = (
        b"NATS/1.0\r\nBeats-Sequence: %d\r\nBeats-Captured-Unix-Ns: %d\r\nBeats-Origin: %b\r\n\r\n"
    ) % (envelope.sequence, envelope.captured_unix_ns, origin)
    size_bytes = len(headers) + len(envelope.encoded)
    return b"HPUB %b %d %d\r\n%b" % (subject, len(headers), size_bytes, headers), size_bytes


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS else 0
