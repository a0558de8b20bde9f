"""Connected sockets, and the files of their encryption."""

import os
import re
import socket
import ssl
import stat
from pathlib import Path

import pytest

from beats.kit import sockets
from beats.kit.sockets import client_context, connected_socket
from tests.adapters.http.test_tls import make_certificate
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


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with certificates of two authorities, and their keys."""
    for name in ("one", "other"):
        make_certificate(tmp_path, name)
    for kind in ("CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        name = {"CERTIFICATE": "cut.pem", "PRIVATE KEY": "cut.key"}.get(kind, "locked.key")
        (tmp_path / name).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    return tmp_path


def test_servers_must_present_a_certificate(files: Path) -> None:
    """Of their name, from a trusted authority: the given one, or those of the operating system."""
    ours = client_context(files / "one.pem", files / "one.pem", files / "one.key")
    for context in (client_context(None, None, None), ours):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    assert len(ours.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("ca", "cert", "key", "why"),
    [
        ("gone", None, None, "tls_ca '.*gone': No such file"),
        ("one.key", None, None, "tls_ca '.*one.key' holds no certificate"),
        (None, "gone", "one.key", "tls_cert '.*gone': No such file"),
        (None, "one.pem", "other.key", "tls_key '.*other.key' is not the key .* tls_cert '.*one.pem'"),
        (None, "one.key", "one.key", "tls_cert '.*one.key' holds no certificate"),
        (None, "one.pem", "one.pem", "tls_key '.*one.pem' holds no private key"),
        (None, "cut.pem", "one.key", "tls_cert '.*cut.pem': its certificate is damaged"),
        (None, "one.pem", "cut.key", "tls_key '.*cut.key': its private key is damaged"),
        (None, "one.pem", "locked.key", "tls_key '.*locked.key' is encrypted with a password"),
    ],
)
def test_bad_files_are_named(
    files: Path, ca: str | None, cert: str | None, key: str | None, why: str
) -> None:
    """With their settings."""
    paths = [None if name is None else files / name for name in (ca, cert, key)]
    with pytest.raises(OSError, match=re.compile(why)):
        client_context(*paths)
