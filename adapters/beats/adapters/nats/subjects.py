"""Where a stream travels on a NATS server: from topics to subjects and back. Decides without I/O."""

import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote

from beats.kernel.envelope import FRAME_TOPIC

PREFIX: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
STREAM: Final = re.compile(r"[A-Za-z0-9_-]+")
MAX_TOKEN: Final = 1024
"""Longest token: a server cuts off who sends it a line of more than 4,096 bytes, subject and all."""

_PERIPHERAL: Final = "peripheral/"
_EMPTY: Final = "%"
_DIGEST: Final = "%sha256-"


class Subjects:
    """The subjects of one stream: `<prefix>.<stream>.frame` and `<prefix>.<stream>.peripheral.<token>`."""

    def __init__(self, prefix: str, stream: str) -> None:
        """Name a stream by a prefix of one token or more, and a token of its own."""
        base = f"{prefix}.{stream}"
        self.everything: Final = f"{base}.>"
        """What matches all subjects of the stream, and no other."""
        self.last_values: Final = base.replace(".", "_")
        """The name of the JetStream stream that keeps the last message of each."""
        self._frame: Final = f"{base}.frame"
        self._peripheral: Final = f"{base}.peripheral."

    def of(self, topic: str) -> str:
        """The subject of a topic."""
        return (
            self._frame if topic == FRAME_TOPIC else self._peripheral + token(topic.removeprefix(_PERIPHERAL))
        )

    def topic(self, subject: str) -> str | None:
        """The topic of a subject; None when it is none of this stream, or does not tell."""
        if subject == self._frame:
            return FRAME_TOPIC
        if not subject.startswith(self._peripheral):
            return None
        found = peripheral_id(subject.removeprefix(self._peripheral))
        return None if found is None else _PERIPHERAL + found


def token(peripheral_id: str) -> str:
    """An id as one token of a subject, which may hold no blank, dot or wildcard, and not be empty.

    Different ids have different tokens, and `peripheral_id` reads them back: what is no letter, digit, `-`,
    `_` or `~` is written as `%` and two digits for each byte, as in an address (RFC 3986). The token of an id
    that would become too long is its digest, from which it cannot be read; it is in the envelope.
    """
    if not peripheral_id:
        return _EMPTY
    escaped = quote(peripheral_id, safe="").replace(".", "%2E")
    return escaped if len(escaped) <= MAX_TOKEN else _DIGEST + sha256(peripheral_id.encode()).hexdigest()


def peripheral_id(text: str) -> str | None:
    """The id that has this token; None when none has, or the token does not tell."""
    if text == _EMPTY:
        return ""
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
    return found if found and token(found) == text else None
