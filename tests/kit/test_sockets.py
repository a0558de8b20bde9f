"""Connected sockets."""

import os
import socket
import stat

import pytest

from beats.kit import sockets
from beats.kit.sockets import connected_socket
from tests.support.nats import free_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # it is asyncio's sockets that they are for


def open_sockets() -> int:
    names = os.listdir("/proc/self/fd")  # noqa: PTH208 - pathlib would open more of them
    return sum(stat.S_ISSOCK(os.fstat(int(name)).st_mode) for name in names if _is_open(int(name)))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:  # the listing itself
        return False
    return True


async def test_it_connects_to_the_address_that_answers() -> None:
    """Among all of a host. Small writes do not wait; unsent bytes stay within reach of the queue."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = await connected_socket("localhost", listener.getsockname()[1], 20)
        with sock:
            assert sock.getpeername() == listener.getsockname()
            assert sock.gettimeout() == 0
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            bound = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            assert bound == sockets._NOTSENT_BYTES  # pyright: ignore[reportPrivateUsage]


async def test_a_refused_connection_is_an_error() -> None:
    """It leaves nothing open."""
    before = open_sockets()
    with pytest.raises(ConnectionRefusedError):
        await connected_socket("127.0.0.1", free_port(), 20)
    with pytest.raises(OSError, match=r"."):
        await connected_socket("nowhere.invalid", 1, 20)
    assert open_sockets() == before


async def test_a_connection_without_an_answer_times_out() -> None:
    """After the given time."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]  # more than the operating system answers by itself
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
            await connected_socket("127.0.0.1", port, 0.05)
        for sock in waiting:
            sock.close()
