"""The MQTT topics of a stream, and filters of topics. Decides without I/O."""

import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from beats.kernel.envelope import FRAME_TOPIC

PREFIX: Final = re.compile(r"[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*")
"""What a prefix may be."""
MAX_BYTES: Final = 1024
"""Longest escaped id. A topic may have 65,535 bytes (MQTT 3.1.1, section 1.5.3)."""
MAX_LEVELS: Final = 100
"""Most levels of an escaped id: mosquitto closes the connection of a client that sends more than 200."""

_STATUS: Final = "status"
_FRAME: Final = "frame"
_PICTURE: Final = "frame/"
_PERIPHERAL: Final = "peripheral/"
_DIGEST: Final = "%sha256-"
_RESERVED: Final = re.compile(rf"^({_STATUS}|{_FRAME})(?=/|$)")
_EMPTY_LEVEL: Final = re.compile(r"(?:^|(?<=/))/|/$")
"""A slash after which, or before which, there is no text."""


def checked_filter(text: str) -> str:
    """Return a filter of topics if it is valid: MQTT 3.1.1, section 4.7.

    Raises:
        ValueError: the text is not a filter; says what would be right.
    """
    levels = text.split("/")
    wrong = [each for each in levels if ("+" in each and each != "+") or ("#" in each and each != "#")]
    if not text or "\0" in text or len(text.encode()) > 65_535 or wrong or "#" in levels[:-1]:
        raise ValueError(
            f"{text!r:.80} is not a filter of topics: + stands for a whole level and # for all last ones, "
            "as in home/+/temperature or home/#"
        )
    return text


class Topics:
    """The topics below `<prefix>`: `status`, `frame`, `frame/<id>`, and `<id>` for updates."""

    def __init__(self, prefix: str) -> None:
        """Name a stream by the first levels of its topics."""
        self.prefix: Final = prefix
        self.status: Final = f"{prefix}/{_STATUS}"
        """Says whether the stream is `online` or `offline`."""

    def of(self, topic: str) -> str:
        """The MQTT topic of a topic of the bus."""
        if topic == FRAME_TOPIC:
            return f"{self.prefix}/{_FRAME}"
        if topic.startswith(_PICTURE):
            return f"{self.prefix}/{_PICTURE}{escaped(topic.removeprefix(_PICTURE))}"
        # An update must not pass for the status or a picture.
        name = _RESERVED.sub(_first_as_hex, escaped(topic.removeprefix(_PERIPHERAL)), count=1)
        return f"{self.prefix}/{name}"


def escaped(id: str) -> str:  # noqa: A002 - the wire's own word
    """An id as one or more levels of a topic, without wildcards and without empty levels.

    Written as `%` and two digits for each byte of UTF-8, as in an address (RFC 3986): the wildcards `+` and
    `#`, `%` itself, all that cannot be printed, and each slash that would begin, end or follow an empty
    level. Everything else stays, so different ids have different topics, and `urllib.parse.unquote` reads
    them back. An id that is too long, or has too many levels, has its digest as topic.
    """
    text = "".join(_as_hex(each) if each in "+#%" or not each.isprintable() else each for each in id)
    text = _EMPTY_LEVEL.sub("%2F", text)
    if len(text.encode()) > MAX_BYTES or text.count("/") >= MAX_LEVELS:
        return _DIGEST + sha256(id.encode()).hexdigest()
    return text


def _as_hex(character: str) -> str:
    return quote(character, safe="")


def _first_as_hex(found: re.Match[str]) -> str:
    return f"%{ord(found[0][0]):02X}{found[0][1:]}"
