"""Listening sockets."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from websockets.asyncio.client import connect

from beats.adapters.http import listener, server
from beats.adapters.http.limits import Handshakes
from beats.adapters.http.listener import Acceptor, listen
from beats.kit.descriptors import Descriptors
from beats.kit.event_loop import run
from tests.adapters.http.test_tls import make_certificate, trusting
from tests.adapters.sinks.websocket.support import RawClient, fetch, on_air, receive, settings, until
from tests.adapters.sinks.websocket.test_fuzz import REQUEST

pytestmark = pytest.mark.anyio
KEY = ("sinks", "browser", "port")


async def test_all_addresses_of_a_host_share_one_free_port() -> None:
    """Port 0 gives the same on 127.0.0.1 and ::1. Small writes do not wait for acknowledgements."""
    sockets = await listen("localhost", 0, KEY)
    try:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == 1
        for sock in sockets:
            with socket.create_connection(sock.getsockname()[:2], timeout=5):
                sock.setblocking(True)
                accepted, _ = sock.accept()
                with accepted:
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    finally:
        for sock in sockets:
            sock.close()


@pytest.mark.parametrize("host", ["::", "*"])
async def test_a_wildcard_means_both_families(host: str) -> None:
    """Viewers reach it by IPv4 and by IPv6 on one port, and keep their true addresses."""
    sockets = await listen(host, 0, KEY)
    try:
        (port,) = {sock.getsockname()[1] for sock in sockets}
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port), timeout=5) as client:
                accepted = [pair for sock in sockets if (pair := _accepted(sock)) is not None]
                assert [peer[0] for _, peer in accepted] == [client.getsockname()[0]] == [address]
                accepted[0][0].close()
    finally:
        for sock in sockets:
            sock.close()


def _accepted(sock: socket.socket) -> tuple[socket.socket, tuple[str, int]] | None:
    try:
        return sock.accept()
    except BlockingIOError:
        return None


async def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    """A port in use, an address of another machine (RFC 5737), and a host that never exists (RFC 6761)."""
    (first,) = await listen("127.0.0.1", 0, KEY)
    with first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on '127.0.0.1' is in use.*choose another") as caught:
            await listen("127.0.0.1", port, KEY)
        assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match=r"'192\.0\.2\.1' is not an address of this machine"):
        await listen("192.0.2.1", 0, KEY)
    for host in ("beats.invalid", "x" * 70):
        with pytest.raises(OSError, match=f"host '{host}' has no address"):
            await listen(host, 0, KEY)


@contextmanager
def connections(port: int, count: int, source: str = "127.0.0.1") -> Generator[list[socket.socket]]:
    """This many clients that have connected and send nothing."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)))
            for _ in range(count)
        ]


def is_ended(client: socket.socket) -> bool:
    """Whether the server has ended a connection that it has sent nothing to."""
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


async def ended(clients: list[socket.socket], count: int) -> None:
    """Wait until this many of them are."""
    await until(lambda: sum(map(is_ended, clients)) >= count)


async def test_max_handshakes_bounds_connections_that_were_not_let_in() -> None:
    """Places of viewers do not add to it; the oldest ones are closed."""
    async with on_air(settings(max_handshakes=4)) as running:
        with connections(running.port, 20) as clients:
            await ended(clients, 16)
            await until(lambda: [is_ended(client) for client in clients] == [True] * 16 + [False] * 4)


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"], ids=["same-address", "other-address"])
async def test_idle_connections_lock_nobody_out(source: str) -> None:
    """Health is answered and viewers come in, from other addresses and from the same one."""
    async with on_air(settings(max_handshakes=4, max_clients=4)) as running:
        with connections(running.port, 50):
            for path in ("/livez", "/readyz", "/healthz"):
                assert (await fetch(running.port, path, "GET", source)).status == 200
            async with connect(running.url, local_addr=(source, 0)) as viewer:
                running.knob(1)
                assert (await receive(viewer)).sequence == 1


async def test_many_connections_harm_no_other_address() -> None:
    """A slow client that came before them keeps its place."""
    async with on_air(settings(max_handshakes=4)) as running:
        with connections(running.port, 1, "127.0.0.2") as (slow,), connections(running.port, 40) as clients:
            await ended(clients, 37)
            assert not is_ended(slow)
            slow.settimeout(10)
            slow.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await to_thread.run_sync(slow.recv, 12)) == b"HTTP/1.1 200"


async def test_many_clients_at_once_are_all_served() -> None:
    """More honest clients than handshakes wait; none is closed."""
    async with on_air(settings(max_handshakes=4)) as running:
        with connections(running.port, 100) as clients:
            for client in clients:
                client.sendall(REQUEST)
            await until(lambda: running.totals.connected == 100)


