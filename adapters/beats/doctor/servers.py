"""Checks the servers that a profile connects to."""

import socket
import threading
from collections.abc import Iterator
from typing import Final

from beats.config.errors import dotted
from beats.doctor.findings import Finding
from beats.kernel.capabilities import authority
from beats.kernel.resources import Server
from beats.kit.link_status import reason
from beats.runtime.conflicts import Part

_ANSWER_S: Final = 2.0
"""Longest wait for an answer; a sink or source waits as its settings say, and tries again."""


def server(part: Part, resource: Server) -> Iterator[Finding]:
    """Whether anything accepts a connection; says nothing, so a wrong password is not noticed.

    For a UDP port, check only whether there is a route to its host.

    Args:
        part: the sink or source that connects.
        resource: the server.
    """
    address = authority(resource.host, resource.port)
    subject, name = f"server {address}", dotted(part.key)
    error = _attempt(resource)
    if error is None and resource.protocol == "udp":
        yield Finding(
            subject, "ok", f"has an address; {name} sends to it, and UDP does not tell if it arrives"
        )
        return
    if error is None:
        yield Finding(subject, "ok", f"accepts connections; {name} connects to it")
        return
    setting = dotted((*part.key, resource.key))
    why = error if isinstance(error, str) else reason(error)
    if isinstance(error, (socket.gaierror, UnicodeError)):  # UnicodeError: it is too long for a name
        what = f"{name}: the name {resource.host!r:.80} is not known: {why}"
        advice = f"correct {setting}; a name that ends in .local is known only while its machine is on"
    else:
        way = "way" if resource.protocol == "udp" else "connection"
        what, advice = f"{name}: no {way} to {address}: {why}", f"start it, or correct {setting}"
    yield Finding(subject, "warning", what, advice)


def _attempt(resource: Server) -> Exception | str | None:
    """Why there is no connection; None if there is one."""
    errors: list[Exception | None] = []

    def connect() -> None:
        try:
            if resource.protocol == "udp":
                family, kind, *_, found = socket.getaddrinfo(
                    resource.host, resource.port, type=socket.SOCK_DGRAM
                )[0]
                with socket.socket(family, kind) as udp:
                    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    udp.connect(found)  # sends nothing
            else:
                socket.create_connection((resource.host, resource.port), timeout=_ANSWER_S).close()
            errors.append(None)
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=connect, daemon=True)  # a name server may take long
    thread.start()
    thread.join(_ANSWER_S)
    return errors[0] if errors else f"no answer within {_ANSWER_S:g} s"
