"""Starts the worker pool: reserves the port, starts the broker and the workers."""

import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import ProfileSettings
from beats.kernel.errors import SettingsStartError, StartError
from beats.kit.addresses import addresses, bind_all
from beats.kit.extras import missing
from beats.kit.ports import refused
from beats.runtime.host import Host, Part
from beats.workers.broker import broker
from beats.workers.pool import WorkerPool
from beats.workers.split import Relay, Share, parent_profile, served, stream_name

_COMMAND: Final = (sys.executable, "-m", "beats.cli.worker")


class Workers(NamedTuple):
    """The options of worker processes."""

    processes: int
    server: str | None
    """The broker's URL; None to start one."""
    settings: Mapping[str, object]
    """Where a worker reads its settings."""
    show: Callable[[int, str], object]
    """Shows a line of the log of the worker with a number."""


@asynccontextmanager
async def worker_pool(
    workers: Workers, settings: ProfileSettings, make_host: Callable[[Part], Host]
) -> AsyncGenerator[Host]:
    """Start workers; the block begins when they listen. Yields the parent's host, which is not run yet.

    Args:
        workers: how many, and what they are told.
        settings: the whole profile.
        make_host: makes a host of the part of the profile that the parent runs.

    Raises:
        StartError: something is missing, or a worker cannot start; says what to do.
    """
    sinks = served(settings)
    if not sinks:
        raise SettingsStartError(
            f"--workers shares viewers among processes, and profile {settings.profile!r} has no websocket "
            "sink that is enabled: choose another profile, or leave --workers out"
        )
    if find_spec("nats") is None:
        lacking = missing("--workers", "nats")
        raise SettingsStartError(str(lacking)) from lacking
    with reserved(sinks) as ports:
        async with broker() if workers.server is None else nullcontext(workers.server) as server:
            relay = Relay(server, stream_name(settings, ports))
            host = make_host(partial(parent_profile, relay=relay))
            share = Share(relay, ports, workers.processes, workers.settings)
            backoff = host.kernel.options.backoff
            command = (*_COMMAND, settings.kernel.event_loop)
            pool = WorkerPool(command, share, tuple(sinks), host.kernel, backoff, workers.show)
            host.peer = pool
            async with pool.running():
                yield host


@contextmanager
def reserved(sinks: Mapping[str, WebSocketSettings]) -> Generator[dict[str, int]]:
    """Reserve the port of each sink until the block ends; a free port for port 0.

    A bound socket that does not listen gets no connection, and keeps out programs that do not share the port.

    Raises:
        StartError: a port is in use, or ports cannot be shared on this system.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        text = "--workers shares a port among processes, which this system cannot (SO_REUSEPORT)"
        raise SettingsStartError(text)
    with ExitStack() as stack:
        yield {name: _hold(stack, name, sink) for name, sink in sinks.items()}


def _hold(stack: ExitStack, name: str, sink: WebSocketSettings) -> int:
    try:
        found = addresses(sink.host)
    except OSError as error:
        raise StartError(f"sink {name!r} could not start: host {sink.host!r}: {error.strerror}") from error
    try:
        sockets = bind_all(found, sink.port, _bound)
    except OSError as error:
        why = refused(error, ("sinks", name, "port"), sink.host, sink.port)
        raise StartError(f"sink {name!r} could not start: {why}") from error
    for sock in sockets:
        stack.enter_context(sock)
    port: int = sockets[0].getsockname()[1]
    return port


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
