"""Hosts of controllers as they are written in settings."""

from typing import NamedTuple, Self


class HostPort(NamedTuple):
    """A host and a UDP port."""

    host: str
    """Name or address; of IPv6 without brackets."""
    port: int

    @classmethod
    def of(cls, text: str, default_port: int) -> Self:
        """Read HOST, HOST:PORT, ADDRESS or [ADDRESS]:PORT.

        Raises:
            ValueError: the text has none of these forms; says what would be right.
        """
        text = text.strip()
        host, colon, port = text, "", ""
        if text.startswith("["):
            host, _, rest = text[1:].partition("]")
            colon, port = rest[:1], rest[1:]
        elif text.count(":") == 1:
            host, colon, port = text.partition(":")
        is_name = host != "" and not any(letter.isspace() or letter in "/[]@" for letter in host + port)
        if not is_name or colon not in ("", ":"):
            raise ValueError(
                f"{text!r} is not a host: give a name or an address, such as wall.local or 10.0.0.5"
            )
        if not colon:
            return cls(host, default_port)
        if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise ValueError(f"{text!r} has the port {port!r}; it must be a number from 1 to 65535")
        return cls(host, int(port))
