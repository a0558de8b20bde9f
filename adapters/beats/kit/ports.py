"""What to say when a port of the settings cannot be listened on."""

import errno
from collections.abc import Sequence
from typing import Final

from beats.kit.addresses import UNAVAILABLE

PAGE: Final = "operation#when-a-port-is-in-use"
"""The page of the documentation about it."""
_LAST: Final = 65535


class PortError(OSError):
    """A port cannot be listened on; the text says which setting, why, and what would be right."""

    def __str__(self) -> str:
        """The text, without the number of the error."""
        return str(self.strerror)


def refused(
    error: OSError, key: Sequence[str], host: str, port: int, *, kind: str = "", other: str = "another Beats"
) -> PortError:
    """The error to raise for one that the operating system gave.

    Args:
        error: the system's.
        key: the setting of the port, such as `sinks`, `browser`, `port`.
        host: what was to be listened on.
        port: its port.
        kind: begins the text, such as `UDP `.
        other: who may have the port.
    """
    from beats.config.errors import dotted  # only now: `beats info` reads no settings
    from beats.config.layers.environment import variable_name

    where = f"{kind}port {port} on {host!r}"
    free = port + 1 if 1024 <= port < _LAST else 8766
    ways = f"with {dotted(key)} or the variable {variable_name(key)}, such as {free} (0: any free one)"
    if error.errno == errno.EADDRINUSE:
        text = f"{where} is in use, perhaps by {other}: stop that, or choose another {ways}"
    elif error.errno in UNAVAILABLE:
        own = dotted([*key[:-1], "host"])
        text = (
            f"{where} cannot be listened on: {host!r} is not an address of this machine; give one with {own} "
            f"or the variable {variable_name([*key[:-1], 'host'])}, such as localhost"
        )
    elif error.errno == errno.EACCES:
        text = f"{where} needs privileges: choose one from 1024 {ways}"
    else:
        text = f"{where} cannot be listened on: {error.strerror}; choose another {ways}"
    return PortError(error.errno, text)
