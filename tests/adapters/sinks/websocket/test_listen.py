"""Listening sockets."""

import errno
import socket

import pytest

from beats.adapters.sinks.websocket.listen import listen

pytestmark = pytest.mark.anyio


async def test_all_addresses_of_a_host_share_one_free_port() -> None:
    """Port 0 gives the same port on 127.0.0.1 and ::1, so that either name reaches it."""
    sockets = await listen("localhost", 0)
    try:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == 1
        for sock in sockets:
            with socket.create_connection(sock.getsockname()[:2], timeout=5):
                pass
    finally:
        for sock in sockets:
            sock.close()


@pytest.mark.parametrize("host", ["::", "*"])
async def test_all_addresses_means_those_of_both_families(host: str) -> None:
    """Viewers reach it by IPv4 and by IPv6, on one port, and are told apart by their true addresses."""
    sockets = await listen(host, 0)
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


async def test_a_port_in_use_is_said_with_what_to_do() -> None:
    """The error keeps its number and names port, host and a way out."""
    (first,) = await listen("127.0.0.1", 0)
    with first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on '127.0.0.1' is in use.*choose another") as caught:
            await listen("127.0.0.1", port)
        assert caught.value.errno == errno.EADDRINUSE


async def test_a_foreign_address_is_said_to_be_one() -> None:
    """An address that this machine does not have is named as the fault (RFC 5737 documentation range)."""
    with pytest.raises(OSError, match=r"'192\.0\.2\.1' is not an address of this machine"):
        await listen("192.0.2.1", 0)


async def test_a_host_without_address_is_named() -> None:
    """A name that cannot be resolved is quoted (RFC 6761: `.invalid` never exists)."""
    with pytest.raises(OSError, match=r"host 'beats\.invalid' has no address"):
        await listen("beats.invalid", 0)
    with pytest.raises(OSError, match=r"host 'x{70}' has no address"):
        await listen("x" * 70, 0)


async def test_small_writes_do_not_wait_for_acknowledgements() -> None:
    """Accepted connections inherit TCP_NODELAY from the listening socket."""
    (server,) = await listen("127.0.0.1", 0)
    with server, socket.create_connection(server.getsockname(), timeout=5):
        server.setblocking(True)
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
