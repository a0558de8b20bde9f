"""Ports that several processes will share, kept free for them before they start."""

import socket
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.errors import StartError
from beats.kit.addresses import UNAVAILABLE, addresses


@contextmanager
def reserved(sinks: Mapping[str, WebSocketSettings]) -> Generator[dict[str, int]]:
    """Hold the port of each sink as long as the block lasts; a free one where it is 0.

    A socket that is bound and does not listen gets no connection, and keeps away whoever does not share.

    Raises:
        StartError: a port is taken, or cannot be shared here.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise StartError("--workers shares a port among processes, which this system cannot (SO_REUSEPORT)")
    with ExitStack() as stack:
        yield {name: _hold(stack, name, sink) for name, sink in sinks.items()}


def _hold(stack: ExitStack, name: str, sink: WebSocketSettings) -> int:
    port = sink.port
    try:
        found = addresses(sink.host)
    except OSError as error:
        raise StartError(f"sink {name!r} could not start: host {sink.host!r}: {error.strerror}") from error
    lacking = 0
    for family, address in found:
        try:
            sock = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
        except OSError as error:
            lacking += error.errno in UNAVAILABLE
            if error.errno in UNAVAILABLE and lacking < len(found):
                continue  # a family that this machine lacks
            raise StartError(
                f"sink {name!r} could not start: port {port} on {sink.host!r}: {error.strerror}: "
                "stop what has it, or choose another"
            ) from error
        port = port or sock.getsockname()[1]
    return port