async def test_connections_before_tls_count(tmp_path: Path) -> None:
    """Before TLS has begun, and in the middle of its handshake; others are let in."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(settings(tls_cert=cert, tls_key=key, max_handshakes=4)) as running:
        with connections(running.port, 10) as silent, connections(running.port, 10) as half:
            for client in half:
                with contextlib.suppress(OSError):  # it may have had to give way by now
                    client.sendall(b"\x16\x03\x01")  # the beginning of a handshake: RFC 8446, section 5.1
            await ended([*silent, *half], 16)
            assert running.sink.address is not None
            async with connect(running.sink.address.url, ssl=trusting(cert)):
                await until(lambda: running.totals.connected == 1)


async def test_connections_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they asked for, and however soon they left."""
    made: list[Handshakes] = []

    def make(most: int, clock: Callable[[], float]) -> Handshakes:
        made.append(Handshakes(most, clock))
        return made[-1]

    monkeypatch.setattr(server, "Handshakes", make)
    plain = b"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer guess\r\n\r\n"
    async with on_air(settings(token="t")) as running:

        def come_and_go() -> None:
            for said in (b"", b"G", plain, REQUEST, REQUEST.replace(b"GET /", b"GET /?token=t")) * 40:
                client = RawClient(running.port, handshake=False)
                client.socket.sendall(said)
                client.reset()

        await to_thread.run_sync(come_and_go)
        assert (await fetch(running.port, "/")).status == 200
        await until(lambda: len(made[0]) == 0 and running.totals.connected == 0)
        assert not running.sink._admission._viewers  # pyright: ignore[reportPrivateUsage]


async def test_silent_connections_do_not_outlive_the_server() -> None:
    """They are closed when it ends."""
    async with on_air() as running:
        stack = ExitStack()
        clients = stack.enter_context(connections(running.port, 3))
        assert (await fetch(running.port, "/livez")).status == 200
    with stack:
        assert all(map(is_ended, clients))


async def test_the_library_gets_a_few_at_a_time() -> None:
    """Other tasks have their turn in between."""
    turns: list[int] = []
    made = 0

    class Library(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal made
            made += 1
            transport.close()

    async def other() -> None:
        while made < 20:
            turns.append(made)
            await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        acceptor = Acceptor([listening], Handshakes(100, loop.time), Descriptors("browser"), 10.0)
        with acceptor.in_place_of_create_server():
            await loop.create_server(Library, "unused")
        with connections(listening.getsockname()[1], 20) as clients:
            for client in clients:
                client.send(b"G")
            acceptor.resume()
            await other()
        acceptor.close()
        await acceptor.wait_closed()
    assert {0, 8, 16} <= set(turns)


def test_uvloop_is_served_as_asyncio_is() -> None:
    """It accepts by itself otherwise; the bound on handshakes holds there too."""

    async def main() -> None:
        assert type(asyncio.get_running_loop()).__module__ == "uvloop"
        async with on_air(settings(max_handshakes=4)) as running:
            with connections(running.port, 20) as clients:
                await ended(clients, 16)
                assert (await fetch(running.port, "/livez")).status == 200

    run(main, event_loop="uvloop")


class Exhausted(socket.socket):
    """A listening socket that cannot accept for a while, and counts the attempts."""

    number = errno.EMFILE
    tries = 0
    left = 1

    def accept(self) -> tuple[socket.socket, Any]:
        Exhausted.tries += 1
        if Exhausted.left:
            Exhausted.left -= 1
            raise OSError(self.number, "as asked")
        return super().accept()


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EMFILE, "nearly all of the"), (errno.ENOBUFS, "trying again in 0.05 s")]
)
async def test_an_error_when_accepting_is_waited_out(
    number: int, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once; after a pause, connections that wait are accepted."""
    monkeypatch.setattr(listener, "_ERROR_PAUSE_S", 0.05)
    monkeypatch.setattr(Exhausted, "number", number)
    monkeypatch.setattr(Exhausted, "tries", 0)
    monkeypatch.setattr(Exhausted, "left", 1)
    handshakes = Handshakes(4, asyncio.get_running_loop().time)
    with Exhausted() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        acceptor = Acceptor([listening], handshakes, Descriptors("browser"), 10.0)
        acceptor.resume()
        with connections(listening.getsockname()[1], 1):
            await until(lambda: len(handshakes) == 1)
            assert Exhausted.tries == 3  # the error, the one that waits, and that there is no other
        acceptor.close()
    assert len(handshakes) == 0
    [record] = caplog.records
    assert (record.levelno, said in record.getMessage()) == (logging.WARNING, True)
